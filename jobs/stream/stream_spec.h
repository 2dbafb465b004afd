#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <millrace/shared.h>

#include "jobs/stream/command_attempt.h"
#include "jobs/stream/streaming_options.h"

namespace millrace::jobs::stream {

/// Counters as tasks send them to the driver: ("GROUP,COUNTER", amount), sorted. A group's name holds no comma.
using CounterList = std::vector<std::pair<std::string, std::int64_t>>;

/// Adds counters by name, for an Accumulator.
struct AddCounters {
  static CounterList zero() { return {}; }
  static void add(CounterList& into, const CounterList& more);
};
using CounterSum = Accumulator<CounterList, AddCounters>;

/// What the tasks of a streaming job have to know. Travels with both of its stages.
struct StreamSpec {
  std::uint32_t source = 0;    ///< node of the input
  std::uint32_t shuffle = 0;   ///< node between mappers and reducers
  std::uint32_t counters = 0;  ///< id of the CounterSum
  std::uint32_t reduces = 1;

  Program::Kind mapper_kind = Program::Kind::identity;
  Program::Kind combiner_kind = Program::Kind::identity;  ///< identity: there is none
  Program::Kind reducer_kind = Program::Kind::identity;
  CommandSpec mapper, combiner, reducer;  ///< of those that are commands

  InputFormat input_format = InputFormat::text;
  std::string xml_begin, xml_end;
  std::uint64_t xml_longest = 0;
  bool xml_slow_match = false;
  bool pass_input_key = false;
  std::string input_key_separator, map_input_separator, reduce_input_separator, output_separator;
  KeyLayout map_output, reduce_output;
  bool keep_bare_keys = true;

  std::vector<SortKey> partition_keys;
  bool sort_by_fields = false;
  std::vector<SortKey> sort_keys;
  KeyOrdering sort_ordering;
  char key_field_separator = '\t';

  bool lazy_output = false;
  bool compress_output = false;

  static constexpr auto fields = std::tuple{&StreamSpec::source,
                                            &StreamSpec::shuffle,
                                            &StreamSpec::counters,
                                            &StreamSpec::reduces,
                                            &StreamSpec::mapper_kind,
                                            &StreamSpec::combiner_kind,
                                            &StreamSpec::reducer_kind,
                                            &StreamSpec::mapper,
                                            &StreamSpec::combiner,
                                            &StreamSpec::reducer,
                                            &StreamSpec::input_format,
                                            &StreamSpec::xml_begin,
                                            &StreamSpec::xml_end,
                                            &StreamSpec::xml_longest,
                                            &StreamSpec::xml_slow_match,
                                            &StreamSpec::pass_input_key,
                                            &StreamSpec::input_key_separator,
                                            &StreamSpec::map_input_separator,
                                            &StreamSpec::reduce_input_separator,
                                            &StreamSpec::output_separator,
                                            &StreamSpec::map_output,
                                            &StreamSpec::reduce_output,
                                            &StreamSpec::keep_bare_keys,
                                            &StreamSpec::partition_keys,
                                            &StreamSpec::sort_by_fields,
                                            &StreamSpec::sort_keys,
                                            &StreamSpec::sort_ordering,
                                            &StreamSpec::key_field_separator,
                                            &StreamSpec::lazy_output,
                                            &StreamSpec::compress_output};
};

/// One part of NLineInputFormat's input.
struct LineSplit {
  std::string path;
  std::uint64_t offset = 0;  ///< of its first line
  std::string text;          ///< whole lines

  static constexpr auto fields = std::tuple{&LineSplit::path, &LineSplit::offset, &LineSplit::text};
};

}  // namespace millrace::jobs::stream

#include <millrace/codec.h>

#include "plan/job.h"

// Stages as bytes, through the same codecs as elements.

namespace millrace::plan {
namespace {

constexpr std::uint32_t magic = 0x3253524d;  // "MRS2"

void put(Encoder& out, const std::vector<std::byte>& bytes) { out.put(bytes); }

void put(Encoder& out, const MappedArea& area) {
  out.put(area.address);
  out.put<std::uint64_t>(area.files.size());
  for (const MappedArea::File& file : area.files) {
    out.put(file.path);
    out.put(file.bytes);
  }
}

void put(Encoder& out, const Source& source) {
  out.put(source.kind);
  out.put(source.record_bytes);
  out.put(source.element_type);
  out.put(source.separator);
  out.put(source.quote);
  out.put(source.header);
  out.put(source.quoted_newlines);
  out.put<std::uint64_t>(source.splits.size());
  for (const Split& split : source.splits) {
    out.put<std::uint64_t>(split.ranges.size());
    for (const FileRange& range : split.ranges) {
      out.put(range.path);
      out.put(range.begin);
      out.put(range.end);
      out.put(range.whole);
    }
    put(out, split.payload);
  }
  put(out, source.area);
}

template <class E>
E get_enum(Decoder& in, E last) {
  const auto value = in.get<std::uint8_t>();
  if (value > static_cast<std::uint8_t>(last)) throw Error(Cause::bad_data, "a stage's bytes hold an unknown kind");
  return static_cast<E>(value);
}

bool get_bool(Decoder& in) { return in.get<std::uint8_t>() != 0; }

// A count that the remaining bytes can hold, so that broken bytes cannot make us allocate at will.
std::uint64_t get_count(Decoder& in, std::size_t least_bytes_each) {
  const auto count = in.get<std::uint64_t>();
  const auto left = static_cast<std::uint64_t>(in.end() - in.at());
  if (count > left / least_bytes_each) throw Error(Cause::bad_data, "a stage's bytes promise more than they hold");
  return count;
}

MappedArea get_area(Decoder& in) {
  MappedArea area;
  area.address = in.get<std::uint64_t>();
  for (std::uint64_t n = get_count(in, 9); n != 0; --n) {
    MappedArea::File& file = area.files.emplace_back();
    file.path = in.get<std::string>();
    file.bytes = in.get<std::uint64_t>();
  }
  return area;
}

Source get_source(Decoder& in) {
  Source source;
  source.kind = get_enum(in, SourceKind::range);
  source.record_bytes = in.get<std::uint64_t>();
  source.element_type = in.get<std::string>();
  source.separator = in.get<char>();
  source.quote = in.get<char>();
  source.header = get_bool(in);
  source.quoted_newlines = get_bool(in);
  const std::uint64_t splits = get_count(in, 9);
  for (std::uint64_t i = 0; i < splits; ++i) {
    Split split;
    const std::uint64_t ranges = get_count(in, 18);
    for (std::uint64_t r = 0; r < ranges; ++r) {
      FileRange range;
      range.path = in.get<std::string>();
      range.begin = in.get<std::uint64_t>();
      range.end = in.get<std::uint64_t>();
      range.whole = get_bool(in);
      split.ranges.push_back(std::move(range));
    }
    split.payload = in.get<std::vector<std::byte>>();
    source.splits.push_back(std::move(split));
  }
  source.area = get_area(in);
  return source;
}

std::vector<std::uint32_t> values(const auto& ids) {
  std::vector<std::uint32_t> out;
  for (const auto& id : ids) out.push_back(id.value);
  return out;
}

}  // namespace

std::vector<std::byte> encode_stage(const Stage& stage) {
  Encoder out;
  out.put(magic);
  out.put(stage.id.value);
  out.put(stage.name);
  out.put(stage.partitions);
  out.put(values(stage.parents));
  out.put(stage.code);
  put(out, stage.closure);
  out.put<std::uint64_t>(stage.sources.size());
  for (const auto& [node, source] : stage.sources) {
    out.put(node.value);
    put(out, source);
  }
  out.put<std::uint64_t>(stage.cached.size());
  for (const auto& [node, level] : stage.cached) {
    out.put(node.value);
    out.put(level);
  }
  out.put<std::uint64_t>(stage.operations.size());
  for (const auto& [node, text] : stage.operations) {
    out.put(node.value);
    out.put(text);
  }
  out.put(values(stage.reads));
  out.put<std::uint64_t>(stage.refers_to.size());
  for (const MappedArea& area : stage.refers_to) put(out, area);
  out.put<std::uint8_t>(stage.output.has_value());
  if (stage.output) {
    out.put(stage.output->shuffle.value);
    out.put(stage.output->partitions);
  }
  out.put(stage.output_directory);
  out.put(stage.part_suffix);
  out.put(stage.input_bytes);
  out.put<std::uint8_t>(stage.result_limit.has_value());
  if (stage.result_limit) {
    out.put(stage.result_limit->bytes);
    out.put(stage.result_limit->action);
  }
  return out.take();
}

Stage decode_stage(std::span<const std::byte> bytes) {
  Decoder in(bytes);
  if (in.get<std::uint32_t>() != magic) throw Error(Cause::bad_data, "these bytes are not a stage");
  Stage stage;
  stage.id = StageId{in.get<std::uint32_t>()};
  stage.name = in.get<std::string>();
  stage.partitions = in.get<std::vector<std::uint32_t>>();
  for (std::uint32_t id : in.get<std::vector<std::uint32_t>>()) stage.parents.push_back(StageId{id});
  stage.code = in.get<std::uint64_t>();
  stage.closure = in.get<std::vector<std::byte>>();
  for (std::uint64_t n = get_count(in, 4); n != 0; --n) {
    const NodeId node{in.get<std::uint32_t>()};
    stage.sources[node] = get_source(in);
  }
  for (std::uint64_t n = get_count(in, 5); n != 0; --n) {
    const NodeId node{in.get<std::uint32_t>()};
    stage.cached[node] = get_enum(in, CacheLevel::disk);
  }
  for (std::uint64_t n = get_count(in, 5); n != 0; --n) {
    const NodeId node{in.get<std::uint32_t>()};
    stage.operations[node] = in.get<std::string>();
  }
  for (std::uint32_t id : in.get<std::vector<std::uint32_t>>()) stage.reads.push_back(ShuffleId{id});
  for (std::uint64_t n = get_count(in, 16); n != 0; --n) stage.refers_to.push_back(get_area(in));
  if (get_bool(in)) {
    const ShuffleId shuffle{in.get<std::uint32_t>()};
    stage.output = ShuffleOutput{shuffle, in.get<std::uint32_t>()};
  }
  stage.output_directory = in.get<std::string>();
  stage.part_suffix = in.get<std::string>();
  stage.input_bytes = in.get<std::uint64_t>();
  if (get_bool(in)) {
    stage.result_limit.emplace().bytes = in.get<std::uint64_t>();
    stage.result_limit->action = in.get<std::string>();
  }
  if (!in.done()) throw Error(Cause::bad_data, "a stage's bytes go on after its end");
  return stage;
}

}  // namespace millrace::plan

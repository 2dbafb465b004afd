#include "jobs/join/join.h"

#include "jobs/join/key_of.h"

namespace millrace::jobs {
namespace {

/// Prints matches: the key, then what is left of each line without its key.
struct PrintMatch {
  JoinSpec spec;

  template <class Match, class Emit>
  void operator()(const Match& match, Emit& emit) const {
    thread_local std::string text;
    text.assign(match.first);
    append_others(text, match.second.first, spec.left_field, match.first.size());
    append_others(text, match.second.second, spec.right_field, match.first.size());
    emit(Line(text));
  }

 private:
  template <class OptionalLine>
  void append_others(std::string& text, const OptionalLine& line, std::uint32_t index, std::size_t key_size) const {
    if constexpr (std::is_convertible_v<const OptionalLine&, Line>) {
      const Line all = line;
      std::size_t key = 0;
      for (std::uint32_t i = 0; i < index; ++i) key = all.find(spec.separator, key) + 1;
      if (key != 0) text.append(1, spec.separator).append(all.substr(0, key - 1));
      text.append(all.substr(key + key_size));
    } else if (line) {
      append_others(text, *line, index, key_size);
    }
  }
};

}  // namespace

Dataset<std::string_view> join_lines(Context& context, const std::vector<std::string>& left,
                                     const std::vector<std::string>& right, const JoinSpec& spec) {
  const auto lefts = context.read_text(left).map(KeyOf{spec.left_field, spec.separator});
  const auto rights = context.read_text(right).map(KeyOf{spec.right_field, spec.separator});
  const PrintMatch print{spec};
  if (spec.small_right && spec.keep_left) return lefts.broadcast_join<true>(rights).flat_map<Line>(print);
  if (spec.small_right) return lefts.broadcast_join(rights).flat_map<Line>(print);
  if (spec.keep_left && spec.keep_right) return lefts.full_outer_join(rights).flat_map<Line>(print);
  if (spec.keep_left) return lefts.left_outer_join(rights).flat_map<Line>(print);
  if (spec.keep_right) return lefts.right_outer_join(rights).flat_map<Line>(print);
  return lefts.join(rights).flat_map<Line>(print);
}

}  // namespace millrace::jobs

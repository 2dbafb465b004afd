#include "jobs/links/links.h"

namespace millrace::jobs {
namespace {

std::pair<std::string_view, std::string_view> reversed_edge(std::string_view line) {
  const std::size_t tab = line.find('\t');
  if (tab == line.npos) throw Error(Cause::bad_data, "no tab between source and target");
  return {line.substr(tab + 1), line.substr(0, tab)};
}

struct ListSources {
  template <class Sources, class Emit>
  void operator()(std::string_view target, Sources& sources, Emit& emit) const {
    std::string list;
    sources.for_each([&](std::string_view source) { list.append(source).push_back(','); });
    list.pop_back();
    emit(Links{target, list});
  }
};

}  // namespace

Dataset<Links> reverse_links(Context& context, const std::vector<std::string>& inputs) {
  return context.read_text(inputs)
      .map([](std::string_view line) { return reversed_edge(line); })
      .reduce_groups<Links>(ListSources{});
}

}  // namespace millrace::jobs

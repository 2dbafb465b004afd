#include "jobs/terms/terms.h"

#include <functional>

#include "jobs/terms/host.h"
#include "jobs/terms/most_frequent.h"

namespace millrace::jobs {
namespace {

using HostTerm = std::pair<std::string_view, std::string_view>;
using Counted = std::pair<HostTerm, std::uint64_t>;
using TermCount = std::pair<std::string_view, std::uint64_t>;

struct TermsOfLine {
  template <class Emit>
  void operator()(std::string_view line, Emit& emit) const {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) throw Error(Cause::bad_data, "no tab between the document's URL and its text");
    const std::string_view host = host_of(line.substr(0, tab));
    words(line.substr(tab + 1), [&](std::string_view term) { emit(Counted{{host, term}, 1}); });
  }
};

struct TopTerms {
  std::uint64_t top;

  template <class Terms, class Emit>
  void operator()(std::string_view host, Terms& terms, Emit& emit) const {
    MostFrequent most(top);
    terms.for_each([&](const TermCount& term) { most.add(term.first, term.second); });
    std::string list;
    for (const auto& [term, count] : most.take())
      list += (list.empty() ? "" : ",") + term + ':' + std::to_string(count);
    emit(TermVector{host, list});
  }
};

}  // namespace

Dataset<TermVector> term_vectors(Context& context, const std::vector<std::string>& inputs, std::uint64_t top) {
  return context.read_text(inputs)
      .flat_map<Counted>(TermsOfLine{})
      .reduce_by_key(std::plus<>{})
      .map([](const Counted& c) {
        return std::pair(c.first.first, TermCount{c.first.second, c.second});
      })
      .reduce_groups<TermVector>(TopTerms{top})
      .sort_by_key();
}

}  // namespace millrace::jobs

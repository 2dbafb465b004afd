#include "jobs/index/index.h"

#include "jobs/index/postings.h"

namespace millrace::jobs {
namespace {

using Occurrence = std::pair<std::string_view, std::uint64_t>;  // document, position

struct OccurrencesOfWords {
  bool positions;

  template <class Emit>
  void operator()(std::string_view line, Emit& emit) const {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) throw Error(Cause::bad_data, "no tab between the document's id and its text");
    const std::string_view id = line.substr(0, tab);
    std::uint64_t position = 0;
    words(line.substr(tab + 1), [&](std::string_view word) {
      if (positions) ++position;
      emit(std::pair(word, Occurrence(id, position)));
    });
  }
};

}  // namespace

Dataset<IndexEntry> inverted_index(Context& context, const std::vector<std::string>& inputs, bool positions) {
  return context.read_text(inputs)
      .flat_map<std::pair<std::string_view, Occurrence>>(OccurrencesOfWords{positions})
      .combine_by_key(
          [](const Owned<Occurrence>& occurrence) {
            Postings postings;
            postings.add(occurrence.first, occurrence.second);
            return postings;
          },
          [](Postings postings, const Owned<Occurrence>& occurrence) {
            postings.add(occurrence.first, occurrence.second);
            return postings;
          },
          [](Postings earlier, const Postings& later) {
            earlier.append(later);
            return earlier;
          })
      .flat_map<IndexEntry>([](const auto& entry, auto& emit) {
        const std::string list = entry.second.list();
        emit(IndexEntry{entry.first, list});
      });
}

}  // namespace millrace::jobs

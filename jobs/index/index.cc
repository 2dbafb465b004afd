#include "jobs/index/index.h"

#include "jobs/index/document_id.h"
#include "jobs/index/postings.h"

namespace millrace::jobs {
namespace {

using Occurrence = std::tuple<std::string_view, std::uint64_t, std::uint64_t>;  // document, its mark, position

struct OccurrencesOfWords {
  std::uint64_t step;  // of positions: 1, or 0 when they are not wanted
  DocumentMarks marks{};

  template <class Emit>
  void operator()(std::string_view line, Emit& emit) {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) throw Error(Cause::bad_data, "no tab between the document's id and its text");
    const std::string_view id = line.substr(0, tab);
    const std::uint64_t mark = marks.of(id);
    std::uint64_t position = 0;
    words(line.substr(tab + 1), [&](std::string_view word) {
      position += step;
      emit(std::pair(word, Occurrence(id, mark, position)));
    });
  }
};

void add(Postings& postings, const Owned<Occurrence>& occurrence) {
  const auto& [document, mark, position] = occurrence;
  postings.add(document, mark, position);
}

}  // namespace

Dataset<IndexEntry> inverted_index(Context& context, const std::vector<std::string>& inputs, bool positions) {
  return context.read_text(inputs)
      .flat_map<std::pair<std::string_view, Occurrence>>(OccurrencesOfWords{positions ? 1u : 0u})
      .combine_by_key(
          [](const Owned<Occurrence>& occurrence) {
            Postings postings;
            add(postings, occurrence);
            return postings;
          },
          [](Postings& postings, const Owned<Occurrence>& occurrence) { add(postings, occurrence); },
          [](Postings& earlier, const Postings& later) { earlier.append(later); })
      .flat_map<IndexEntry>([](const auto& entry, auto& emit) {
        const std::string list = entry.second.list();
        emit(IndexEntry{entry.first, list});
      });
}

}  // namespace millrace::jobs

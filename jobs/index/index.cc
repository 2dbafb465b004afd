#include "jobs/index/index.h"

#include <algorithm>

#include "jobs/index/document_id.h"
#include "jobs/index/occurrences.h"

namespace millrace::jobs {
namespace {

struct PostWords {
  bool positions;

  template <class Emit>
  void operator()(std::string_view line, Emit& emit) const {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) throw Error(Cause::bad_data, "no tab between the document's id and its text");
    thread_local Occurrences document;
    document.clear();
    words(line.substr(tab + 1), [](std::string_view word) { document.add(word); });
    std::string posting(line.substr(0, tab));
    for (const Occurrences::Word& word : document.words()) {
      posting.resize(tab);
      for (auto at = word.first; positions && at != Occurrences::none; at = document.next(at))
        posting += ':' + std::to_string(at);
      emit(Postings{word.text, posting});
    }
  }
};

struct SortPostings {
  template <class List, class Emit>
  void operator()(std::string_view word, List& list, Emit& emit) const {
    std::string text;
    std::vector<std::size_t> ends;
    list.for_each([&](std::string_view posting) { ends.push_back(text.append(posting).size()); });
    std::vector<std::string_view> postings;
    for (std::size_t begin = 0; const std::size_t end : ends) {
      postings.push_back(std::string_view(text).substr(begin, end - begin));
      begin = end;
    }
    if (!std::is_sorted(postings.begin(), postings.end(), comes_before))
      std::stable_sort(postings.begin(), postings.end(), comes_before);
    std::string joined;
    for (const std::string_view posting : postings) joined.append(posting).push_back(',');
    joined.pop_back();
    emit(Postings{word, joined});
  }
};

}  // namespace

Dataset<Postings> inverted_index(Context& context, const std::vector<std::string>& inputs, bool positions) {
  return context.read_text(inputs).flat_map<Postings>(PostWords{positions}).reduce_groups<Postings>(SortPostings{});
}

}  // namespace millrace::jobs

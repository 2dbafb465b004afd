#pragma once

#include <string>
#include <vector>

#include <millrace/millrace.h>

namespace millrace::jobs {

/// (word, the ids of the documents that it occurs in, with commas between them).
using Postings = std::pair<std::string_view, std::string_view>;

/// The inverted index of documents: lines `id<TAB>text`. The ids of a word are sorted: numbers by value, before all
/// others, which are sorted by their bytes. With positions an id is followed by the numbers of the words, counted from
/// 1, that are this word: `id:3:17`. A line without a tab is Error(bad_data).
Dataset<Postings> inverted_index(Context& context, const std::vector<std::string>& inputs, bool positions);

}  // namespace millrace::jobs

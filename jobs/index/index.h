#pragma once

#include <string>
#include <utility>
#include <vector>

#include <millrace/millrace.h>

namespace millrace::jobs {

/// (word, the ids of the documents that it occurs in, with commas between them).
using IndexEntry = std::pair<std::string_view, std::string_view>;

/// The inverted index of documents, which are lines `id<TAB>text`: each word with the ids of its documents, each once,
/// sorted: numbers by value, before all others, which are sorted by their bytes. With positions an id is followed by
/// the numbers of the words, counted from 1, that are this word: `id:3:17`. Lines with one id are taken together. The
/// words come in no particular order. (Dean and Ghemawat, "MapReduce", OSDI 2004, section 2.3.) A line without a tab is
/// Error(bad_data).
Dataset<IndexEntry> inverted_index(Context& context, const std::vector<std::string>& inputs, bool positions);

}  // namespace millrace::jobs

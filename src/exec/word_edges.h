#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::exec {

/// As internal::word_edges() (text.h).
using WordEdges = std::size_t (*)(const char* text, std::size_t length, bool in_word, std::uint16_t* edges);

/// Those that this processor can run, the fastest first.
std::vector<WordEdges> ways_to_word_edges();

}  // namespace millrace::exec

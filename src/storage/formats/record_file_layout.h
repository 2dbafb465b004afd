#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

// The numbers of the record file's format; docs/formats.md explains them. Reader and writer share them.

namespace millrace::storage::record_layout {

/// The first byte is not ASCII and the last is a newline, so that neither text nor a file that was converted as text
/// passes.
inline constexpr std::array<unsigned char, 8> file_magic = {0x93, 'M', 'L', 'R', 'R', 'E', 'C', '\n'};
inline constexpr std::array<unsigned char, 8> end_magic = {0x93, 'M', 'L', 'R', 'E', 'N', 'D', '\n'};
inline constexpr std::uint16_t version = 1;

inline constexpr std::size_t fixed_header_bytes = 16;  ///< then the type's name, then the checksum of both
inline constexpr std::size_t checksum_bytes = 8;
inline constexpr std::size_t block_header_bytes = 24;  ///< the checksum first: it covers what follows it
inline constexpr std::size_t index_entry_bytes = 24;
inline constexpr std::size_t trailer_bytes = 48;

}  // namespace millrace::storage::record_layout

#pragma once

#include <memory>
#include <span>
#include <string>

#include "storage/byte_stream.h"
#include "storage/file_system.h"

namespace millrace::storage {

enum class Compression : std::uint8_t { none, gzip, zstd };

/// "none", "gzip", "zstd".
const char* name(Compression compression);

/// Tells by the first bytes of a file, never by its name.
Compression detect_compression(std::span<const std::byte> first_bytes);
Compression detect_compression(const InputFile& file);

/// The content of a file, decompressed when its first bytes are those of gzip (any number of members) or zstd (any
/// number of frames, skippable ones too). A stream that is cut or broken throws Error(bad_data) that names the file and
/// the compressed byte; what came before it has then been delivered. Zero bytes after the last gzip member, with which
/// tapes and block devices pad files, are ignored; anything else there is an error.
std::unique_ptr<ByteStream> open_stream(const FileSystem& files, const std::string& path);
std::unique_ptr<ByteStream> open_stream(std::unique_ptr<InputFile> file);

/// A file that takes plain bytes and writes them compressed into `file`. size() counts the plain bytes. close() ends
/// the stream and closes `file`; without it the file is left cut. The same bytes in the same writes give the same file.
/// Level: 0 for the format's default; gzip 1 to 9, zstd 1 to 19. Compression::none returns `file` itself.
std::unique_ptr<OutputFile> compress(std::unique_ptr<OutputFile> file, Compression compression, int level = 0);

}  // namespace millrace::storage

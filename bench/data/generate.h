#pragma once

#include <cstdint>
#include <string>

// The benchmark inputs. Every function writes one file whose bytes depend on its arguments alone.
namespace bench {

// The files named in `list` (one path a line; gzip and dictzip are unpacked; files with NUL bytes are left out), cut
// into blocks of whole paragraphs, shuffled anew for every repetition, to exactly `bytes` bytes ending in a newline.
void generate_text(const std::string& list, const std::string& output, std::uint64_t bytes, std::uint64_t seed);

// `id<TAB>text` lines: paragraphs of the same files joined to documents of some 4 KB, in all about `bytes` bytes.
void generate_documents(const std::string& list, const std::string& output, std::uint64_t bytes, std::uint64_t seed);

// Lines of 100 bytes with a key of 10 random printable bytes, so that line sorters read the same file as record
// sorters.
void generate_records(const std::string& output, std::uint64_t count, std::uint64_t seed);

// One word a line, all different, in random order of their bytes, about `bytes` in all.
void generate_distinct(const std::string& output, std::uint64_t bytes, std::uint64_t seed);

// Access-log lines in the combined format; the URLs follow Zipf's law over `urls` different ones.
void generate_logs(const std::string& output, std::uint64_t count, std::uint64_t urls, std::uint64_t seed);

// `source<TAB>target` lines, about `bytes` in all. No pair occurs twice; the targets follow Zipf's law.
void generate_edges(const std::string& output, std::uint64_t bytes, std::uint64_t seed);

// `left` has `left_rows` rows key<TAB>amount<TAB>date, `right` one row key<TAB>name<TAB>region for each of the keys
// 1..right_rows; one left row in eleven has no partner.
void generate_join(const std::string& left, const std::string& right, std::uint64_t left_rows, std::uint64_t right_rows,
                   std::uint64_t seed);

// CSV lines of 10 features (normal, 6 decimals) and a label, 0 or 1, drawn from a logistic model.
void generate_points(const std::string& output, std::uint64_t count, std::uint64_t seed);

}  // namespace bench

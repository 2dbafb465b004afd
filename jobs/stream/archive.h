#pragma once

#include <string>
#include <string_view>

namespace millrace::jobs::stream {

/// Whether a file of this name is unpacked by -archives: .zip .jar .tar .tgz .tar.gz .tar.bz2 .tar.xz .tar.zst …
bool is_archive_name(std::string_view name);

/// Unpacks a tar (compressed or not) or zip file into `directory`, which exists. What the archive holds is recognised
/// by its content. Entries that would leave the directory are refused. Throws Error(input) when the archive cannot be
/// read, Error(bad_data) when it is broken, Error(out_of_disk) or Error(output) when it cannot be written.
void unpack_archive(const std::string& path, const std::string& directory);

}  // namespace millrace::jobs::stream

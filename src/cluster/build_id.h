#pragma once

#include <string>

namespace millrace::cluster {

/// What tells this executable from others: processes of the same build have the same code at the same offsets. It is
/// the linker's build id, or the content's hash where there is none.
const std::string& build_id();

}  // namespace millrace::cluster

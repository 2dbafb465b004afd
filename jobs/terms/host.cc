#include "jobs/terms/host.h"

namespace millrace::jobs {

std::string_view host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != url.npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  url.remove_prefix(url.rfind('@') + 1);
  return url.substr(0, url.find(':'));
}

}  // namespace millrace::jobs

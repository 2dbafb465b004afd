#include <cstdint>
#include <dlfcn.h>
#include <link.h>

#include <millrace/codec.h>
#include <millrace/error.h>
#include <millrace/internal/closure.h>

// Functions as offsets in the executable. The executable itself is the first object that dl_iterate_phdr reports.

namespace millrace::internal {
namespace {

struct Image {
  std::uintptr_t base = 0;
  std::uintptr_t low = ~std::uintptr_t{0};
  std::uintptr_t high = 0;
};

int first_object(dl_phdr_info* info, std::size_t, void* out) {
  auto& image = *static_cast<Image*>(out);
  image.base = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
    const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    image.low = begin < image.low ? begin : image.low;
    image.high = begin + header.p_memsz > image.high ? begin + header.p_memsz : image.high;
  }
  return 1;
}

const Image& executable() {
  static const Image image = [] {
    Image found;
    dl_iterate_phdr(first_object, &found);
    return found;
  }();
  return image;
}

}  // namespace

std::uint64_t code_offset(const void* function) {
  const Image& image = executable();
  const auto address = reinterpret_cast<std::uintptr_t>(function);
  if (address < image.low || address >= image.high) {
    throw Error(
        Cause::usage,
        "a function given to a dataset lies in a shared library, where other processes cannot find it; wrap the "
        "call in a lambda of the job");
  }
  return address - image.base;
}

const void* code_address(std::uint64_t offset) {
  const Image& image = executable();
  const std::uintptr_t address = image.base + offset;
  if (address < image.low || address >= image.high) {
    throw Error(Cause::bad_data, "a task names code that is not in this executable; are both of the same build?");
  }
  return reinterpret_cast<const void*>(address);
}

void throw_truncated() {
  throw Error(Cause::bad_data,
              "encoded bytes end in the middle of an element: they were cut off, or written as another type");
}

}  // namespace millrace::internal

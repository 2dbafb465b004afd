#include "cluster/munge.h"

#include <cstdlib>
#include <dlfcn.h>
#include <fmt/format.h>
#include <memory>
#include <munge.h>
#include <unistd.h>

#include <millrace/error.h>

namespace millrace::cluster {
namespace {

template <class Function>
Function* symbol(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (found == nullptr) throw Error(Cause::lost_node, fmt::format("the munge library has no {}", name));
  return reinterpret_cast<Function*>(found);
}

// Most programs never need it: those that do are on a machine of a cluster, where it is.
struct Library {
  Library() : handle(dlopen("libmunge.so.2", RTLD_NOW)) {
    if (handle == nullptr) {
      throw Error(Cause::lost_node,
                  fmt::format("the tasks of this Slurm step cannot know one another: {}; install munge's library "
                              "(libmunge2) on the nodes",
                              dlerror()));
    }
    encode = symbol<decltype(munge_encode)>(handle, "munge_encode");
    decode = symbol<decltype(munge_decode)>(handle, "munge_decode");
    text = symbol<decltype(munge_strerror)>(handle, "munge_strerror");
    create = symbol<decltype(munge_ctx_create)>(handle, "munge_ctx_create");
    destroy = symbol<decltype(munge_ctx_destroy)>(handle, "munge_ctx_destroy");
    set = symbol<decltype(munge_ctx_set)>(handle, "munge_ctx_set");
  }
  void* handle;
  decltype(munge_encode)* encode;
  decltype(munge_decode)* decode;
  decltype(munge_strerror)* text;
  decltype(munge_ctx_create)* create;
  decltype(munge_ctx_destroy)* destroy;
  decltype(munge_ctx_set)* set;
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

using Freed = std::unique_ptr<void, decltype(&std::free)>;
using Settings = std::unique_ptr<munge_ctx, decltype(munge_ctx_destroy)*>;

// Where a cluster has a munge daemon of its own, Slurm's tasks find its socket in the environment.
Settings settings() {
  Settings out(library().create(), library().destroy);
  if (out == nullptr) throw Error(Cause::lost_node, "munge cannot be used: out of memory");
  if (const char* socket = std::getenv("MILLRACE_MUNGE_SOCKET")) library().set(out.get(), MUNGE_OPT_SOCKET, socket);
  return out;
}

}  // namespace

std::string munge(std::span<const std::byte> content) {
  const Settings use = settings();
  library().set(use.get(), MUNGE_OPT_UID_RESTRICTION, getuid());
  char* credential = nullptr;
  const munge_err_t error = library().encode(&credential, use.get(), content.data(), static_cast<int>(content.size()));
  const Freed owner(credential, &std::free);
  if (error != EMUNGE_SUCCESS) throw Error(Cause::lost_node, fmt::format("munge: {}", library().text(error)));
  return credential;
}

Unmunged unmunge(const std::string& credential) {
  const Settings use = settings();
  Unmunged out;
  void* content = nullptr;
  int size = 0;
  gid_t group = 0;
  const munge_err_t error = library().decode(credential.c_str(), use.get(), &content, &size, &out.user, &group);
  const Freed owner(content, &std::free);
  if (error != EMUNGE_SUCCESS) throw Error(Cause::lost_node, fmt::format("munge: {}", library().text(error)));
  const auto bytes = std::as_bytes(std::span(static_cast<const char*>(content), static_cast<std::size_t>(size)));
  out.content.assign(bytes.begin(), bytes.end());
  return out;
}

}  // namespace millrace::cluster

// What a stream of shuffle blocks between two executors carries, beside a raw TCP stream of the same bytes:
//   shuffle_stream [MEGABYTES [ROUNDS]]
// One process holds the output of a map task in memory and serves it as executors do; the other reads it as a reduce
// task does: proof of the secret, frames, checksums made and checked, blocks in pages of their own. In turn with it,
// round after round, the first sends the same memory through a plain socket, which the second receives into one buffer.
// Prints the medians in bytes a second, and their ratio, as JSON.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <iostream>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "cluster/block_client.h"
#include "cluster/block_server.h"
#include "exec/stores.h"
#include "storage/local_file_system.h"

namespace {

using namespace millrace;

constexpr std::size_t element_bytes = 64;
constexpr std::size_t raw_piece = std::size_t{1} << 20;
constexpr ShuffleId shuffle{1};

struct Ports {
  std::uint16_t blocks = 0;
  std::uint16_t raw = 0;
};

exec::Output output_of(exec::Stores& stores, std::size_t bytes) {
  exec::BlockWriter writer(stores.blocks, 1, exec::Placement::memory_only);
  for (std::size_t written = 0; written < bytes; written += element_bytes) {
    std::byte* const at = writer.room(0, element_bytes);
    std::fill_n(at, element_bytes, static_cast<std::byte>(written / element_bytes));
    writer.wrote(0, at + element_bytes);
  }
  writer.finish();
  std::optional<exec::Output> output = writer.take();
  if (!output) throw std::runtime_error("the output does not fit in memory");
  return std::move(*output);
}

/// A plain stream sleeps in the call that waits.
void make_blocking(const rpc::Socket& socket) {
  fcntl(socket.descriptor(), F_SETFL, fcntl(socket.descriptor(), F_GETFL) & ~O_NONBLOCK);
}

/// Sends the blocks to each caller without anything around them, as long as the process lives.
void serve_raw(rpc::Listener& listener, const exec::Output& output) {
  for (;;) {
    rpc::Socket socket = listener.accept();
    make_blocking(socket);
    for (const exec::StoredBlock& block : output.partitions[0]) socket.send(block.memory.bytes);
  }
}

/// The process that has the output. Ends when it is killed.
[[noreturn]] void serve(const rpc::Membership& membership, std::size_t bytes, int ports_out) {
  exec::Stores stores(bytes * 4, 1, storage::local_file_system(), "/nonexistent", exec::Carrier::memory);
  stores.shuffles.put(shuffle, 0, output_of(stores, bytes));
  cluster::BlockServer server(membership, &stores, {});
  rpc::Listener blocks(rpc::Address{"127.0.0.1", 0});
  rpc::Listener raw(rpc::Address{"127.0.0.1", 0});
  const Ports ports{blocks.address().port, raw.address().port};
  server.listen(std::move(blocks));
  if (write(ports_out, &ports, sizeof ports) != sizeof ports) std::_Exit(1);
  serve_raw(raw, *stores.shuffles.output(shuffle, 0));
  std::_Exit(0);
}

std::size_t read_blocks(cluster::BlockClient& client, exec::Stores& stores) {
  std::uint64_t bytes = 0;
  const auto stream = client.open(
      ExecutorId{1}, shuffle, 0, {0}, [&](std::size_t size) { return stores.memory.pages(size); }, &bytes);
  for (internal::Block block; stream->next(0, block);) continue;
  return bytes;
}

std::size_t read_raw(std::uint16_t port) {
  const rpc::Socket socket = rpc::Socket::connect({"127.0.0.1", port}, std::chrono::seconds(10));
  make_blocking(socket);
  std::vector<std::byte> room(raw_piece);
  std::size_t bytes = 0;
  for (;;) {
    const ssize_t count = recv(socket.descriptor(), room.data(), room.size(), 0);
    if (count <= 0) return bytes;
    bytes += static_cast<std::size_t>(count);
  }
}

/// Bytes a second.
double rate(const std::function<std::size_t()>& read, std::size_t expected) {
  const auto begin = std::chrono::steady_clock::now();
  const std::size_t bytes = read();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (bytes != expected) throw std::runtime_error("bytes were lost");
  return static_cast<double>(bytes) / took.count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void compare(const rpc::Membership& membership, const Ports& ports, std::size_t bytes, int rounds) {
  exec::Stores stores(bytes, 1, storage::local_file_system(), "/nonexistent", exec::Carrier::memory);
  cluster::BlockClient client(membership, std::chrono::seconds(10));
  client.set_address(ExecutorId{1}, {"127.0.0.1", ports.blocks});
  std::vector<double> blocks;
  std::vector<double> raw;
  for (int round = 0; round <= rounds; ++round) {
    const double of_raw = rate([&] { return read_raw(ports.raw); }, bytes);
    const double of_blocks = rate([&] { return read_blocks(client, stores); }, bytes);
    if (round == 0) continue;  // both processes touch their memory for the first time
    raw.push_back(of_raw);
    blocks.push_back(of_blocks);
  }
  std::cout << "{\"bytes\": " << bytes << ", \"rounds\": " << rounds << ", \"raw\": " << median(raw)
            << ", \"blocks\": " << median(blocks) << ", \"ratio\": " << median(blocks) / median(raw) << "}\n";
}

}  // namespace

int main(int argc, char** argv) try {
  const std::size_t bytes = (argc > 1 ? std::stoull(argv[1]) : 1024) << 20;
  const int rounds = argc > 2 ? std::stoi(argv[2]) : 5;
  const rpc::Membership membership{rpc::make_secret()};
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child == 0) serve(membership, bytes, pipe_ends[1]);
  close(pipe_ends[1]);
  Ports ports;
  const bool serves = read(pipe_ends[0], &ports, sizeof ports) == sizeof ports;
  if (serves) compare(membership, ports, bytes, rounds);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return serves ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << "shuffle_stream: " << error.what() << '\n';
  return 1;
}

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <millrace/codec.h>

// What driver and executors say to each other, once they have proved that they belong to one run (handshake.h).
// Views in a decoded message show the bytes that it was decoded from. docs/formats.md, "Messages between processes".

namespace millrace::rpc {

using Bytes = std::span<const std::byte>;

enum class Kind : std::uint8_t {
  // executor to driver
  join = 1,
  alive,
  attempt_started,
  result_block,
  attempt_ended,
  cache_changed,
  crash_line,
  rejoin,
  // driver to executor
  welcome = 32,
  ping,
  stage,
  locations,
  launch,
  kill,
  drop_shuffle,
  drop_cached,
  drop_job,
  leave,
  // block streams
  fetch = 64,
  map_output,
  block,
  lost,
  fetched,
  ask_broadcast,
  broadcast_at,
  fetch_broadcast,
  broadcast_piece,
  fetch_cached,
  // between the driver and a process that ssh started on a host, over ssh
  seat = 96,
  start_executor,
  end_executor,
  host_ready,
  executor_ended,
};

constexpr std::uint8_t number(Kind kind) { return static_cast<std::uint8_t>(kind); }

struct WireAttempt {
  std::uint32_t stage = 0, partition = 0, number = 0;
  friend auto operator<=>(const WireAttempt&, const WireAttempt&) = default;
};

/// The first message on a control stream. `build` is the executable's: offsets in its code mean nothing to another.
struct Join {
  static constexpr std::uint8_t kind = number(Kind::join);
  std::string build;
  std::string host;        ///< identity of the machine, as far as placement is concerned
  std::string rack;        ///< of that machine; empty: not known
  std::string block_host;  ///< where this executor serves blocks; empty: where the stream comes from
  std::uint16_t block_port = 0;
  std::uint32_t process = 0;  ///< its id on its machine
  std::uint32_t ticket = 0;   ///< which of the executors that were asked for it is
  static constexpr auto fields = std::tuple{&Join::build,      &Join::host,    &Join::rack,  &Join::block_host,
                                            &Join::block_port, &Join::process, &Join::ticket};
};

/// The only message of a second stream, on which the process says what brought it down, if anything does.
struct CrashLine {
  static constexpr std::uint8_t kind = number(Kind::crash_line);
  std::uint32_t executor = 0;
  static constexpr auto fields = std::tuple{&CrashLine::executor};
};

/// Instead of a Join, by an executor that has lost its driver and has found the next one of the run.
struct Rejoin {
  static constexpr std::uint8_t kind = number(Kind::rejoin);
  Join join;
  std::uint32_t executor = 0;  ///< its number, which it keeps
  std::uint32_t slots = 0;
  std::uint64_t memory_bytes = 0;
  /// Attempts that it has not answered for, each with its stage's fingerprint in the journal.
  std::vector<std::pair<WireAttempt, std::uint64_t>> running;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> broadcasts;  ///< values that it has: number and checksum
  static constexpr auto fields = std::tuple{&Rejoin::join,         &Rejoin::executor, &Rejoin::slots,
                                            &Rejoin::memory_bytes, &Rejoin::running,  &Rejoin::broadcasts};
};

/// The answer. Times are in milliseconds.
struct Welcome {
  static constexpr std::uint8_t kind = number(Kind::welcome);
  std::uint32_t executor = 0;
  std::uint32_t slots = 1;
  std::uint64_t memory_bytes = 0;
  std::string tmp;
  std::uint32_t heartbeat = 0;  ///< how often either side lets the other hear something
  std::uint32_t patience = 0;   ///< silence after which the other side counts as lost
  std::uint8_t watched = 0;     ///< somebody wants to know of AttemptStarted
  std::string journal;          ///< directory where outputs go that outlive their executors; empty: none do
  std::uint32_t life = 0;       ///< of the run: how many drivers it had before this one
  static constexpr auto fields =
      std::tuple{&Welcome::executor, &Welcome::slots,   &Welcome::memory_bytes, &Welcome::tmp, &Welcome::heartbeat,
                 &Welcome::patience, &Welcome::watched, &Welcome::journal,      &Welcome::life};
};

/// Heartbeat of an executor: how many input bytes its running attempts have used.
struct Alive {
  static constexpr std::uint8_t kind = number(Kind::alive);
  std::vector<std::pair<WireAttempt, std::uint64_t>> progress;
  static constexpr auto fields = std::tuple{&Alive::progress};
};

struct Ping {
  static constexpr std::uint8_t kind = number(Kind::ping);
  std::uint8_t unused = 0;
  static constexpr auto fields = std::tuple{&Ping::unused};
};

/// A stage, before the first of its tasks. `bytes` is plan::encode_stage().
struct StageMessage {
  static constexpr std::uint8_t kind = number(Kind::stage);
  std::uint32_t job = 0;
  std::string_view bytes;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> map_tasks;  ///< of every shuffle in the job
  std::int64_t skips = -1;        ///< bad records that the job may skip; negative: none
  std::uint64_t fingerprint = 0;  ///< in the journal; 0 without one
  static constexpr auto fields = std::tuple{&StageMessage::job, &StageMessage::bytes, &StageMessage::map_tasks,
                                            &StageMessage::skips, &StageMessage::fingerprint};
};

/// Where the outputs of a shuffle's map tasks are, before the first task that reads them and whenever it changed.
struct Locations {
  static constexpr std::uint8_t kind = number(Kind::locations);
  std::uint32_t shuffle = 0;
  std::vector<std::uint32_t> executors;                                          ///< by map task
  std::vector<std::tuple<std::uint32_t, std::string, std::uint16_t>> addresses;  ///< of those executors
  static constexpr auto fields = std::tuple{&Locations::shuffle, &Locations::executors, &Locations::addresses};
};

/// Another executor that has a cached partition.
struct CachedAt {
  std::uint32_t node = 0;
  std::uint32_t partition = 0;
  std::uint32_t executor = 0;
  std::string host;  ///< where that executor serves blocks
  std::uint16_t port = 0;
  static constexpr auto fields =
      std::tuple{&CachedAt::node, &CachedAt::partition, &CachedAt::executor, &CachedAt::host, &CachedAt::port};
};

struct LaunchMessage {
  static constexpr std::uint8_t kind = number(Kind::launch);
  std::uint32_t job = 0;
  WireAttempt attempt;
  std::string output_directory;
  std::vector<CachedAt>
      cached;  ///< of what the task may read, the partitions that others have and this executor has not
  static constexpr auto fields = std::tuple{&LaunchMessage::job, &LaunchMessage::attempt,
                                            &LaunchMessage::output_directory, &LaunchMessage::cached};
};

struct KillMessage {
  static constexpr std::uint8_t kind = number(Kind::kill);
  WireAttempt attempt;
  static constexpr auto fields = std::tuple{&KillMessage::attempt};
};

struct DropShuffle {
  static constexpr std::uint8_t kind = number(Kind::drop_shuffle);
  std::uint32_t shuffle = 0;
  static constexpr auto fields = std::tuple{&DropShuffle::shuffle};
};

struct DropCached {
  static constexpr std::uint8_t kind = number(Kind::drop_cached);
  std::uint32_t node = 0;
  static constexpr auto fields = std::tuple{&DropCached::node};
};

/// The job has ended: its stages may be forgotten.
struct DropJob {
  static constexpr std::uint8_t kind = number(Kind::drop_job);
  std::uint32_t job = 0;
  static constexpr auto fields = std::tuple{&DropJob::job};
};

/// The run is over, or goes on without this executor.
struct Leave {
  static constexpr std::uint8_t kind = number(Kind::leave);
  std::string reason;
  static constexpr auto fields = std::tuple{&Leave::reason};
};

struct AttemptStarted {
  static constexpr std::uint8_t kind = number(Kind::attempt_started);
  WireAttempt attempt;
  static constexpr auto fields = std::tuple{&AttemptStarted::attempt};
};

/// Part of what an attempt of a result stage gave; all parts come before its AttemptEnded.
struct ResultBlock {
  static constexpr std::uint8_t kind = number(Kind::result_block);
  WireAttempt attempt;
  std::string_view bytes;
  static constexpr auto fields = std::tuple{&ResultBlock::attempt, &ResultBlock::bytes};
};

struct WireMetrics {
  std::uint64_t records_in = 0, bytes_in = 0, records_out = 0, bytes_out = 0;
  std::uint64_t shuffle_bytes_read = 0, shuffle_bytes_written = 0;
  std::uint64_t spills = 0, spilled_bytes = 0, peak_memory = 0, skipped_records = 0;
  std::int64_t wall_microseconds = 0, cpu_microseconds = 0;
};

struct WireAccumulator {
  std::uint32_t id = 0;
  std::uint64_t merge = 0;  ///< the function, as an offset in the executable
  std::string value;
  static constexpr auto fields = std::tuple{&WireAccumulator::id, &WireAccumulator::merge, &WireAccumulator::value};
};

struct WireBadRecord {
  std::string path;
  std::uint64_t offset = 0;
  std::string content;
  std::string message;
  static constexpr auto fields =
      std::tuple{&WireBadRecord::path, &WireBadRecord::offset, &WireBadRecord::content, &WireBadRecord::message};
};

struct AttemptEnded {
  static constexpr std::uint8_t kind = number(Kind::attempt_ended);
  std::uint32_t job = 0;
  WireAttempt attempt;
  std::uint8_t succeeded = 0;
  std::uint8_t killed = 0;
  std::uint8_t cause = 0;
  std::string message;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> lost;  ///< (shuffle, map task)
  std::vector<WireAccumulator> accumulators;
  std::vector<std::pair<std::string, std::int64_t>> counters;
  std::vector<WireBadRecord> bad_records;
  WireMetrics metrics;
  static constexpr auto fields = std::tuple{
      &AttemptEnded::job,      &AttemptEnded::attempt,     &AttemptEnded::succeeded, &AttemptEnded::killed,
      &AttemptEnded::cause,    &AttemptEnded::message,     &AttemptEnded::lost,      &AttemptEnded::accumulators,
      &AttemptEnded::counters, &AttemptEnded::bad_records, &AttemptEnded::metrics};
};

/// A cached partition came (bytes >= 0) or went (-1).
struct CacheChanged {
  static constexpr std::uint8_t kind = number(Kind::cache_changed);
  std::uint32_t node = 0;
  std::uint32_t partition = 0;
  std::int64_t bytes = 0;
  static constexpr auto fields = std::tuple{&CacheChanged::node, &CacheChanged::partition, &CacheChanged::bytes};
};

// Block streams: the reader sends a Fetch and gets, for each map task in the order it asked, a MapOutput and its
// blocks, or a Lost; a stream serves one request after the other.

struct Fetch {
  static constexpr std::uint8_t kind = number(Kind::fetch);
  std::uint32_t shuffle = 0;
  std::uint32_t partition = 0;
  std::vector<std::uint32_t> map_tasks;
  static constexpr auto fields = std::tuple{&Fetch::shuffle, &Fetch::partition, &Fetch::map_tasks};
};

/// Asks for a cached partition instead. It comes as the only "map output", whose number is the partition's.
struct FetchCached {
  static constexpr std::uint8_t kind = number(Kind::fetch_cached);
  std::uint32_t node = 0;
  std::uint32_t partition = 0;
  static constexpr auto fields = std::tuple{&FetchCached::node, &FetchCached::partition};
};

struct MapOutput {
  static constexpr std::uint8_t kind = number(Kind::map_output);
  std::uint32_t map_task = 0;
  std::uint32_t blocks = 0;
  static constexpr auto fields = std::tuple{&MapOutput::map_task, &MapOutput::blocks};
};

/// Announces a block, whose `stored_bytes` follow the message as they are: in the form of a spill file when
/// `offset` is one, else the elements themselves, with the checksum of them here.
struct BlockHeader {
  static constexpr std::uint8_t kind = number(Kind::block);
  std::uint64_t stored_bytes = 0;
  std::uint64_t raw_bytes = 0;
  std::uint64_t offset = 0;    ///< in the producer's file: a part of the checksum there
  std::uint64_t checksum = 0;  ///< of a block from memory
  std::uint8_t from_file = 0;
  static constexpr auto fields = std::tuple{&BlockHeader::stored_bytes, &BlockHeader::raw_bytes, &BlockHeader::offset,
                                            &BlockHeader::checksum, &BlockHeader::from_file};
};

struct Lost {
  static constexpr std::uint8_t kind = number(Kind::lost);
  std::uint32_t map_task = 0;
  std::string reason;
  static constexpr auto fields = std::tuple{&Lost::map_task, &Lost::reason};
};

/// All that was asked for has been sent.
struct Fetched {
  static constexpr std::uint8_t kind = number(Kind::fetched);
  std::uint8_t unused = 0;
  static constexpr auto fields = std::tuple{&Fetched::unused};
};

/// To the driver: where do I get this broadcast value? `failed` is an address that did not give it.
struct AskBroadcast {
  static constexpr std::uint8_t kind = number(Kind::ask_broadcast);
  std::uint32_t id = 0;
  std::uint32_t executor = 0;
  std::string failed;
  static constexpr auto fields = std::tuple{&AskBroadcast::id, &AskBroadcast::executor, &AskBroadcast::failed};
};

struct BroadcastAt {
  static constexpr std::uint8_t kind = number(Kind::broadcast_at);
  std::uint8_t known = 0;
  std::uint64_t bytes = 0;
  std::string host;  ///< empty: this stream's other end itself
  std::uint16_t port = 0;
  static constexpr auto fields =
      std::tuple{&BroadcastAt::known, &BroadcastAt::bytes, &BroadcastAt::host, &BroadcastAt::port};
};

struct FetchBroadcast {
  static constexpr std::uint8_t kind = number(Kind::fetch_broadcast);
  std::uint32_t id = 0;
  static constexpr auto fields = std::tuple{&FetchBroadcast::id};
};

/// Where a process belongs; not on a stream of the run, as it says what those are proved by.
struct SeatMessage {
  static constexpr std::uint8_t kind = number(Kind::seat);
  std::string secret;
  std::uint8_t tls = 0;
  std::string driver_host;
  std::uint16_t driver_port = 0;
  std::string host;           ///< as the user named this machine
  std::uint32_t ticket = 0;   ///< of an executor
  std::uint32_t starter = 0;  ///< the process that starts the executor, which does not outlive it
  static constexpr auto fields =
      std::tuple{&SeatMessage::secret, &SeatMessage::tls,    &SeatMessage::driver_host, &SeatMessage::driver_port,
                 &SeatMessage::host,   &SeatMessage::ticket, &SeatMessage::starter};
};

struct StartExecutor {
  static constexpr std::uint8_t kind = number(Kind::start_executor);
  std::uint32_t ticket = 0;
  static constexpr auto fields = std::tuple{&StartExecutor::ticket};
};

struct EndExecutor {
  static constexpr std::uint8_t kind = number(Kind::end_executor);
  std::uint32_t ticket = 0;
  static constexpr auto fields = std::tuple{&EndExecutor::ticket};
};

/// The first word of a host. `driver` is the address from which ssh came there.
struct HostReady {
  static constexpr std::uint8_t kind = number(Kind::host_ready);
  std::string build;
  std::string driver;
  static constexpr auto fields = std::tuple{&HostReady::build, &HostReady::driver};
};

struct ExecutorEnded {
  static constexpr std::uint8_t kind = number(Kind::executor_ended);
  std::uint32_t ticket = 0;
  std::string how;
  static constexpr auto fields = std::tuple{&ExecutorEnded::ticket, &ExecutorEnded::how};
};

/// A piece of the value; the last one is followed by nothing more.
struct BroadcastPiece {
  static constexpr std::uint8_t kind = number(Kind::broadcast_piece);
  std::uint64_t offset = 0;
  std::uint64_t checksum = 0;
  std::string_view bytes;
  static constexpr auto fields = std::tuple{&BroadcastPiece::offset, &BroadcastPiece::checksum, &BroadcastPiece::bytes};
};

}  // namespace millrace::rpc

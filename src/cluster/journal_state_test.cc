#include "cluster/journal_state.h"

#include <functional>
#include <gtest/gtest.h>

#include <millrace/error.h>

namespace millrace::cluster {
namespace {

using journal::Begun;
using journal::JobBegun;
using journal::JobDone;
using journal::Resumed;
using journal::TaskDone;

/// A journal as a driver writes it.
class Written {
 public:
  Written() {
    const auto header = journal::file_header();
    bytes_.assign(header.begin(), header.end());
  }
  template <class Record>
  Written& add(const Record& record) {
    journal::append_record(bytes_, bytes_.size(), record);
    ends_.push_back(bytes_.size());
    return *this;
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  /// Where each record ends.
  const std::vector<std::size_t>& ends() const { return ends_; }

 private:
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> ends_;
};

TaskDone task(std::uint32_t job, std::uint32_t stage, std::uint32_t partition, std::int64_t counted) {
  TaskDone out;
  out.end.job = job;
  out.end.attempt = {stage, partition, 3};
  out.end.succeeded = 1;
  out.end.counters = {{"n", counted}};
  out.end.bad_records = {{"file", 7, "content", "message"}};
  return out;
}

const Begun begun{"token", "build", "/here", {"wordcount", "a", "-o", "b"}, {{"split", "0"}}};

JobBegun job_begun(std::uint32_t job, std::vector<std::pair<std::uint32_t, std::uint64_t>> stages) {
  return {job, "write_text", std::move(stages), {{"a", 10, 1000}}};
}

Written some_run() {
  Written out;
  out.add(begun).add(job_begun(0, {{0, 100}, {1, 101}})).add(task(0, 0, 0, 5)).add(task(0, 0, 1, 6));
  out.add(Resumed{12, "host"}).add(task(0, 1, 0, 1)).add(JobDone{0}).add(job_begun(1, {{0, 100}, {2, 102}}));
  return out;
}

TEST(JournalState, FollowsFromTheRecords) {
  const Written written = some_run();
  const JournalState state = JournalState::read(written.bytes());
  EXPECT_EQ(state.whole_bytes, written.bytes().size());
  ASSERT_TRUE(state.begun.has_value());
  EXPECT_EQ(state.begun->arguments, begun.arguments);
  EXPECT_EQ(state.restarts, 1u);
  ASSERT_EQ(state.stages.size(), 3u);
  EXPECT_EQ(state.stages.at(0).done.size(), 2u);
  EXPECT_EQ(state.stages.at(0).done.at(1).counters.front().second, 6);
  EXPECT_EQ(state.stages.at(1).done.size(), 1u);
  EXPECT_TRUE(state.jobs.at(0).done);
  EXPECT_FALSE(state.jobs.at(1).done);
  EXPECT_EQ(state.jobs.at(0).begun.inputs.front().path, "a");
}

TEST(JournalState, ATaskCountsAsItWasDoneFirst) {
  Written written = some_run();
  written.add(task(0, 0, 1, 99));
  EXPECT_EQ(JournalState::read(written.bytes()).stages.at(0).done.at(1).counters.front().second, 6);
}

TEST(JournalState, AnotherFingerprintIsAnotherStage) {
  Written written = some_run();
  written.add(job_begun(0, {{0, 100}, {1, 555}}));
  const JournalState state = JournalState::read(written.bytes());
  EXPECT_EQ(state.stages.at(0).done.size(), 2u);
  EXPECT_TRUE(state.stages.at(1).done.empty());
  EXPECT_FALSE(state.jobs.at(0).done) << "its result stage is another one";
}

TEST(JournalState, RecordsThatMakeNoSenseEndIt) {
  for (const auto& add : std::vector<std::function<void(Written&)>>{
           [](Written& w) { w.add(task(0, 9, 0, 1)); }, [](Written& w) { w.add(JobDone{5}); },
           [](Written& w) { w.add(begun); }, [](Written& w) { w.add(rpc::Leave{"of another kind"}); }}) {
    Written written = some_run();
    const std::size_t sound = written.bytes().size();
    add(written);
    written.add(task(0, 0, 2, 1));
    const JournalState state = JournalState::read(written.bytes());
    EXPECT_EQ(state.whole_bytes, sound);
    EXPECT_EQ(state.stages.at(0).done.size(), 2u);
  }
}

TEST(JournalState, TheRunComesFirst) {
  Written written;
  written.add(job_begun(0, {{0, 100}}));
  const JournalState state = JournalState::read(written.bytes());
  EXPECT_FALSE(state.begun.has_value());
  EXPECT_TRUE(state.jobs.empty());
}

TEST(JournalState, ACutJournalHasTheRecordsThatAreWhole) {
  const Written written = some_run();
  const std::size_t header = journal::file_header().size();
  for (std::size_t size = 0; size < written.bytes().size(); ++size) {
    const auto cut = std::span(written.bytes()).first(size);
    if (size < header) {
      EXPECT_THROW(JournalState::read(cut), Error) << size;
      continue;
    }
    std::size_t whole = header;
    for (const std::size_t end : written.ends()) {
      if (end <= size) whole = end;
    }
    EXPECT_EQ(JournalState::read(cut).whole_bytes, whole) << size;
  }
}

TEST(JournalState, AFlippedBitEndsItBeforeTheRecord) {
  const Written written = some_run();
  const std::size_t header = journal::file_header().size();
  for (std::size_t bit = 0; bit < 8 * written.bytes().size(); ++bit) {
    std::vector<std::byte> flipped = written.bytes();
    flipped[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    if (bit / 8 < header) {
      EXPECT_THROW(JournalState::read(flipped), Error) << bit;
      continue;
    }
    std::size_t before = header;
    for (const std::size_t end : written.ends()) {
      if (end <= bit / 8) before = end;
    }
    EXPECT_EQ(JournalState::read(flipped).whole_bytes, before) << "bit " << bit;
  }
}

TEST(JournalState, ARecordDoesNotPassElsewhere) {
  Written written = some_run();
  std::vector<std::byte> bytes = written.bytes();
  const auto begin = static_cast<std::ptrdiff_t>(written.ends()[1]);
  const auto end = static_cast<std::ptrdiff_t>(written.ends()[2]);
  const std::vector<std::byte> record(bytes.begin() + begin, bytes.begin() + end);
  bytes.insert(bytes.end(), record.begin(), record.end());
  EXPECT_EQ(JournalState::read(bytes).whole_bytes, written.bytes().size());
}

}  // namespace
}  // namespace millrace::cluster

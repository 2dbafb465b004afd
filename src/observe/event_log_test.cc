#include "observe/event_log.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <sstream>

#include <millrace/error.h>

#include "observe/event_encoder.h"
#include "observe/one_of_each.h"
#include "observe/simulated_run.h"

namespace millrace::observe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string text_of(const Logged& record) {
  std::string text;
  append_event(text, record);
  return text;
}

std::string text_of(const std::vector<Logged>& records) {
  std::string text = event_log_header();
  for (const Logged& record : records) append_event(text, record);
  return text;
}

std::vector<Logged> read_all(EventLogReader& reader) {
  std::vector<Logged> records;
  for (Logged record; reader.next(record);) records.push_back(record);
  return records;
}

std::vector<Logged> read_text(const std::string& text) {
  EventLogReader reader("log", text);
  return read_all(reader);
}

// The message of the error that `call` throws, after its cause.
template <class Call>
std::string failure_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return std::string(name(error.cause())) + ": " + error.what();
  }
  return "nothing was thrown";
}

std::string temporary(const std::string& name) {
  const auto directory = std::filesystem::path(testing::TempDir()) / "millrace_event_log_test";
  std::filesystem::create_directories(directory);
  return (directory / (name + "." + std::to_string(::getpid()))).string();
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(EventEncoderTest, LinesAreStable) {
  const AttemptId attempt{StageId{1}, PartitionId{2}, 3};
  EXPECT_EQ(text_of({Time{5}, sched::TaskStarted{attempt, ExecutorId{7}}}),
            R"({"at":5,"event":"task_started","stage":1,"partition":2,"attempt":3,"executor":7})"
            "\n");
  EXPECT_EQ(text_of({Time{6}, sched::Tick{}}), "{\"at\":6,\"event\":\"tick\"}\n");
  sched::TaskMetrics metrics;
  metrics.bytes_in = 9;
  metrics.counters["seen"] = 1;
  EXPECT_EQ(text_of({Time{6}, sched::TaskFailed{attempt, ExecutorId{7}, {Cause::lost_input, "x", {attempt}}, metrics}}),
            R"({"at":6,"event":"task_failed","stage":1,"partition":2,"attempt":3,"executor":7,"cause":"lost_input",)"
            R"("message":"x","lost":[[1,2]],"metrics":{"bytes_in":9,"counters":{"seen":1}}})"
            "\n");
  sched::JobSpec job{JobId{2}, "job", {{StageId{0}, "s", 5, {}, {true, true, false, true, false}, 0}}};
  EXPECT_EQ(text_of({Time{7}, sched::JobSubmitted{job}}),
            R"({"at":7,"event":"job_submitted","job":2,"name":"job","stages":)"
            R"([{"stage":0,"name":"s","tasks":5,"done":[[0,1],[3,3]]}]})"
            "\n");
}

TEST(EventLogTest, EveryKindComesBackAsItWas) {
  const std::vector<Logged> records = one_of_each();
  EXPECT_EQ(records.size(), std::variant_size_v<Logged::Value>);
  const std::vector<Logged> back = read_text(text_of(records));
  ASSERT_EQ(back.size(), records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(back[i].value.index(), records[i].value.index());
    EXPECT_EQ(text_of(back[i]), text_of(records[i]));
  }
  const auto& failed = std::get<sched::TaskFailed>(back[8].value);
  EXPECT_EQ(failed.attempt, (AttemptId{StageId{1}, PartitionId{4'000'000'000}, 3}));
  EXPECT_EQ(failed.failure.cause, Cause::lost_input);
  EXPECT_EQ(failed.metrics.peak_memory, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(failed.metrics.counters.at("b\n"), std::numeric_limits<std::int64_t>::min());
  const auto& submitted = std::get<sched::JobSubmitted>(back[3].value);
  EXPECT_THAT(submitted.job.stages[0].done, ElementsAre(true, true, false, true, false));
  EXPECT_THAT(submitted.job.stages[1].done, IsEmpty());
  EXPECT_EQ(submitted.job.stages[0].holders.at(3), ExecutorId{7});
  EXPECT_TRUE(submitted.job.stages[1].places.at(0).cached);
  EXPECT_THAT(std::get<sched::ExecutorReturned>(back[22].value).running,
              ElementsAre(failed.attempt, AttemptId{StageId{0}, PartitionId{1}, 2}));
}

TEST(EventLogTest, BytesThatAreNotTextBecomeReplacementCharacters) {
  for (const std::string bytes : {"\xFF", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\x80"}) {
    const auto back = read_text(text_of({{Time{0}, RunEnded{1, "a" + bytes + "b"}}}));
    std::string expected = "a";
    for (std::size_t i = 0; i < bytes.size(); ++i) expected += "\xEF\xBF\xBD";
    EXPECT_EQ(std::get<RunEnded>(back.at(0).value).message, expected + "b");
  }
  const std::string good = "\xC2\x80 \xEF\xBF\xBF \xF4\x8F\xBF\xBF \x01\x1F\x7F";
  EXPECT_EQ(std::get<RunEnded>(read_text(text_of({{Time{0}, RunEnded{1, good}}})).at(0).value).message, good);
}

TEST(EventLogTest, WhatIsUnknownIsSkipped) {
  EventLogReader reader("log", event_log_header() +
                                   "{\"at\":1,\"event\":\"task_speculated\",\"stage\":1}\n"
                                   "\n"
                                   "{\"event\":\"run_ended\",\"mood\":[1,{\"x\":null}],\"status\":2,\"at\":3}\n");
  const auto records = read_all(reader);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(std::get<RunEnded>(records[0].value).status, 2);
  EXPECT_EQ(records[0].at.microseconds, 3);
  EXPECT_EQ(reader.skipped_records(), 1u);
  EXPECT_THAT(reader.warnings(), IsEmpty());
}

TEST(EventLogTest, ALogCutOffAnywhereIsReadUpToThere) {
  const std::string text = text_of(one_of_each());
  for (std::size_t size = event_log_header().size(); size < text.size(); ++size) {
    EventLogReader reader("log", text.substr(0, size));
    const auto records = read_all(reader);
    const bool between = text[size - 1] == '\n' || text[size] == '\n';
    EXPECT_EQ(reader.warnings().size(), between ? 0u : 1u) << size;
    EXPECT_EQ(text_of(records), text.substr(0, text[size] == '\n' ? size + 1 : text.rfind('\n', size - 1) + 1));
  }
}

TEST(EventLogTest, DamageIsNamedWithItsLine) {
  const auto failure = [](const std::string& line) {
    return failure_of([&] { read_text(event_log_header() + "{\"at\":1,\"event\":\"tick\"}\n" + line + "\n"); });
  };
  EXPECT_THAT(failure("{\"at\":1,"), HasSubstr("bad_data: log:3: it is not a JSON object"));
  EXPECT_THAT(failure("[]"), HasSubstr("log:3: it is not a JSON object"));
  EXPECT_THAT(failure("{\"at\":1}"), HasSubstr("log:3: the field \"event\" is missing"));
  EXPECT_THAT(failure("{\"at\":-1,\"event\":\"tick\"}"), HasSubstr("log:3: the field \"at\" does not have the form"));
  EXPECT_THAT(failure("{\"at\":\"1\",\"event\":\"tick\"}"),
              HasSubstr("log:3: the field \"at\" does not have the form"));
  EXPECT_THAT(failure("{\"at\":1,\"event\":\"task_started\",\"stage\":1,\"partition\":4294967296,\"attempt\":0}"),
              HasSubstr("the field \"partition\" does not have the form"));
  EXPECT_THAT(failure("{\"at\":1,\"event\":\"task_started\",\"stage\":-1,\"partition\":1,\"attempt\":0}"),
              HasSubstr("the field \"stage\" does not have the form"));
  EXPECT_THAT(failure("{\"at\":1,\"event\":\"job_submitted\",\"job\":1,\"name\":\"\",\"stages\":"
                      "[{\"stage\":0,\"name\":\"\",\"tasks\":3,\"done\":[[1,3]]}]}"),
              HasSubstr("the field \"done\" does not have the form"));
  EXPECT_THAT(failure("{\"at\":1,\"event\":\"run_ended\",\"status\":1,\"message\":\"\xFF\"}"), HasSubstr("log:3: "));
}

TEST(EventLogTest, OtherFilesAreRefused) {
  EXPECT_EQ(failure_of([] { read_text(""); }), "bad_data: log is empty, not an event log");
  EXPECT_THAT(failure_of([] { read_text("hello\n"); }), HasSubstr("bad_data: log:1: "));
  EXPECT_THAT(failure_of([] { read_text("{\"a\":1}\n"); }), HasSubstr("log:1: it is not the header of an event log"));
  EXPECT_THAT(failure_of([] { read_text("{\"millrace_event_log\":2}\n"); }), HasSubstr("version 2"));
  EXPECT_THAT(failure_of([] { EventLogReader reader("/nowhere/at/all"); }),
              HasSubstr("input: cannot read /nowhere/at/all: No such file"));
  EXPECT_THAT(failure_of([] { EventLogReader reader("/"); }), HasSubstr("input: cannot read /: Is a directory"));
}

TEST(EventLogTest, AWholeRunGoesThroughAFile) {
  const std::string path = temporary("run");
  SimulatedRunOptions options;
  options.tasks = 2000;  // a log of many read and write blocks
  const std::vector<Logged> records = simulated_run(options);
  EventLogWriter writer(path);
  for (const Logged& record : records) writer.on(record);
  writer.close();
  EventLogReader reader(path);
  EXPECT_EQ(text_of(read_all(reader)), text_of(records));
  EXPECT_EQ(contents(path), text_of(records));
  EXPECT_GT(contents(path).size(), 1u << 20);
  std::filesystem::remove(path);
}

TEST(EventLogTest, ALineLongerThanAnyBlockIsRead) {
  const std::string path = temporary("long");
  const std::vector<Logged> records = {{Time{1}, JobPlanned{JobId{0}, std::string(3 << 20, 'x'), {}, ""}},
                                       {Time{2}, RunEnded{0, ""}}};
  EventLogWriter writer(path);
  for (const Logged& record : records) writer.on(record);
  writer.close();
  EventLogReader reader(path);
  EXPECT_EQ(text_of(read_all(reader)), text_of(records));
  std::filesystem::remove(path);
}

TEST(EventLogWriterTest, ATickThatDecidedSomethingIsWritten) {
  const std::string path = temporary("ticks");
  EventLogWriter writer(path);
  writer.on({Time{1}, sched::Tick{}});
  writer.on({Time{2}, sched::Tick{}});
  writer.on({Time{2}, sched::ExecutorReadmitted{ExecutorId{1}, "time is up"}});
  writer.on({Time{3}, sched::Tick{}});
  writer.on({Time{3}, sched::ExecutorLost{ExecutorId{1}, "gone"}});
  writer.close();
  EXPECT_EQ(contents(path), event_log_header() +
                                R"({"at":2,"event":"tick"})"
                                "\n"
                                R"({"at":2,"event":"executor_readmitted","executor":1,"reason":"time is up"})"
                                "\n"
                                R"({"at":3,"event":"executor_lost","executor":1,"reason":"gone"})"
                                "\n");
}

TEST(EventLogWriterTest, TheEndOfAJobIsOnDiskAtOnceAndTicksNever) {
  const std::string path = temporary("flush");
  EventLogWriter writer(path);
  writer.on({Time{1}, sched::Tick{}});
  writer.on({Time{1}, LiveBytes{JobId{0}, StageId{0}, 9}});
  writer.on({Time{2}, sched::StageStarted{JobId{0}, StageId{0}, "x"}});
  EXPECT_EQ(contents(path), "");
  writer.on({Time{3}, sched::JobSucceeded{JobId{0}, "done"}});
  EXPECT_EQ(contents(path), text_of({{Time{2}, sched::StageStarted{JobId{0}, StageId{0}, "x"}},
                                     {Time{3}, sched::JobSucceeded{JobId{0}, "done"}}}));
  std::filesystem::remove(path);
}

TEST(EventLogWriterTest, AFullDiskDoesNotStopTheRunAndIsTold) {
  EventLogWriter writer("/dev/full");
  writer.on({Time{3}, sched::JobSucceeded{JobId{0}, "done"}});
  writer.on({Time{4}, RunEnded{0, ""}});
  EXPECT_THAT(failure_of([&] { writer.close(); }),
              HasSubstr("out_of_disk: cannot write the event log /dev/full: No space left"));
}

TEST(EventLogWriterTest, APlaceThatCannotBeWrittenIsToldAtOnce) {
  EXPECT_THAT(failure_of([] { EventLogWriter writer("/nowhere/log"); }),
              HasSubstr("output: cannot write the event log /nowhere/log: No such file"));
}

}  // namespace
}  // namespace millrace::observe

#include "jobs/links/links.h"
#include "jobs/sort/sort.h"
#include "jobs/wordcount/wordcount.h"
#include "tests/failures/faulty_machine.h"

// Whole jobs on files that fail. Whatever fails, and wherever: either the output is right, or the job says what failed,
// and then an output that was there before is as it was. Nothing temporary is left.

namespace millrace::testing {
namespace {

using storage::Fault;
using storage::FaultRule;
using storage::FileOperation;

struct Job {
  const char* name;
  void (*run)(Context&);
};

std::ostream& operator<<(std::ostream& out, const Job& job) { return out << job.name; }

const Job jobs_under_test[] = {
    {"wordcount", [](Context& context) { jobs::count_words(context, {"/in"}).sort_by_key().write_text("/out"); }},
    {"links", [](Context& context) { jobs::reverse_links(context, {"/in"}).write_text("/out"); }},
    {"cached",
     [](Context& context) {
       const auto lines = jobs::sort_lines(context, {"/in"}, {}, false).persist(Persist::memory_and_disk);
       lines.count();
       lines.write_text("/out");
     }},
};

class Faults : public ::testing::TestWithParam<Job> {
 protected:
  Faults() {
    for (unsigned file = 0; file < 3; ++file) {
      std::string text;
      for (unsigned i = 0; i < 3000; ++i) {
        text += "source" + std::to_string(i * 7919 % 2999) + "\ttarget" + std::to_string(i * file * 31 % 1009) + " w" +
                std::to_string(i) + "\n";
      }
      machine.write("/in/" + std::to_string(file), text);
    }
    EXPECT_EQ(machine.run(options(), GetParam().run), "");
    right = machine.contents("/out");
    EXPECT_EQ(right.size(), 4u);
    machine.base.remove_all("/out");
    machine.write("/out/part-00000", "an old output");
    machine.write("/out/_SUCCESS", "");
    old = machine.contents("/out");
  }

  static Options options(unsigned threads = 0) {
    Options options = FaultyMachine::options(threads);
    options.file_shuffle = true;
    return options;
  }

  /// Runs the job with these faults, and returns its error.
  std::string run_with(const FaultRule& rule, unsigned threads = 0) {
    machine.files.add_rule(rule);
    return run(threads);
  }
  std::string run(unsigned threads = 0) {
    const std::string error = machine.run(options(threads), GetParam().run);
    faults = machine.files.faults() - faults_before;
    machine.files.heal();
    if (error.empty()) {
      EXPECT_TRUE(machine.contents("/out") == right) << "the output differs";
      // The next run meets the old output again.
      machine.base.remove_all("/out");
      for (const auto& [path, content] : old) machine.write(path, content);
    } else {
      EXPECT_TRUE(machine.contents("/out") == old) << "the old output was touched; " << error;
      EXPECT_EQ(error.find('\n'), error.npos) << error;
      EXPECT_NE(error.find('/'), error.npos) << "names no file: " << error;
    }
    EXPECT_EQ(machine.left_over(), "") << error;
    faults_before = machine.files.faults();
    return error;
  }

  /// A run for each call of the operation, in which that one fails so.
  void run_with_each(Fault fault, FileOperation operation) {
    for (std::uint64_t at = 0;; ++at) {
      SCOPED_TRACE("call " + std::to_string(at));
      FaultRule rule;
      rule.fault = fault;
      rule.operation = operation;
      rule.after = at;
      rule.times = 1;
      run_with(rule);
      if (faults == 0 || HasFailure()) return;
    }
  }

  void expect_out_of_disk(const std::string& error, Fault fault) const {
    EXPECT_EQ(std::string(name(machine.last_cause)), std::string(name(Cause::out_of_disk))) << error;
    const char* said = fault == Fault::over_quota  ? "Disk quota exceeded"
                       : fault == Fault::read_only ? "Read-only file system"
                                                   : "No space left on device";
    EXPECT_NE(error.find(said), error.npos) << error;
    EXPECT_NE(error.find('/'), error.npos) << "names no file: " << error;
  }

  /// The old output alone, after a run that could not clean up.
  void remove_everything_left() {
    for (const std::string folder : {"/", "/tmp"}) {
      for (const storage::FileInfo& entry : machine.base.list(folder)) {
        if (entry.path != "/in" && entry.path != "/tmp") machine.base.remove_all(entry.path);
      }
    }
    for (const auto& [path, content] : old) machine.write(path, content);
  }

  /// The calls of a run without faults.
  std::uint64_t calls_of_a_run() {
    const std::uint64_t before = machine.files.calls();
    EXPECT_EQ(run(), "");
    return machine.files.calls() - before;
  }

  FaultyMachine machine;
  std::map<std::string, std::string> right;
  std::map<std::string, std::string> old;
  std::uint64_t faults = 0;  // into the last run
  std::uint64_t faults_before = 0;
};

INSTANTIATE_TEST_SUITE_P(Jobs, Faults, ::testing::ValuesIn(jobs_under_test),
                         [](const auto& each) { return std::string(each.param.name); });

// One call that fails, at every place of the run in turn. Where a removal fails, something has to be left.
TEST_P(Faults, OneFailingCallAnywhere) {
  unsigned failed = 0;
  for (const FileOperation operation :
       {FileOperation::open, FileOperation::read, FileOperation::create, FileOperation::write, FileOperation::close,
        FileOperation::stat, FileOperation::list, FileOperation::make_directories, FileOperation::rename,
        FileOperation::exchange}) {
    for (std::uint64_t at = 0;; ++at) {
      FaultRule rule;
      rule.operation = operation;
      rule.after = at;
      rule.times = 1;
      SCOPED_TRACE("operation " + std::to_string(static_cast<int>(operation)) + ", call " + std::to_string(at));
      const std::string error = run_with(rule);
      failed += error.empty() ? 0 : 1;
      if (operation == FileOperation::exchange && faults != 0) {
        EXPECT_EQ(machine.last_word.text, error);
      }
      if (HasFailure()) return;
      if (faults == 0) break;
    }
  }
  EXPECT_GT(failed, 20u);
}

TEST_P(Faults, AllWritesFailFromSomewhereOn) {
  const std::uint64_t calls = calls_of_a_run();
  for (std::uint64_t at = 0; at < calls; at += 1 + calls / 60) {
    SCOPED_TRACE("call " + std::to_string(at));
    FaultRule rule;
    rule.operation = FileOperation::write;
    rule.after = at;
    const std::string error = run_with(rule);
    EXPECT_EQ(error.empty(), faults == 0) << error;
    if (HasFailure()) return;
  }
}

TEST_P(Faults, TheDiskFillsUpOrTheQuotaIsUsedUpAnywhere) {
  for (const Fault fault : {Fault::out_of_disk, Fault::over_quota}) {
    unsigned failed = 0;
    // The larger the disk, the later it is full.
    for (std::uint64_t space = 0;; space += 20000) {
      SCOPED_TRACE(std::to_string(space) + " bytes");
      machine.files.set_disk_space(space, fault);
      const std::string error = run(failed % 2 * 2);
      if (HasFailure()) return;
      if (error.empty()) break;
      expect_out_of_disk(error, fault);
      ++failed;
    }
    EXPECT_GT(failed, 5u);
  }
}

// The number of files has a quota too: all that is made is refused from some place of the run on.
TEST_P(Faults, NoFileCanBeMadeFromSomewhereOn) {
  for (const FileOperation operation : {FileOperation::create, FileOperation::make_directories}) {
    for (std::uint64_t at = 0;; ++at) {
      SCOPED_TRACE("operation " + std::to_string(static_cast<int>(operation)) + ", call " + std::to_string(at));
      FaultRule rule;
      rule.fault = Fault::over_quota;
      rule.operation = operation;
      rule.after = at;
      const std::string error = run_with(rule, at % 2 * 2);
      if (HasFailure()) return;
      if (faults == 0) {
        EXPECT_GT(at, 2u);
        break;
      }
      expect_out_of_disk(error, Fault::over_quota);
    }
  }
}

TEST_P(Faults, ReadOnlyFolders) {
  for (const std::string folder : {"/tmp/", ".out."}) {
    FaultRule rule;
    rule.fault = Fault::read_only;
    rule.path_contains = folder;
    const std::string error = run_with(rule);
    expect_out_of_disk(error, Fault::read_only);
    EXPECT_NE(error.find(folder), error.npos) << error;
  }
}

// As a disk that the kernel gives up on: from some place of the run on nothing can be changed, so nothing removed
// either.
TEST_P(Faults, TheDiskTurnsReadOnlyAnywhere) {
  for (std::uint64_t at = 0;; at += 1 + at / 8) {
    SCOPED_TRACE("call " + std::to_string(at));
    FaultRule rule;
    rule.fault = Fault::read_only;
    rule.after = at;
    machine.files.add_rule(rule);
    const std::string error = machine.run(options(at % 2 * 2), GetParam().run);
    faults = machine.files.faults() - faults_before;
    faults_before = machine.files.faults();
    machine.files.heal();
    const auto output = machine.contents("/out");
    if (error.empty()) {
      EXPECT_TRUE(output == right) << "the output differs";
    } else {
      expect_out_of_disk(error, Fault::read_only);
      EXPECT_TRUE(output == old) << "the old output was touched; " << error;
    }
    if (HasFailure()) return;
    if (faults == 0) {
      EXPECT_GT(at, 10u);
      return;
    }
    remove_everything_left();
  }
}

TEST_P(Faults, TornWrites) { run_with_each(Fault::torn_write, FileOperation::write); }

// A bit that changes on the way to a temporary file or from it: the checksum tells, and what made the block runs again.
TEST_P(Faults, FlippedBitsInTemporaryFilesAreHealed) {
  for (const FileOperation operation : {FileOperation::write, FileOperation::read}) {
    for (std::uint64_t at = 0;; ++at) {
      SCOPED_TRACE("call " + std::to_string(at));
      FaultRule rule;
      rule.fault = Fault::bit_flip;
      rule.operation = operation;
      rule.path_contains = "/tmp/";
      rule.after = at;
      rule.times = 1;
      EXPECT_EQ(run_with(rule, at % 2 * 2), "");
      if (HasFailure()) return;
      if (faults == 0) {
        EXPECT_GT(at, 3u) << "nothing went to temporary files";
        break;
      }
    }
  }
}

TEST_P(Faults, TemporaryFilesThatAreNeverRightFailTheJob) {
  for (const Fault fault : {Fault::bit_flip, Fault::short_read}) {
    FaultRule rule;
    rule.fault = fault;
    rule.operation = FileOperation::read;
    rule.path_contains = "/tmp/";
    EXPECT_NE(run_with(rule), "");
    EXPECT_GT(faults, 0u);
  }
}

TEST_P(Faults, ShortReadsAnywhere) { run_with_each(Fault::short_read, FileOperation::read); }

// All kinds at once, from seeds that are printed.
TEST_P(Faults, ManyFaultsAtRandom) {
  const std::uint64_t first = std::random_device{}();
  std::cout << "seed " << first << std::endl;
  for (std::uint64_t seed = first; seed < first + 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (const Fault fault : {Fault::error, Fault::torn_write, Fault::short_read, Fault::bit_flip}) {
      if (random() % 2 == 0) continue;
      FaultRule rule;
      rule.fault = fault;
      if (fault == Fault::bit_flip) rule.path_contains = "/tmp/";
      if (fault == Fault::error) rule.operation = random() % 2 == 0 ? FileOperation::create : FileOperation::rename;
      rule.after = random() % (fault == Fault::error ? 8 : 60);
      rule.times = 1 + random() % 3;
      machine.files.add_rule(rule);
    }
    run(static_cast<unsigned>(random() % 4));
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace millrace::testing

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <thread>
#include <unistd.h>

#include <millrace/error.h>

#include "cli/command.h"
#include "cli/job_build.h"
#include "cli/slurm_client.h"
#include "cluster/slurm_requests.h"

namespace millrace::cli {
namespace {

constexpr const char* help =
    "Submit a job to a cluster's scheduler, and follow it to its end\n"
    "Usage: millrace submit --slurm [OPTION…] JOB [ARGUMENT…]\n\n"
    "JOB is a command of millrace (wordcount, …), an executable that uses the engine, or a .cpp file, which is "
    "compiled as\n"
    "by millrace run. Everything behind JOB goes to it as it is. Its standard output and standard error are printed as "
    "they\n"
    "grow, and its exit status is this command's. They are kept in millrace-JOB-ID.out and .err in this directory, "
    "which\n"
    "the nodes must see, as they must see the input, the output and the executable.\n"
    "Ctrl-C asks whether to detach or to cancel the job (where nobody can be asked, it cancels); a second one "
    "cancels.\n"
    "\nOptions:\n"
    "  -h,--help                   Print this help message and exit\n"
    "  --slurm                     Submit to Slurm, by sbatch\n"
    "  -N,--nodes N                Nodes (1)\n"
    "  -n,--ntasks N               Executors (2 on one node, else one on each)\n"
    "  --min N, --max N            An elastic run: begin with N executors (1), and ask Slurm for more while tasks "
    "wait, "
    "up to\n"
    "                              N; those that are idle are given back (--executor-idle). Each comes as a job of "
    "its own\n"
    "  --cpus N                    Processors, and so threads, of each executor (Slurm's default)\n"
    "  --time TIME                 Time limit, as Slurm writes it: 30, 2:00:00, 1-0\n"
    "  --partition NAME            Slurm's partition\n"
    "  --detach                    Print the job's id and do not wait\n"
    "  --dry-run                   Print the batch script and submit nothing\n"
    "\nExit status: the job's; 1 when it cannot be submitted, was cancelled or lost; 2 usage; 130 cancelled by "
    "Ctrl-C.\n";

constexpr int interrupted_status = 130;

struct Submission {
  bool slurm = false;
  std::uint32_t nodes = 1;
  std::uint32_t tasks = 0;
  std::uint32_t fewest = 0;  // --min
  std::uint32_t most = 0;    // --max; 0: the number of executors is fixed
  std::uint32_t cpus = 0;
  std::string time;
  std::string partition;
  bool detach = false;
  bool dry_run = false;
  bool help = false;
  std::vector<std::string> job;
};

std::uint32_t count_of(const std::string& option, const std::string& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0) {
    throw Error(Cause::usage, option + " takes a number from 1, not '" + text + "'");
  }
  return value;
}

// What goes into a comment line of the script must not end it.
std::string one_word(const std::string& option, const std::string& text) {
  if (text.empty() || text.find_first_of(" \t\r\n") != std::string::npos) {
    throw Error(Cause::usage, option + " takes one word, not '" + text + "'");
  }
  return text;
}

bool set_flag(Submission& out, const std::string& word) {
  if (word == "--slurm") return out.slurm = true;
  if (word == "--detach") return out.detach = true;
  if (word == "--dry-run") return out.dry_run = true;
  if (word == "--help" || word == "-h") return out.help = true;
  return false;
}

void set_value(Submission& out, const std::string& name, const std::string& value) {
  if (name == "-N" || name == "--nodes") {
    out.nodes = count_of(name, value);
  } else if (name == "-n" || name == "--ntasks") {
    out.tasks = count_of(name, value);
  } else if (name == "--min") {
    out.fewest = count_of(name, value);
  } else if (name == "--max") {
    out.most = count_of(name, value);
  } else if (name == "--cpus") {
    out.cpus = count_of(name, value);
  } else if (name == "--time") {
    out.time = one_word(name, value);
  } else {
    out.partition = one_word(name, value);
  }
}

bool takes_value(const std::string& name) {
  for (const char* each : {"-N", "--nodes", "-n", "--ntasks", "--min", "--max", "--cpus", "--time", "--partition"}) {
    if (name == each) return true;
  }
  return false;
}

// How many tasks the job begins with.
void settle_tasks(Submission& out) {
  const bool elastic = out.most != 0 || out.fewest != 0;
  if (elastic && out.tasks != 0)
    throw Error(Cause::usage, "-n is a fixed number of executors: it excludes --min and --max");
  if (out.fewest != 0 && out.most == 0) throw Error(Cause::usage, "--min needs --max: up to how many executors?");
  // A step of one task is a job like any other outside Slurm, unless others may come.
  const std::uint32_t least = elastic ? 1 : 2;
  if (out.fewest != 0) out.tasks = out.fewest;
  if (out.tasks == 0) out.tasks = std::max(out.nodes, least);
  if (out.tasks < least || out.tasks < out.nodes) {
    throw Error(Cause::usage, fmt::format("{} {}: at least {} tasks, and one on each of {} nodes",
                                          elastic ? "--min" : "-n", out.tasks, least, out.nodes));
  }
  if (elastic && out.most < out.tasks) {
    throw Error(Cause::usage, fmt::format("--max {}: the run begins with {} executors", out.most, out.tasks));
  }
}

/// This command's options end at the first word that is none.
Submission parse(const std::vector<std::string>& words) {
  Submission out;
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (word->size() < 2 || word->front() != '-') {
      out.job.assign(word, words.end());
      break;
    }
    if (set_flag(out, *word)) continue;
    const bool is_long = word->compare(0, 2, "--") == 0;
    const std::size_t end = is_long ? word->find('=') : 2;
    const std::string name = word->substr(0, end);
    if (!takes_value(name)) {
      throw Error(Cause::usage, "there is no option '" + *word +
                                    "'; the job's own stand behind its name; see millrace submit --help");
    }
    if (is_long ? end != std::string::npos : word->size() > 2) {
      set_value(out, name, word->substr(is_long ? end + 1 : end));
    } else if (++word != words.end()) {
      set_value(out, name, *word);
    } else {
      throw Error(Cause::usage, name + " needs a value");
    }
  }
  settle_tasks(out);
  return out;
}

/// The words that start the job on a node, from its name and arguments as given here.
std::vector<std::string> command_of(const std::vector<std::string>& job) {
  std::vector<std::string> words = job;
  std::string& program = words.front();
  const std::filesystem::path path(program);
  if (path.extension() == ".cpp" || path.extension() == ".cc") {
    program = build_job(program, find_job_flags(), job_cache());
    if (words.size() > 1 && words[1] == "--") words.erase(words.begin() + 1);
    return words;
  }
  for (const Command& command : commands()) {
    if (command.name == program) {
      words.insert(words.begin(), std::filesystem::read_symlink("/proc/self/exe").string());
      return words;
    }
  }
  if (access(program.c_str(), X_OK) != 0 || std::filesystem::is_directory(path)) {
    throw Error(Cause::usage,
                fmt::format("'{}' is no command of millrace, no .cpp file and no executable: {}", program,
                            std::filesystem::exists(path) ? "it may not be executed" : "it does not exist"));
  }
  program = std::filesystem::absolute(path).string();
  return words;
}

std::string name_of(const std::string& job) {
  std::string name = slurm_job_prefix + std::filesystem::path(job).stem().string();
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_' && c != '.') c = '_';
  }
  return name;
}

// The step's status would be that of its worst task, and one that was killed has not failed the job: task 0's counts.
std::string script_of(const Submission& submission, const std::vector<std::string>& command) {
  std::string out = "#!/bin/bash\n";
  const auto set = [&](const char* option, const auto& value) {
    out += fmt::format("#SBATCH --{}={}\n", option, value);
  };
  set("job-name", name_of(submission.job.front()));
  set("nodes", submission.nodes);
  set("ntasks", submission.tasks);
  if (submission.cpus != 0) set("cpus-per-task", submission.cpus);
  if (!submission.time.empty()) set("time", submission.time);
  if (!submission.partition.empty()) set("partition", submission.partition);
  set("output", "%x-%j.out");
  set("error", "%x-%j.err");
  out += "#SBATCH --no-kill\n\n";
  std::string step = "srun --no-kill --kill-on-bad-exit=0";
  if (submission.cpus != 0) {
    step += fmt::format(" --cpus-per-task={}", submission.cpus);
    out += fmt::format("export MILLRACE_THREADS=\"${{MILLRACE_THREADS:-{}}}\"\n", submission.cpus);
  }
  std::string tidy = "rm -f \"$status\"";
  if (submission.most != 0) {
    out += fmt::format("export MILLRACE_MAX_EXECUTORS={}\n", submission.most);
    // The executors' jobs may run as long as this one.
    if (!submission.time.empty()) out += fmt::format("export SBATCH_TIMELIMIT={}\n", submission.time);
    // Those that are still in the queue when the driver has died.
    tidy +=
        fmt::format("; scancel --quiet --user=\"$(id -u)\" --name={}", cluster::slurm_requests_name("$SLURM_JOB_ID.0"));
  }
  out += "status=$(mktemp)\ntrap '" + tidy + "' EXIT\n";
  out += step + " sh -c '\"$@\"; code=$?; [ \"$SLURM_PROCID\" != 0 ] || echo $code >\"$0\"' \"$status\"";
  for (const std::string& word : command) out += " \\\n    " + shell_quoted(word);
  out += "\ncode=$(cat \"$status\")\nexit \"${code:-1}\"\n";
  return out;
}

std::string submit_script(const std::string& script) {
  const ProgramResult submitted = run_program({"sbatch", "--parsable"}, script);
  if (submitted.status == 127) {
    throw Error(Cause::input, "there is no sbatch here; submit on a machine from which Slurm's jobs are submitted");
  }
  const std::string id = submitted.output.substr(0, submitted.output.find_first_of(";\n"));
  if (submitted.status != 0 || id.empty() || id.find_first_not_of("0123456789") != std::string::npos) {
    throw Error(Cause::input,
                "Slurm refused the job: " + submitted.output.substr(0, submitted.output.find_last_not_of('\n') + 1));
  }
  return id;
}

/// Prints what a file has gained since it was asked last. It is not an error when it is not there yet.
class GrowingFile {
 public:
  explicit GrowingFile(std::ostream& out) : out_(out) {}
  void print(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file.seekg(static_cast<std::streamoff>(printed_))) return;
    std::array<char, 65536> piece;
    while (file.read(piece.data(), piece.size()), file.gcount() > 0) {
      out_.write(piece.data(), file.gcount());
      printed_ += static_cast<std::uint64_t>(file.gcount());
    }
    out_.flush();
  }

 private:
  std::ostream& out_;
  std::uint64_t printed_ = 0;
};

std::atomic<int> interrupts{0};

void on_interrupt(int) { ++interrupts; }

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: a question on the terminal ends at the second one
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

/// After a first Ctrl-C: true to cancel, false to detach.
bool asked_to_cancel(const std::string& id) {
  if (isatty(STDIN_FILENO) == 0) return true;
  std::cerr << "\nJob " << id << ": (d)etach or (c)ancel? " << std::flush;
  std::array<char, 64> answer;
  const ssize_t count = read(STDIN_FILENO, answer.data(), answer.size());
  return count <= 0 || (answer[0] != 'd' && answer[0] != 'D');
}

/// Waits for the job's end, printing what it prints. Returns the exit status.
class Follower {
 public:
  explicit Follower(std::string id) : id_(std::move(id)) {}

  int follow() {
    auto next = std::chrono::steady_clock::now();
    auto pause = shortest_pause;
    for (;;) {
      const auto now = std::chrono::steady_clock::now();
      if (now >= next) {
        const SlurmJob seen = slurm_job(id_);
        if (seen.state != job_.state && !seen.state.empty())
          std::cerr << "millrace submit: job " << id_ << ": " << described(seen) << '\n';
        if (seen.state == job_.state) pause = std::min(pause * 2, longest_pause);
        job_.state = seen.state;
        job_.exit_status = seen.exit_status;
        if (!seen.state.empty()) job_ = seen;
        next = now + pause;
      }
      print();
      if (job_.ended()) return finish();
      if (interrupts.load() != 0) {
        if (!asked_to_cancel(id_)) {
          std::cerr << "millrace submit: detached from job " << id_ << "; its output goes on in " << job_.out << '\n';
          return 0;
        }
        run_program({"scancel", id_});
        std::cerr << "millrace submit: job " << id_ << " is cancelled\n";
        return interrupted_status;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

 private:
  // Controllers of large clusters suffer from clients that ask often.
  static constexpr std::chrono::milliseconds shortest_pause{250};
  static constexpr std::chrono::milliseconds longest_pause{5000};

  static std::string described(const SlurmJob& job) {
    return job.state == "PENDING" && job.reason != "None" ? "PENDING, " + job.reason : job.state;
  }

  void print() {
    if (job_.out.empty()) return;
    out_.print(job_.out);
    err_.print(job_.err);
  }

  int finish() {
    if (job_.state == "COMPLETED" || job_.state == "FAILED") return job_.exit_status;
    std::cerr << "millrace submit: job " << id_
              << (job_.state.empty() ? ": Slurm does not know it any more, and so not how it ended\n"
                                     : ": ended as " + job_.state + "\n");
    return 1;
  }

  const std::string id_;
  SlurmJob job_{"PENDING", "None", {}, {}, 0};
  GrowingFile out_{std::cout};
  GrowingFile err_{std::cerr};
};

}  // namespace

int run_submit(const Invocation& invocation) {
  const Submission submission = parse(invocation.words);
  if (submission.help) {
    std::cout << help;
    return 0;
  }
  if (!submission.slurm) throw Error(Cause::usage, "to which scheduler? --slurm is the one that there is");
  if (submission.job.empty()) throw Error(Cause::usage, "which job? See millrace submit --help");
  const std::string script = script_of(submission, command_of(submission.job));
  if (submission.dry_run) {
    std::cout << script;
    return 0;
  }
  if (!submission.detach) catch_interrupts();
  const std::string id = submit_script(script);
  if (submission.detach) {
    std::cout << id << '\n';
    return 0;
  }
  return Follower(id).follow();
}

}  // namespace millrace::cli

#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/hadoop/place.h"
#include "storage/file_system.h"

namespace millrace::cli {

/// `hadoop fs`: the commands that clients call, with HDFS's output, messages and exit statuses, on Millrace's file
/// systems. One call at a time.
class FileShell {
 public:
  /// All outlive this object. `in` is what `-put -` reads.
  FileShell(storage::FileSystem& files, std::istream& in, std::ostream& out, std::ostream& errors)
      : files_(files), in_(in), out_(out), errors_(errors) {}

  /// Runs one command: {"-ls", "-R", "/data"}. Returns the exit status; what went wrong is on `errors`, each message
  /// beginning with the command's name.
  int run(std::span<const std::string> arguments);

 private:
  /// A command's flags and paths.
  struct Call {
    std::string name;
    std::string flags;  ///< letters and words that begin with '-', each followed by a blank
    std::vector<std::string> paths;
    bool has(std::string_view flag) const;
  };
  struct Command {
    std::string_view name;
    std::string_view flags;  ///< those that it takes, each followed by a blank
    std::size_t least_paths;
    void (FileShell::*run)(const Call&);
    std::string_view usage;
  };
  static std::span<const Command> commands();

  void list(const Call&);
  void make_directories(const Call&);
  void put(const Call&);
  void get(const Call&);
  void copy(const Call&);
  void move(const Call&);
  void print(const Call&);
  void print_text(const Call&);
  void touch(const Call&);
  void remove(const Call&);
  void disk_usage(const Call&);
  void merge(const Call&);
  void test(const Call&);
  void help(const Call&);

  void print_entry(const Place& place, const storage::FileInfo& info);
  void list_tree(const Place& directory);
  std::uint64_t tree_size(const Place& place, const storage::FileInfo& info) const;
  void copy_tree(const Place& from, const Place& to, bool overwrite);
  void copy_all(const Call& call, bool from_stdin);
  void copy_file(const std::string& from, storage::OutputFile& to, bool decompress);
  /// The place inside `to` when that is a directory, else `to`.
  Place target(const Place& from, const Place& to) const;
  std::vector<Place> existing(const std::string& argument);
  void complain(const std::string& message);

  storage::FileSystem& files_;
  std::istream& in_;
  std::ostream& out_;
  std::ostream& errors_;
  std::string command_;
  int status_ = 0;
};

}  // namespace millrace::cli

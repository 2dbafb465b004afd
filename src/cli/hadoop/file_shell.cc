#include "cli/hadoop/file_shell.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <istream>
#include <ostream>

#include <millrace/error.h>

#include "cli/hadoop/listing.h"
#include "storage/compression.h"

namespace millrace::cli {
namespace {

using storage::FileInfo;
using storage::FileKind;

constexpr std::size_t copy_bytes = 1 << 20;

std::string quoted(const Place& place) { return "`" + place.shown + "'"; }

/// What a command throws to end with an exit status and no message.
struct Exit {
  int status;
};

}  // namespace

bool FileShell::Call::has(std::string_view flag) const {
  return (" " + flags).find(fmt::format(" {} ", flag)) != std::string::npos;
}

std::span<const FileShell::Command> FileShell::commands() {
  static constexpr std::array all = {
      Command{"ls", "-d -h -R -C -S -t -r -q -u -e ", 0, &FileShell::list, "[-d] [-h] [-R] PATH…"},
      Command{"lsr", "", 0, &FileShell::list, "PATH…"},
      Command{"mkdir", "-p ", 1, &FileShell::make_directories, "[-p] PATH…"},
      Command{"put", "-f -p -l -d ", 2, &FileShell::put, "[-f] LOCAL… DESTINATION (LOCAL may be -)"},
      Command{"copyFromLocal", "-f -p -l -d ", 2, &FileShell::put, "[-f] LOCAL… DESTINATION"},
      Command{"get", "-f -p -ignoreCrc -crc ", 2, &FileShell::get, "[-f] PATH… LOCAL"},
      Command{"copyToLocal", "-f -p -ignoreCrc -crc ", 2, &FileShell::get, "[-f] PATH… LOCAL"},
      Command{"cp", "-f -p -d ", 2, &FileShell::copy, "[-f] PATH… DESTINATION"},
      Command{"mv", "", 2, &FileShell::move, "PATH… DESTINATION"},
      Command{"cat", "-ignoreCrc ", 1, &FileShell::print, "PATH…"},
      Command{"text", "-ignoreCrc ", 1, &FileShell::print_text, "PATH…"},
      Command{"touchz", "", 1, &FileShell::touch, "PATH…"},
      Command{"rm", "-f -r -R -skipTrash -safely ", 1, &FileShell::remove, "[-f] [-r|-R] [-skipTrash] PATH…"},
      Command{"rmr", "-f -skipTrash ", 1, &FileShell::remove, "[-skipTrash] PATH…"},
      Command{"du", "-s -h -v -x ", 0, &FileShell::disk_usage, "[-s] [-h] PATH…"},
      Command{"dus", "", 0, &FileShell::disk_usage, "PATH…"},
      Command{"getmerge", "-nl -skip-empty-file ", 2, &FileShell::merge, "[-nl] PATH… LOCAL"},
      Command{"test", "-d -e -f -s -z -r -w ", 1, &FileShell::test, "-[defszrw] PATH"},
      Command{"help", "", 0, &FileShell::help, "[COMMAND]"},
  };
  return all;
}

int FileShell::run(std::span<const std::string> arguments) {
  status_ = 0;
  if (arguments.empty()) {
    help({});
    return 255;
  }
  command_ = arguments.front().substr(arguments.front().find_first_not_of('-') == 1 ? 1 : 0);
  const auto known = commands();
  const auto command = std::find_if(known.begin(), known.end(), [&](const Command& c) { return c.name == command_; });
  if (!arguments.front().starts_with('-') || command == known.end()) {
    errors_ << arguments.front() << ": Unknown command\n";
    return 255;
  }
  Call call{command_, {}, {}};
  bool flags = true;
  for (const std::string& word : arguments.subspan(1)) {
    if (!flags || word == "-" || !word.starts_with('-')) {
      flags = false;
      call.paths.push_back(word);
    } else if (word == "--") {
      flags = false;
    } else if (fmt::format(" {}", command->flags).find(fmt::format(" {} ", word)) != std::string::npos) {
      call.flags += word + " ";
    } else {
      errors_ << command_ << ": Illegal option " << word << "\nUsage: hadoop fs -" << command_ << " " << command->usage
              << '\n';
      return 255;
    }
  }
  if (call.paths.size() < command->least_paths) {
    errors_ << command_ << ": Not enough arguments: expected " << command->least_paths << " but got "
            << call.paths.size() << "\nUsage: hadoop fs -" << command_ << " " << command->usage << '\n';
    return 255;
  }
  try {
    (this->*command->run)(call);
  } catch (const Exit& exit) {
    return exit.status;
  } catch (const Error& error) {
    complain(error.what());
  }
  out_.flush();
  return status_;
}

void FileShell::complain(const std::string& message) {
  errors_ << command_ << ": " << message << '\n';
  status_ = 1;
}

std::vector<Place> FileShell::existing(const std::string& argument) {
  std::vector<Place> places = expand(files_, argument);
  if (places.empty()) complain(fmt::format("`{}': No such file or directory", argument));
  return places;
}

void FileShell::list(const Call& call) {
  const std::vector<std::string> paths = call.paths.empty() ? std::vector<std::string>{"."} : call.paths;
  for (const std::string& argument : paths) {
    for (const Place& place : existing(argument)) {
      FileInfo info;
      if (!files_.stat(place.local, info)) continue;
      if (info.kind != FileKind::directory || call.has("-d")) {
        print_entry(place, info);
      } else if (call.has("-R") || call.name == "lsr") {
        list_tree(place);
      } else {
        const std::vector<FileInfo> entries = files_.list(place.local);
        if (!entries.empty()) out_ << "Found " << entries.size() << " items\n";
        for (const FileInfo& entry : entries)
          print_entry(place.child(entry.path.substr(entry.path.rfind('/') + 1)), entry);
      }
    }
  }
}

void FileShell::print_entry(const Place& place, const FileInfo& info) {
  out_ << listing_line(info, place.shown) << '\n';
}

void FileShell::list_tree(const Place& directory) {
  for (const FileInfo& entry : files_.list(directory.local)) {
    const Place place = directory.child(entry.path.substr(entry.path.rfind('/') + 1));
    print_entry(place, entry);
    if (entry.kind == FileKind::directory) list_tree(place);
  }
}

void FileShell::make_directories(const Call& call) {
  for (const std::string& argument : call.paths) {
    const Place place = place_of(argument);
    FileInfo info;
    if (files_.stat(place.local, info)) {
      if (!call.has("-p") || info.kind != FileKind::directory) complain(quoted(place) + ": File exists");
      continue;
    }
    const std::size_t slash = place.local.rfind('/');
    const std::string parent =
        slash == std::string::npos ? "." : place.local.substr(0, std::max<std::size_t>(slash, 1));
    if (!call.has("-p") && !files_.stat(parent, info)) {
      complain(quoted(place) + ": No such file or directory");
      continue;
    }
    files_.make_directories(place.local);
  }
}

Place FileShell::target(const Place& from, const Place& to) const {
  FileInfo info;
  const bool into = files_.stat(to.local, info) && info.kind == FileKind::directory;
  return into ? to.child(from.name()) : to;
}

void FileShell::copy_file(const std::string& from, storage::OutputFile& to, bool decompress) {
  std::vector<std::byte> buffer(copy_bytes);
  const auto stream = decompress ? storage::open_stream(files_, from)
                                 : std::unique_ptr<storage::ByteStream>(new storage::FileStream(files_.open(from)));
  while (const std::size_t count = stream->read(buffer)) to.write(std::span(buffer).first(count));
}

void FileShell::copy_tree(const Place& from, const Place& to, bool overwrite) {
  FileInfo info;
  if (!files_.stat(from.local, info)) return complain(quoted(from) + ": No such file or directory");
  if (info.kind == FileKind::directory) {
    files_.make_directories(to.local);
    for (const FileInfo& entry : files_.list(from.local)) {
      const std::string name = entry.path.substr(entry.path.rfind('/') + 1);
      copy_tree(from.child(name), to.child(name), overwrite);
    }
    return;
  }
  FileInfo there;
  if (!overwrite && files_.stat(to.local, there)) return complain(quoted(to) + ": File exists");
  // Nobody sees half a file under its own name; HDFS uses the same ending.
  const std::string unfinished = to.local + "._COPYING_";
  try {
    const auto file = files_.create(unfinished);
    copy_file(from.local, *file, false);
    file->close();
    files_.rename(unfinished, to.local);
  } catch (const Error&) {
    files_.remove_all(unfinished);
    throw;
  }
}

void FileShell::copy_all(const Call& call, bool from_stdin) {
  const Place to = place_of(call.paths.back());
  const std::span<const std::string> sources = std::span(call.paths).first(call.paths.size() - 1);
  FileInfo info;
  const bool into_directory = files_.stat(to.local, info) && info.kind == FileKind::directory;
  if (sources.size() > 1 && !into_directory) return complain(quoted(to) + ": No such file or directory");
  for (const std::string& source : sources) {
    if (from_stdin && source == "-") {
      if (files_.stat(to.local, info) && !call.has("-f")) return complain(quoted(to) + ": File exists");
      const auto file = files_.create(to.local);
      std::vector<char> buffer(copy_bytes);
      while (in_.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in_.gcount() > 0) {
        file->write(std::as_bytes(std::span(buffer).first(static_cast<std::size_t>(in_.gcount()))));
      }
      file->close();
      continue;
    }
    for (const Place& from : existing(source)) copy_tree(from, target(from, to), call.has("-f"));
  }
}

void FileShell::put(const Call& call) { copy_all(call, true); }
void FileShell::get(const Call& call) { copy_all(call, false); }
void FileShell::copy(const Call& call) { copy_all(call, false); }

void FileShell::move(const Call& call) {
  const Place to = place_of(call.paths.back());
  for (const std::string& source : std::span(call.paths).first(call.paths.size() - 1)) {
    for (const Place& from : existing(source)) {
      const Place there = target(from, to);
      FileInfo info;
      if (files_.stat(there.local, info)) {
        complain(quoted(there) + ": File exists");
      } else {
        files_.rename(from.local, there.local);
      }
    }
  }
}

void FileShell::print(const Call& call) {
  for (const std::string& argument : call.paths) {
    for (const Place& place : existing(argument)) {
      FileInfo info;
      files_.stat(place.local, info);
      if (info.kind == FileKind::directory) {
        complain(quoted(place) + ": Is a directory");
        continue;
      }
      const bool decompress = call.name == "text";
      const auto stream = decompress
                              ? storage::open_stream(files_, place.local)
                              : std::unique_ptr<storage::ByteStream>(new storage::FileStream(files_.open(place.local)));
      std::vector<std::byte> buffer(copy_bytes);
      while (const std::size_t count = stream->read(buffer)) {
        if (!out_.write(reinterpret_cast<const char*>(buffer.data()), static_cast<std::streamsize>(count)))
          throw Exit{1};
      }
    }
  }
}

void FileShell::print_text(const Call& call) { print(call); }

void FileShell::touch(const Call& call) {
  for (const std::string& argument : call.paths) {
    const Place place = place_of(argument);
    FileInfo info;
    if (!files_.stat(place.local, info)) {
      files_.create(place.local)->close();
    } else if (info.kind == FileKind::directory) {
      complain(quoted(place) + ": Is a directory");
    } else if (info.size != 0) {
      complain(quoted(place) + ": Not a zero-length file");
    }
  }
}

void FileShell::remove(const Call& call) {
  const bool recursive = call.has("-r") || call.has("-R") || call.name == "rmr";
  for (const std::string& argument : call.paths) {
    const std::vector<Place> places = call.has("-f") ? expand(files_, argument) : existing(argument);
    for (const Place& place : places) {
      FileInfo info;
      if (!files_.stat(place.local, info)) continue;
      if (info.kind == FileKind::directory && !recursive) {
        complain(quoted(place) + ": Is a directory");
        continue;
      }
      files_.remove_all(place.local);
      out_ << "Deleted " << place.shown << '\n';
    }
  }
}

std::uint64_t FileShell::tree_size(const Place& place, const FileInfo& info) const {
  if (info.kind != FileKind::directory) return info.size;
  std::uint64_t size = 0;
  for (const FileInfo& entry : files_.list(place.local)) {
    size += tree_size(place.child(entry.path.substr(entry.path.rfind('/') + 1)), entry);
  }
  return size;
}

void FileShell::disk_usage(const Call& call) {
  const std::vector<std::string> paths = call.paths.empty() ? std::vector<std::string>{"."} : call.paths;
  const bool summary = call.has("-s") || call.name == "dus";
  for (const std::string& argument : paths) {
    for (const Place& place : existing(argument)) {
      FileInfo info;
      files_.stat(place.local, info);
      if (summary || info.kind != FileKind::directory) {
        out_ << usage_line(tree_size(place, info), call.has("-h"), place.shown) << '\n';
        continue;
      }
      for (const FileInfo& entry : files_.list(place.local)) {
        const Place child = place.child(entry.path.substr(entry.path.rfind('/') + 1));
        out_ << usage_line(tree_size(child, entry), call.has("-h"), child.shown) << '\n';
      }
    }
  }
}

void FileShell::merge(const Call& call) {
  const Place to = place_of(call.paths.back());
  const auto file = files_.create(to.local);
  constexpr std::string_view newline = "\n";
  for (const std::string& source : std::span(call.paths).first(call.paths.size() - 1)) {
    for (const Place& place : existing(source)) {
      FileInfo info;
      files_.stat(place.local, info);
      std::vector<FileInfo> parts = {info};
      if (info.kind == FileKind::directory) parts = files_.list(place.local);
      for (const FileInfo& part : parts) {
        if (part.kind != FileKind::file || (part.size == 0 && call.has("-skip-empty-file"))) continue;
        copy_file(part.path, *file, false);
        if (call.has("-nl")) file->write(std::as_bytes(std::span(newline)));
      }
    }
  }
  file->close();
}

void FileShell::test(const Call& call) {
  const std::vector<Place> places = expand(files_, call.paths.front());
  FileInfo info;
  const bool exists = !places.empty() && files_.stat(places.front().local, info);
  const bool is_directory = exists && info.kind == FileKind::directory;
  bool holds = exists;
  if (call.has("-d")) holds = is_directory;
  if (call.has("-f")) holds = exists && !is_directory;
  if (call.has("-s")) holds = exists && (is_directory || info.size > 0);
  if (call.has("-z")) holds = exists && !is_directory && info.size == 0;
  if (call.flags.empty()) return complain("No test flag given");
  throw Exit{holds ? 0 : 1};
}

void FileShell::help(const Call& call) {
  for (const Command& command : commands()) {
    if (call.paths.empty() || call.paths.front() == command.name ||
        call.paths.front() == fmt::format("-{}", command.name)) {
      (call.name.empty() ? errors_ : out_) << "hadoop fs -" << command.name << " " << command.usage << '\n';
    }
  }
}

}  // namespace millrace::cli

#include "tests/properties/property.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace millrace::properties {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::stoull(value) : otherwise;
}

/// Where two texts begin to differ, and what stands there. Texts may be large.
std::string difference(const std::string& a, const std::string& b) {
  const auto at = static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const auto around = [at](const std::string& text) {
    const std::size_t begin = std::min(text.size(), at < 30 ? 0 : at - 30);
    return ::testing::PrintToString(text.substr(begin, 60));
  };
  return "sizes " + std::to_string(a.size()) + " and " + std::to_string(b.size()) + ", different from byte " +
         std::to_string(at) + " on: " + around(a) + " and " + around(b);
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

void expect_same(const Output& first, const Output& output) {
  if (first == output) return;
  for (const auto& [name, content] : first) {
    const auto found = output.find(name);
    if (found == output.end()) {
      ADD_FAILURE() << name << " is missing";
    } else {
      EXPECT_TRUE(content == found->second) << name << ": " << difference(content, found->second);
    }
  }
  EXPECT_EQ(first.size(), output.size());
}

void expect_model(const Output& output, Lines expected, bool ordered) {
  std::string all;
  for (const auto& [name, content] : output) all += content;
  if (!ordered) {
    all = joined(testing::sorted(lines_of({all})));
    std::sort(expected.begin(), expected.end());
  }
  const std::string text = joined(expected);
  EXPECT_TRUE(all == text) << "the output and the model: " << difference(all, text);
}

void check_flavour(const Property& property, Random& random, Flavour flavour) {
  const testing::Workspace workspace;
  const std::vector<std::string> files = property.inputs(random, flavour);
  Paths paths;
  std::uint64_t bytes = 0;
  for (const std::string& file : files) {
    paths.push_back(workspace.write("in/" + std::to_string(1000 + paths.size()), file));
    bytes += file.size();
  }
  Output first;
  for (unsigned i = 0; i < shapes; ++i) {
    const Options options = shape(workspace, random, i, bytes, property.most_tasks);
    SCOPED_TRACE(described(options));
    Context context(options);
    const std::string directory = workspace.path("out-" + std::to_string(i));
    const Output output = property.run(context, paths, directory);
    if (i == 0) {
      expect_model(output, property.model(files), property.ordered);
      first = output;
    } else {
      expect_same(first, output);
    }
    std::filesystem::remove_all(directory);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace

void for_each_round(const std::function<void(Random&)>& round) {
  const std::uint64_t first = from_environment("MILLRACE_PROPERTY_SEED", std::random_device{}());
  const std::uint64_t rounds = from_environment("MILLRACE_PROPERTY_ROUNDS", 1);
  for (std::uint64_t seed = first; seed < first + rounds; ++seed) {
    std::cout << "MILLRACE_PROPERTY_SEED=" << seed << std::endl;
    SCOPED_TRACE("MILLRACE_PROPERTY_SEED=" + std::to_string(seed));
    Random random(seed);
    round(random);
    if (::testing::Test::HasFailure()) return;
  }
}

std::vector<Flavour> flavours_of_variant(unsigned variant) {
  if (variant % 2 == 0) return {Flavour::small, Flavour::huge_keys};
  return {Flavour::heavy_key, Flavour::many_files};
}

void check(const Property& property) {
  for_each_round([&](Random& random) {
    for (const Flavour flavour : property.flavours) {
      SCOPED_TRACE("flavour " + std::to_string(static_cast<int>(flavour)));
      check_flavour(property, random, flavour);
      if (::testing::Test::HasFailure()) return;
    }
  });
}

Options shape(const testing::Workspace& workspace, Random& random, unsigned number, std::uint64_t input_bytes,
              std::uint64_t most_tasks) {
  static constexpr unsigned threads[] = {2, 0, 1, 7};
  static constexpr std::uint64_t memory[] = {std::uint64_t{256} << 20, std::uint64_t{1} << 20, std::uint64_t{24} << 20};
  const std::uint64_t smallest = std::max<std::uint64_t>(1, input_bytes / most_tasks);
  const std::uint64_t splits[] = {std::uint64_t{1} << 40, smallest, smallest + 1 + random() % 5,
                                  std::max(smallest, input_bytes / 3 + 1), smallest + random() % (input_bytes + 1)};
  Options options = workspace.options(threads[number % 4], memory[number % 3]);
  options.split_bytes = splits[number % 5];
  options.file_shuffle = number / 2 % 2 == 1;
  options.reducers = 3;
  return options;
}

std::string described(const Options& options) {
  return "--threads " + std::to_string(options.threads) + " --memory " + std::to_string(options.memory_bytes) +
         " --split " + std::to_string(options.split_bytes) + (options.file_shuffle ? " --file-shuffle" : "");
}

}  // namespace millrace::properties

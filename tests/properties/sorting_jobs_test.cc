#include <cmath>

#include "jobs/logistic_regression/logistic_regression.h"
#include "jobs/sort/sort.h"
#include "jobs/stream/stream_job.h"
#include "tests/properties/property.h"

namespace millrace::properties {
namespace {

std::vector<std::string> texts(Random& random, Flavour flavour) {
  Words words(random, flavour);
  return files_of(random, flavour, [&] { return words_line(random, words); });
}

TEST(Properties, SortOfLines) {
  for (const bool reverse : {false, true}) {
    for (const bool unique : {false, true}) {
      jobs::LineSort order;
      order.global.reverse = reverse;
      Property property;
      property.flavours = flavours_of_variant(reverse == unique ? 1 : 0);
      property.inputs = texts;
      property.run = [&](Context& context, const Paths& paths, const std::string& output) {
        return written(jobs::sort_lines(context, paths, order, unique), output);
      };
      property.model = [&](const std::vector<std::string>& files) {
        Lines lines = testing::sorted(lines_of(files));
        if (reverse) std::reverse(lines.begin(), lines.end());
        if (unique) lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
        return lines;
      };
      check(property);
    }
  }
}

TEST(Properties, SortByKeysIsStable) {
  for (const bool last_resort : {false, true}) {
    jobs::LineSort order;
    order.separator = '\t';
    order.keys = {jobs::parse_sort_key("2,2nr")};
    order.last_resort = last_resort;
    Property property;
    property.inputs = [](Random& random, Flavour flavour) {
      Words words(random, flavour);
      return files_of(random, flavour, [&] {
        return words.next() + '\t' + std::to_string(static_cast<int>(random() % 40) - 20) + '\t' + words.next();
      });
    };
    property.run = [&](Context& context, const Paths& paths, const std::string& output) {
      return written(jobs::sort_lines(context, paths, order, false), output);
    };
    property.model = [&](const std::vector<std::string>& files) {
      Lines lines = lines_of(files);
      if (last_resort) std::sort(lines.begin(), lines.end());
      const auto number = [](const std::string& line) { return std::stoi(line.substr(line.find('\t') + 1)); };
      std::stable_sort(lines.begin(), lines.end(),
                       [&](const std::string& a, const std::string& b) { return number(a) > number(b); });
      return lines;
    };
    check(property);
  }
}

TEST(Properties, SortOfRecords) {
  constexpr std::size_t record_bytes = 7;
  constexpr std::size_t key_bytes = 2;
  const auto records_of = [](const std::vector<std::string>& files) {
    std::vector<std::string> records;
    for (const std::string& file : files) {
      for (std::size_t at = 0; at < file.size(); at += record_bytes) records.push_back(file.substr(at, record_bytes));
    }
    return records;
  };
  Property property;
  property.inputs = [](Random& random, Flavour flavour) {
    std::vector<std::string> files;
    for (std::uint64_t n = flavour == Flavour::many_files ? 30 : 2; n != 0; --n) {
      std::string& file = files.emplace_back();
      const std::uint64_t records = random() % 3 == 0 ? 0 : random() % (flavour == Flavour::small ? 30 : 900);
      for (std::uint64_t i = 0; i < records * record_bytes; ++i) {
        const bool frequent = flavour == Flavour::heavy_key && random() % 10 != 0;
        file += static_cast<char>(frequent ? 0 : random() % 256);
      }
    }
    return files;
  };
  property.run = [](Context& context, const Paths& paths, const std::string& output) {
    jobs::sort_records(context, paths, record_bytes, key_bytes).write_records(output);
    // In lines, as the model is.
    Output lines;
    for (const auto& [name, content] : testing::read_output(output)) {
      for (std::size_t at = 0; at < content.size(); at += record_bytes) {
        lines[name] += ::testing::PrintToString(content.substr(at, record_bytes)) + '\n';
      }
    }
    return lines;
  };
  property.model = [&](const std::vector<std::string>& files) {
    auto records = records_of(files);
    std::stable_sort(records.begin(), records.end(), [](const std::string& a, const std::string& b) {
      return a.substr(0, key_bytes) < b.substr(0, key_bytes);
    });
    Lines lines;
    for (const std::string& record : records) lines.push_back(::testing::PrintToString(record));
    return lines;
  };
  check(property);
}

TEST(Properties, Streaming) {
  Property property;
  property.ordered = false;
  property.most_tasks = 6;  // each starts a process
  property.inputs = [](Random& random, Flavour flavour) {
    Words words(random, flavour);
    std::vector<std::string> files;
    for (int i = 0; i < 3; ++i) {
      std::string& file = files.emplace_back();
      for (std::uint64_t n = random() % 200; n != 0; --n) file += words.next() + '\n';
    }
    return files;
  };
  property.run = [](Context& context, const Paths& paths, const std::string& output) {
    std::vector<std::string> arguments = {
        "-D", "mapreduce.job.reduces=2", "-mapper", "cat", "-reducer", "cat", "-output", output};
    for (const std::string& path : paths) arguments.insert(arguments.end(), {"-input", path});
    const auto no_file = [](const std::string& path) -> std::string { throw Error(Cause::input, path); };
    jobs::stream::run_streaming_job(jobs::stream::parse_streaming_options(arguments, no_file), context, {});
    return testing::read_output(output);
  };
  property.model = lines_of;
  check(property);
}

// Sums of floating-point numbers depend on the splits, which are combined in order, and on nothing else.
TEST(Properties, LogisticRegression) {
  for_each_round([](Random& random) {
    const testing::Workspace workspace;
    std::string points;
    std::vector<std::vector<double>> rows;
    for (int i = 0; i < 900; ++i) {
      std::vector<double>& row = rows.emplace_back();
      for (int j = 0; j < 3; ++j) row.push_back(static_cast<double>(random() % 2001) / 1000 - 1);
      row.push_back(row[0] + row[1] > static_cast<double>(random() % 1000) / 2000 ? 1 : 0);
      for (std::size_t j = 0; j < row.size(); ++j) points += (j == 0 ? "" : ",") + std::to_string(row[j]);
      points += '\n';
    }
    const auto input = workspace.write("in", points);
    std::vector<double> model(3);
    for (int pass = 0; pass < 4; ++pass) {
      std::vector<double> gradient(3);
      for (const auto& row : rows) {
        double dot = 0;
        for (std::size_t j = 0; j < 3; ++j) dot += model[j] * row[j];
        for (std::size_t j = 0; j < 3; ++j) gradient[j] += (row[3] - 1 / (1 + std::exp(-dot))) * row[j];
      }
      for (std::size_t j = 0; j < 3; ++j) model[j] += gradient[j] / static_cast<double>(rows.size());
    }
    for (const std::uint64_t split : {std::uint64_t{1} << 40, std::uint64_t{1000}, std::uint64_t{77}}) {
      std::vector<double> first;
      for (unsigned i = 0; i < shapes; ++i) {
        Options options = shape(workspace, random, i, points.size(), 5000);
        options.split_bytes = split;
        SCOPED_TRACE(described(options));
        Context context(options);
        const auto weights = jobs::train_logistic(context, {input}, 4).weights;
        if (i == 0) first = weights;
        EXPECT_EQ(weights, first);
      }
      for (std::size_t j = 0; j < 3; ++j) EXPECT_NEAR(first.at(j), model[j], 1e-9);
    }
  });
}

}  // namespace
}  // namespace millrace::properties

#include <cstdio>

#include "jobs/grep/grep.h"
#include "jobs/ngrams/ngrams.h"
#include "jobs/urls/urls.h"
#include "jobs/wordcount/wordcount.h"
#include "tests/properties/property.h"

namespace millrace::properties {
namespace {

std::vector<std::string> texts(Random& random, Flavour flavour) {
  Words words(random, flavour);
  return files_of(random, flavour, [&] { return words_line(random, words); });
}

Lines as_lines(const std::map<std::string, std::uint64_t>& counts) {
  Lines lines;
  for (const auto& [key, count] : counts) lines.push_back(key + '\t' + std::to_string(count));
  return lines;
}

Lines counted_words(const std::vector<std::string>& files) {
  std::map<std::string, std::uint64_t> counts;
  for (const std::string& file : files) {
    for (const std::string& word : words_of(file)) ++counts[word];
  }
  return as_lines(counts);
}

TEST(Properties, WordCount) {
  Property property;
  property.inputs = texts;
  property.run = [](Context& context, const Paths& paths, const std::string& output) {
    return written(jobs::count_words(context, paths).sort_by_key(), output);
  };
  property.model = counted_words;
  check(property);
}

TEST(Properties, WordCountInHashOrder) {
  Property property;
  property.ordered = false;
  property.inputs = texts;
  property.run = [](Context& context, const Paths& paths, const std::string& output) {
    return written(jobs::count_words(context, paths), output);
  };
  property.model = counted_words;
  check(property);
}

TEST(Properties, Ngrams) {
  for (const std::uint32_t n : {1u, 3u}) {
    Property property;
    property.flavours = flavours_of_variant(n / 2);
    property.inputs = texts;
    property.run = [n](Context& context, const Paths& paths, const std::string& output) {
      return written(jobs::count_ngrams(context, paths, n).sort_by_key(), output);
    };
    property.model = [n](const std::vector<std::string>& files) {
      std::map<std::string, std::uint64_t> counts;
      for (const std::string& line : lines_of(files)) {
        const auto words = words_of(line);
        for (std::size_t i = 0; i + n <= words.size(); ++i) {
          std::string ngram = words[i];
          for (std::size_t k = 1; k < n; ++k) ngram += ' ' + words[i + k];
          ++counts[ngram];
        }
      }
      return as_lines(counts);
    };
    check(property);
  }
}

TEST(Properties, Urls) {
  Property property;
  property.inputs = [](Random& random, Flavour flavour) {
    Words words(random, flavour);
    return files_of(random, flavour, [&] {
      const bool combined = random() % 2 == 0;
      return "host - - [01/Jan/2020:00:00:00 +0000] \"GET /" + words.next() + " HTTP/1.1\" 200 17" +
             (combined ? " \"" + words.next() + "\" \"agent (x; y)\"" : "");
    });
  };
  property.run = [](Context& context, const Paths& paths, const std::string& output) {
    return written(jobs::url_shares(context, paths), output);
  };
  property.model = [](const std::vector<std::string>& files) {
    std::map<std::string, std::uint64_t> counts;
    const Lines lines = lines_of(files);
    for (const std::string& line : lines) {
      const std::size_t begin = line.find(' ', line.find('"')) + 1;
      ++counts[line.substr(begin, line.find_first_of(" \"", begin) - begin)];
    }
    Lines expected;
    for (const auto& [url, count] : counts) {
      char percent[32];
      std::snprintf(percent, sizeof percent, "%.4f",
                    100 * static_cast<double>(count) / static_cast<double>(lines.size()));
      expected.push_back(url + '\t' + std::to_string(count) + '\t' + percent);
    }
    return expected;
  };
  check(property);
}

/// A pattern and what it means.
struct Grep {
  jobs::Pattern pattern;
  std::function<bool(const std::string& line)> matches;
};

std::vector<Grep> patterns() {
  std::vector<Grep> out(4);
  out[0].pattern.text = "ab";
  out[0].pattern.fixed = true;
  out[0].matches = [](const std::string& line) { return line.find("ab") != line.npos; };
  out[1].pattern.text = "^[a-c]";
  out[1].matches = [](const std::string& line) { return !line.empty() && line[0] >= 'a' && line[0] <= 'c'; };
  out[2].pattern.text = "[XYZ]+0";
  out[2].pattern.fold_case = true;
  out[2].matches = [](const std::string& line) {
    for (std::size_t at = 0; (at = line.find('0', at + 1)) != line.npos;) {
      if (std::string_view("XYZxyz").find(line[at - 1]) != std::string_view::npos) return true;
    }
    return false;
  };
  out[3].pattern.text = "e$";
  out[3].pattern.invert = true;
  out[3].matches = [](const std::string& line) { return !line.ends_with('e'); };
  return out;
}

TEST(Properties, GrepPrintsMatchingLinesInOrder) {
  unsigned variant = 0;
  for (const Grep& grep : patterns()) {
    SCOPED_TRACE(grep.pattern.text);
    Property property;
    property.flavours = flavours_of_variant(variant++);
    property.inputs = texts;
    property.run = [&](Context& context, const Paths& paths, const std::string&) {
      Output output;
      std::string& text = output["lines"];
      jobs::matching_text(context, grep.pattern, paths, false).for_each_in_order([&](std::string_view some) {
        text += some;
      });
      return output;
    };
    property.model = [&](const std::vector<std::string>& files) {
      Lines expected = lines_of(files);
      std::erase_if(expected, [&](const std::string& line) { return !grep.matches(line); });
      return expected;
    };
    check(property);
  }
}

TEST(Properties, GrepCountsMatchingLinesOfFiles) {
  const Grep grep = patterns()[2];
  Property property;
  property.inputs = texts;
  property.run = [&](Context& context, const Paths& paths, const std::string&) {
    std::map<std::string, std::uint64_t> counts;
    for (const auto& [path, count] : jobs::matches_per_file(context, grep.pattern, paths).collect())
      counts[path] = count;
    Output output;
    for (const std::string& path : paths) output["counts"] += std::to_string(counts[path]) + '\n';
    return output;
  };
  property.model = [&](const std::vector<std::string>& files) {
    Lines expected;
    for (const std::string& file : files) {
      const Lines lines = lines_of({file});
      expected.push_back(std::to_string(std::count_if(lines.begin(), lines.end(), grep.matches)));
    }
    return expected;
  };
  check(property);
}

}  // namespace
}  // namespace millrace::properties

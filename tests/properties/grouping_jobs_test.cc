#include <set>

#include "jobs/index/index.h"
#include "jobs/join/join.h"
#include "jobs/links/links.h"
#include "jobs/terms/terms.h"
#include "tests/properties/property.h"

namespace millrace::properties {
namespace {

/// Files of lines with a tab: what `key` makes, and words.
std::vector<std::string> documents(Random& random, Flavour flavour, const std::function<std::string()>& key) {
  Words words(random, flavour);
  return files_of(random, flavour, [&] { return key() + '\t' + words_line(random, words); });
}

std::pair<std::string, std::string> at_tab(const std::string& line) {
  const std::size_t tab = line.find('\t');
  return {line.substr(0, tab), line.substr(tab + 1)};
}

TEST(Properties, Links) {
  Property property;
  property.ordered = false;
  property.inputs = [](Random& random, Flavour flavour) {
    Words words(random, flavour);
    return files_of(random, flavour, [&] { return words.next() + '\t' + words.next(); });
  };
  property.run = [](Context& context, const Paths& paths, const std::string& output) {
    return written(jobs::reverse_links(context, paths), output);
  };
  property.model = [](const std::vector<std::string>& files) {
    std::map<std::string, std::string> sources;
    for (const std::string& line : lines_of(files)) {
      const auto [source, target] = at_tab(line);
      std::string& list = sources[target];
      list += (list.empty() ? "" : ",") + source;
    }
    Lines expected;
    for (const auto& [target, list] : sources) expected.push_back(target + '\t' + list);
    return expected;
  };
  check(property);
}

/// The index by nested maps. Ids are all numbers, or all names.
template <class Id, class Read>
Lines index_of(const std::vector<std::string>& files, bool positions, Read read) {
  std::map<std::string, std::map<Id, std::set<std::uint64_t>>> index;
  for (const std::string& line : lines_of(files)) {
    const auto [id, text] = at_tab(line);
    std::uint64_t position = 0;
    for (const std::string& word : words_of(text)) index[word][read(id)].insert(++position);
  }
  Lines expected;
  for (const auto& [word, ids] : index) {
    std::string line = word + '\t';
    for (const auto& [id, places] : ids) {
      if (line.back() != '\t' || &id != &ids.begin()->first) line += ',';
      if constexpr (std::is_same_v<Id, std::string>) {
        line += id;
      } else {
        line += std::to_string(id);
      }
      if (!positions) continue;
      for (const std::uint64_t place : places) line += ':' + std::to_string(place);
    }
    expected.push_back(line);
  }
  return expected;
}

TEST(Properties, Index) {
  for (const bool positions : {false, true}) {
    for (const bool numbers : {false, true}) {
      Property property;
      property.ordered = false;
      property.flavours = flavours_of_variant(positions == numbers ? 1 : 0);
      property.inputs = [numbers](Random& random, Flavour flavour) {
        return documents(random, flavour,
                         [&] { return (numbers ? "" : "doc") + std::to_string(1 + random() % (1 << random() % 12)); });
      };
      property.run = [positions](Context& context, const Paths& paths, const std::string& output) {
        return written(jobs::inverted_index(context, paths, positions), output);
      };
      property.model = [positions, numbers](const std::vector<std::string>& files) {
        if (numbers) {
          return index_of<std::uint64_t>(files, positions, [](const std::string& id) { return std::stoull(id); });
        }
        return index_of<std::string>(files, positions, [](const std::string& id) { return id; });
      };
      check(property);
    }
  }
}

TEST(Properties, Terms) {
  constexpr std::size_t top = 3;
  Property property;
  property.inputs = [](Random& random, Flavour flavour) {
    return documents(random, flavour, [&] {
      return "http://host" + std::to_string(random() % 9) + ".org/" + std::to_string(random() % 100);
    });
  };
  property.run = [](Context& context, const Paths& paths, const std::string& output) {
    return written(jobs::term_vectors(context, paths, top), output);
  };
  property.model = [](const std::vector<std::string>& files) {
    std::map<std::string, std::map<std::string, std::uint64_t>> hosts;
    for (const std::string& line : lines_of(files)) {
      const auto [url, text] = at_tab(line);
      const std::string host = url.substr(7, url.find('/', 7) - 7);
      for (const std::string& word : words_of(text)) ++hosts[host][word];
    }
    Lines expected;
    for (const auto& [host, terms] : hosts) {
      std::vector<std::pair<std::string, std::uint64_t>> most(terms.begin(), terms.end());
      std::stable_sort(most.begin(), most.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
      if (most.size() > top) most.resize(top);
      std::string list;
      for (const auto& [term, count] : most) list += (list.empty() ? "" : ",") + term + ':' + std::to_string(count);
      expected.push_back(host + '\t' + list);
    }
    return expected;
  };
  check(property);
}

/// A line's fields, separated by tabs.
Lines fields_of(const std::string& line) {
  Lines fields(1);
  for (const char c : line) {
    if (c == '\t') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

std::string other_fields(const Lines& fields, std::size_t key) {
  std::string text;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i != key) text += '\t' + fields[i];
  }
  return text;
}

/// By nested loops over the first half of the files and the second.
Lines joined_lines(const std::vector<std::string>& files, const jobs::JoinSpec& spec) {
  const auto middle = files.begin() + static_cast<std::ptrdiff_t>(files.size() / 2);
  const Lines left = lines_of({files.begin(), middle});
  const Lines right = lines_of({middle, files.end()});
  Lines expected;
  std::set<std::size_t> matched;
  std::multimap<std::string, std::size_t> by_key;
  for (std::size_t i = 0; i < right.size(); ++i) by_key.emplace(fields_of(right[i]).at(spec.right_field), i);
  for (const std::string& line : left) {
    const Lines fields = fields_of(line);
    const std::string& key = fields.at(spec.left_field);
    const auto [first, last] = by_key.equal_range(key);
    if (first == last && spec.keep_left) expected.push_back(key + other_fields(fields, spec.left_field));
    for (auto match = first; match != last; ++match) {
      matched.insert(match->second);
      expected.push_back(key + other_fields(fields, spec.left_field) +
                         other_fields(fields_of(right[match->second]), spec.right_field));
    }
  }
  for (const auto& [key, i] : by_key) {
    if (!spec.keep_right || matched.contains(i)) continue;
    expected.push_back(key + other_fields(fields_of(right[i]), spec.right_field));
  }
  return expected;
}

TEST(Properties, Join) {
  for (unsigned kind = 0; kind < 6; ++kind) {
    SCOPED_TRACE(kind);
    jobs::JoinSpec spec;
    spec.left_field = 1;
    spec.keep_left = kind % 2 == 1;
    spec.keep_right = kind == 2 || kind == 3;
    spec.small_right = kind >= 4;
    Property property;
    property.ordered = false;
    if (kind != 0) property.flavours = flavours_of_variant(kind);
    property.inputs = [](Random& random, Flavour flavour) {
      // As many keys as lines, so that the result is not much larger than the input; the words are the other fields.
      Words words(random, flavour == Flavour::heavy_key ? Flavour::small : flavour);
      const bool heavy = flavour == Flavour::heavy_key;
      const auto key = [&] {
        const std::uint64_t number = random() % 700;
        return heavy && random() % 10 != 0 ? std::string("heavy") : "key\xff" + std::to_string(number);
      };
      auto files = files_of(random, flavour, [&] { return words.next() + '\t' + key() + '\t' + words.next(); });
      // A heavy key on both sides would come to the product of both.
      auto right = files_of(random, heavy ? Flavour::small : flavour, [&] { return key() + '\t' + words.next(); });
      files.resize(std::max(files.size(), right.size()));
      right.resize(files.size());
      files.insert(files.end(), right.begin(), right.end());
      return files;
    };
    property.run = [spec](Context& context, const Paths& paths, const std::string& output) {
      const auto middle = paths.begin() + static_cast<std::ptrdiff_t>(paths.size() / 2);
      const auto joined = jobs::join_lines(context, {paths.begin(), middle}, {middle, paths.end()}, spec);
      if (!spec.small_right) return written(joined, output);
      // It keeps the order of the left input, and so its splits.
      joined.write_text(output);
      return Output{{"all", testing::read_parts(output)}};
    };
    property.model = [spec](const std::vector<std::string>& files) { return joined_lines(files, spec); };
    check(property);
  }
}

}  // namespace
}  // namespace millrace::properties

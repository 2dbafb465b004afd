// Makes one benchmark input: bench_generate KIND SEED ARGUMENTS…; bench/make_data knows the kinds and sizes.
#include "generate.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() < 2) {
    std::fprintf(stderr,
                 "usage: bench_generate text|documents|records|distinct|logs|edges|join|points SEED ARGUMENTS...\n");
    return 2;
  }
  const std::string& kind = args[0];
  const auto number = [&](std::size_t i) { return std::strtoull(args.at(i).c_str(), nullptr, 10); };
  const std::uint64_t seed = number(1);
  if (kind == "text" && args.size() == 5) {
    bench::generate_text(args[2], args[3], number(4), seed);
  } else if (kind == "documents" && args.size() == 5) {
    bench::generate_documents(args[2], args[3], number(4), seed);
  } else if (kind == "records" && args.size() == 4) {
    bench::generate_records(args[2], number(3), seed);
  } else if (kind == "distinct" && args.size() == 4) {
    bench::generate_distinct(args[2], number(3), seed);
  } else if (kind == "logs" && args.size() == 5) {
    bench::generate_logs(args[2], number(3), number(4), seed);
  } else if (kind == "edges" && args.size() == 4) {
    bench::generate_edges(args[2], number(3), seed);
  } else if (kind == "join" && args.size() == 6) {
    bench::generate_join(args[2], args[3], number(4), number(5), seed);
  } else if (kind == "points" && args.size() == 4) {
    bench::generate_points(args[2], number(3), seed);
  } else {
    std::fprintf(stderr, "bench_generate: no kind '%s' with %zu arguments\n", kind.c_str(), args.size() - 1);
    return 2;
  }
  return 0;
}

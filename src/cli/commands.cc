#include <array>

#include "cli/command.h"

namespace millrace::cli {

std::span<const Command> commands() {
  static constexpr std::array all = {
      Command{"wordcount", "count the words of texts", run_wordcount},
      Command{"grep", "print the lines that match a pattern", run_grep, 2},
      Command{"urls", "count the URLs of access logs and their shares", run_urls},
      Command{"links", "list for each page the pages that link to it", run_links},
      Command{"index", "make an inverted index of documents", run_index},
      Command{"terms", "find the most frequent terms of each host", run_terms},
      Command{"ngrams", "count runs of neighbouring words", run_ngrams},
      Command{"sort", "sort lines or binary records", run_sort},
      Command{"join", "join two delimited files", run_join},
      Command{"logistic_regression", "fit a logistic regression to points", run_logistic_regression},
      Command{"stream", "run commands of any language as mapper and reducer, as Hadoop Streaming does", run_stream},
      Command{"run", "compile a job of one C++ file, and run it", run_run},
      Command{"submit", "submit a job to a cluster, and follow it", run_submit},
      Command{"ps", "list the runs on this machine and in the cluster", run_ps},
      Command{"logs", "print what a run and its executors print", run_logs},
      Command{"kill", "end a run and wait until it has tidied up", run_kill},
      Command{"cat", "print outputs and record files as text", run_cat},
      Command{"inspect", "verify files and print their sizes and checksums", run_inspect},
      Command{"report", "explain a finished run from its event log", run_report},
      Command{"simulate", "forecast a job on a cluster that is made up", run_simulate},
  };
  return all;
}

}  // namespace millrace::cli

#include "jobs/stream/streaming_options.h"

#include <gmock/gmock.h>

#include <millrace/error.h>

namespace millrace::jobs::stream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

std::string no_file(const std::string& path) { throw Error(Cause::input, path + ": no such file"); }

StreamingJob parse(std::vector<std::string> arguments) { return parse_streaming_options(arguments, no_file); }

/// With the two options that every job needs.
StreamingJob parse_with(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"-input", "in", "-output", "out"});
  return parse(std::move(arguments));
}

std::string usage_error(std::vector<std::string> arguments) {
  try {
    parse_with(std::move(arguments));
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), Cause::usage);
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return {};
}

TEST(StreamingOptions, TheUsualJob) {
  const StreamingJob job = parse({"-D",
                                  "mapreduce.job.reduces=2",
                                  "-Dstream.num.map.output.key.fields=2",
                                  "-files",
                                  "a.py,lib/b.py#c.py",
                                  "-input",
                                  "/data/x",
                                  "/data/y",
                                  "-input",
                                  "z*",
                                  "-output",
                                  "out",
                                  "-mapper",
                                  "python3 a.py",
                                  "-combiner",
                                  "cat",
                                  "-reducer",
                                  "c.py",
                                  "-cmdenv",
                                  "A=1",
                                  "-cmdenv",
                                  "B=x=y"});
  EXPECT_THAT(job.inputs, ElementsAre("/data/x", "/data/y", "z*"));
  EXPECT_EQ(job.output, "out");
  EXPECT_EQ(job.mapper.kind, Program::Kind::command);
  EXPECT_EQ(job.mapper.command, "python3 a.py");
  ASSERT_TRUE(job.combiner.has_value());
  EXPECT_EQ(job.reducer.command, "c.py");
  EXPECT_EQ(job.reduces, 2u);
  EXPECT_EQ(job.map_output.key_fields, 2u);
  EXPECT_THAT(job.shared_files, ElementsAre(SharedFile{"a.py", "a.py", false}, SharedFile{"lib/b.py", "c.py", false}));
  EXPECT_THAT(job.environment, ElementsAre(Pair("A", "1"), Pair("B", "x=y")));
  EXPECT_THAT(job.warnings, IsEmpty());
}

TEST(StreamingOptions, Defaults) {
  const StreamingJob job = parse_with({});
  EXPECT_EQ(job.mapper.kind, Program::Kind::identity);
  EXPECT_EQ(job.reducer.kind, Program::Kind::identity);
  EXPECT_EQ(job.reduces, 1u);
  EXPECT_EQ(job.input_format, InputFormat::text);
  EXPECT_FALSE(job.pass_input_key);
  EXPECT_EQ(job.map_output.separator, "\t");
  EXPECT_TRUE(job.nonzero_exit_fails);
  EXPECT_EQ(job.partition_by, PartitionBy::whole_key);
  EXPECT_FALSE(job.sort_keys.has_value());
}

TEST(StreamingOptions, MapOnly) {
  EXPECT_EQ(parse_with({"-reducer", "NONE"}).reduces, 0u);
  EXPECT_EQ(parse_with({"-numReduceTasks", "0"}).reduces, 0u);
  EXPECT_EQ(parse_with({"-D", "mapred.reduce.tasks=0"}).reduces, 0u);
  EXPECT_EQ(parse_with({"-D", "mapreduce.job.reduces=5", "-numReduceTasks", "3"}).reduces, 3u);
  EXPECT_FALSE(parse_with({"-reducer", "NONE", "-combiner", "cat"}).combiner.has_value());
}

TEST(StreamingOptions, DeprecatedOptionsStillWork) {
  const StreamingJob job = parse_with({"-jobconf", "mapred.reduce.tasks=4", "-cacheFile", "/d/x#y", "-cacheArchive",
                                       "/d/a.tgz#dir", "-file", "m.py", "r.py", "-dfs", "local", "-jobconf", "a=b"});
  EXPECT_EQ(job.reduces, 4u);
  EXPECT_EQ(job.properties.get("a"), "b");
  EXPECT_EQ(job.properties.get("fs.defaultFS"), "local");
  EXPECT_THAT(job.shared_files, ElementsAre(SharedFile{"/d/x", "y", false}, SharedFile{"m.py", "m.py", false},
                                            SharedFile{"r.py", "r.py", false}, SharedFile{"/d/a.tgz", "dir", true}));
  EXPECT_THAT(job.warnings, testing::SizeIs(5));
  EXPECT_THAT(job.warnings.front(), HasSubstr("-jobconf is deprecated: use -D"));
}

TEST(StreamingOptions, Aggregate) {
  const StreamingJob job = parse_with({"-reducer", "aggregate"});
  EXPECT_EQ(job.reducer.kind, Program::Kind::aggregate);
  ASSERT_TRUE(job.combiner.has_value());
  EXPECT_EQ(job.combiner->kind, Program::Kind::aggregate);
}

TEST(StreamingOptions, KeyFields) {
  const StreamingJob job =
      parse_with({"-D", "stream.map.output.field.separator=.", "-D", "stream.num.map.output.key.fields=4", "-D",
                  "map.output.key.field.separator=.", "-D", "mapred.text.key.partitioner.options=-k1,2", "-D",
                  "mapred.output.key.comparator.class=org.apache.hadoop.mapred.lib.KeyFieldBasedComparator", "-D",
                  "mapreduce.partition.keycomparator.options=-k2,2nr", "-partitioner",
                  "org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner"});
  EXPECT_EQ(job.partition_by, PartitionBy::key_fields);
  EXPECT_THAT(job.partition_keys, ElementsAre(parse_sort_key("1,2")));
  ASSERT_TRUE(job.sort_keys.has_value());
  EXPECT_THAT(*job.sort_keys, ElementsAre(parse_sort_key("2,2nr")));
  EXPECT_EQ(job.key_field_separator, ".");
  EXPECT_EQ(job.map_output.key_fields, 4u);
}

TEST(StreamingOptions, InputFormats) {
  EXPECT_EQ(parse_with({"-inputformat", "org.apache.hadoop.mapred.TextInputFormat"}).input_format, InputFormat::text);
  const StreamingJob lines = parse_with({"-inputformat", "org.apache.hadoop.mapred.lib.NLineInputFormat", "-D",
                                         "mapred.line.input.format.linespermap=10"});
  EXPECT_EQ(lines.input_format, InputFormat::n_line);
  EXPECT_EQ(lines.lines_per_map, 10u);
  EXPECT_TRUE(lines.pass_input_key);
  const StreamingJob pairs =
      parse_with({"-inputformat", "KeyValueTextInputFormat", "-D", "key.value.separator.in.input.line=,"});
  EXPECT_EQ(pairs.input_format, InputFormat::key_value);
  EXPECT_EQ(pairs.input_key_separator, ",");
  EXPECT_TRUE(pairs.pass_input_key);
  EXPECT_FALSE(
      parse_with({"-inputformat", "NLineInputFormat", "-D", "stream.map.input.ignoreKey=true"}).pass_input_key);
  const StreamingJob xml =
      parse_with({"-inputreader", "StreamXmlRecordReader,begin=<page,end=</page>,slowmatch=true,maxrec=100"});
  EXPECT_EQ(xml.input_format, InputFormat::xml);
  EXPECT_EQ(xml.xml.begin, "<page");
  EXPECT_EQ(xml.xml.end, "</page>");
  EXPECT_TRUE(xml.xml.slow_match);
  EXPECT_EQ(xml.xml.longest, 100u);
  EXPECT_THAT(usage_error({"-inputformat", "SequenceFileInputFormat"}), HasSubstr("sequence files cannot be read"));
  EXPECT_THAT(usage_error({"-inputreader", "StreamXmlRecordReader,begin=a"}), HasSubstr("both needed"));
}

TEST(StreamingOptions, AConfigurationFileYieldsToTheCommandLine) {
  const auto reader = [](const std::string& path) {
    EXPECT_EQ(path, "site.xml");
    return std::string(
        "<configuration><property><name>mapred.reduce.tasks</name><value>7</value></property>"
        "<property><name>a</name><value>file</value></property></configuration>");
  };
  const std::vector<std::string> arguments = {"-D", "a=line", "-conf", "site.xml", "-input", "i", "-output", "o"};
  const StreamingJob job = parse_streaming_options(arguments, reader);
  EXPECT_EQ(job.reduces, 7u);
  EXPECT_EQ(job.properties.get("a"), "line");
}

TEST(StreamingOptions, InputsMayBeListsAndPatterns) {
  EXPECT_THAT(parse({"-input", "a,b", "-input", "d{1,2}/x,c", "-output", "o"}).inputs,
              ElementsAre("a", "b", "d{1,2}/x", "c"));
  EXPECT_THAT(parse({"--input", "a", "--output", "o"}).inputs, ElementsAre("a"));
}

TEST(StreamingOptions, Help) {
  EXPECT_EQ(parse({"-help"}).action, StreamingJob::Action::help);
  EXPECT_EQ(parse({"-info"}).action, StreamingJob::Action::detailed_help);
  EXPECT_THAT(streaming_help(false), HasSubstr("-mapper"));
  EXPECT_THAT(streaming_help(true), HasSubstr("stream.non.zero.exit.is.failure"));
}

TEST(StreamingOptions, ErrorsNameTheOption) {
  EXPECT_THAT(usage_error({"-bogus"}), HasSubstr("-bogus"));
  EXPECT_THAT(usage_error({"-mapper", "python", "map.py"}), HasSubstr("'map.py'"));
  EXPECT_THAT(usage_error({"-D", "x"}), HasSubstr("name=value"));
  EXPECT_THAT(usage_error({"-numReduceTasks", "many"}), HasSubstr("'many'"));
  EXPECT_THAT(usage_error({"-D", "mapreduce.job.reduces=-1"}), HasSubstr("'-1'"));
  EXPECT_THAT(usage_error({"-cmdenv", "=x"}), HasSubstr("-cmdenv"));
  EXPECT_THAT(usage_error({"-mapper", "com.example.MyMapper"}), HasSubstr("Java classes"));
  EXPECT_THAT(usage_error({"-partitioner", "com.example.P"}), HasSubstr("com.example.P"));
  EXPECT_THAT(usage_error({"-mapper", "  "}), HasSubstr("empty"));
  EXPECT_THAT(usage_error({"-io", "typedbytes"}), HasSubstr("typedbytes"));
  EXPECT_THAT(usage_error({"-files", "/a/x,/b/x"}), HasSubstr("two shared files"));
  EXPECT_THAT(usage_error({"-files", "x#../y"}), HasSubstr("inside the working directory"));
  EXPECT_THAT(usage_error({"-D", "mapreduce.job.output.key.comparator.class=KeyFieldBasedComparator", "-D",
                           "mapreduce.partition.keycomparator.options=-k0"}),
              HasSubstr("fields count from 1"));
  EXPECT_THROW(parse({"-input", "x"}), Error);
  EXPECT_THROW(parse({"-output", "x"}), Error);
  EXPECT_THROW(parse({"-input"}), Error);
}

TEST(StreamingOptions, TheFirstOfSeveralCounts) {
  EXPECT_EQ(parse_with({"-mapper", "a", "-mapper", "b"}).mapper.command, "a");
}

}  // namespace
}  // namespace millrace::jobs::stream

"""Streaming jobs from outside: records, processes, failures, and the same bytes everywhere.

Usage: streaming_test.py MILLRACE MILLRACE_HADOOP [unittest arguments]
"""
import collections
import glob
import gzip
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from scratch_case import ScratchCase

MILLRACE = os.path.abspath(sys.argv.pop(1))
HADOOP = os.path.abspath(sys.argv.pop(1))
PYTHON = sys.executable

MAPPER = """import sys
for line in sys.stdin:
    for word in line.split():
        print(word + "\\t1")
"""
REDUCER = """import sys
from itertools import groupby
pairs = (line.rstrip("\\n").split("\\t") for line in sys.stdin)
for word, group in groupby(pairs, key=lambda pair: pair[0]):
    print("%s\\t%d" % (word, sum(int(count) for _, count in group)))
"""


class StreamingTest(ScratchCase):
    def setUp(self):
        super().setUp()
        (self.path / "tmp").mkdir()
        self.environment["TMPDIR"] = str(self.path / "tmp")
        self.write("map.py", MAPPER)
        self.write("reduce.py", REDUCER)

    def write(self, name, text, executable=False):
        file = self.path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        if executable:
            file.chmod(0o755)
        return file

    def run_program(self, program, *words, **settings):
        environment = {**self.environment, **settings.pop("environment", {})}
        return subprocess.run([program, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              cwd=self.path, env=environment, timeout=300, check=False, **settings)

    def stream(self, *words, status=0, **settings):
        run = self.run_program(MILLRACE, "stream", *words, **settings)
        self.assertEqual(run.returncode, status, run.stderr)
        self.assertEqual(run.stdout, "")
        return run

    def parts(self, name="out"):
        return [Path(part).read_bytes() for part in sorted(glob.glob(str(self.path / name / "part-*")))]

    def output(self, name="out"):
        self.assertTrue((self.path / name / "_SUCCESS").exists())
        return b"".join(self.parts(name)).decode()

    def text(self, lines=4000, seed=7):
        rng = random.Random(seed)
        words = ["w%d" % rng.randrange(300) for _ in range(lines * 6)]
        return "".join(" ".join(words[i * 6:i * 6 + 6]) + "\n" for i in range(lines))

    def word_count(self, *words, out="out", **settings):
        return self.stream("-input", "in.txt", "-output", out, "-mapper", f"{PYTHON} map.py", "-reducer", f"{PYTHON} reduce.py",
                           "-files", "map.py,reduce.py", *words, **settings)

    def expected_counts(self, text):
        return "".join("%s\t%d\n" % item for item in sorted(collections.Counter(text.split()).items()))

    # ---- records -----------------------------------------------------------------------------------------------------

    def test_word_count(self):
        text = self.text()
        self.write("in.txt", text)
        self.word_count()
        self.assertEqual(self.output(), self.expected_counts(text))
        self.assertEqual(len(self.parts()), 1)

    def test_the_same_bytes_everywhere(self):
        text = self.text()
        self.write("in.txt", text)
        self.word_count("-numReduceTasks", "5", "-combiner", f"{PYTHON} reduce.py")
        reference = self.parts()
        self.assertEqual(len(reference), 5)
        self.assertEqual("".join(sorted(self.output().splitlines(True))), self.expected_counts(text))
        shapes = [["--threads", t] for t in ("0", "1", "2", "7")]
        shapes += [["--split", "8K"], ["--split", "1G"], ["--memory", "4M", "--split", "16K"]]
        for number, shape in enumerate(shapes):
            self.word_count("-numReduceTasks", "5", *shape, out=f"out{number}")
            self.assertEqual(self.parts(f"out{number}"), reference, shape)

    def test_mappers_alone_keep_the_order_of_the_input(self):
        text = self.text()
        self.write("in.txt", text)
        self.stream("-input", "in.txt", "-output", "out", "-mapper", "cat", "-reducer", "NONE", "--split", "10K")
        self.assertEqual(self.output(), text)
        self.assertGreater(len(self.parts()), 5)

    def test_lines_without_a_tab_stay_as_they_are(self):
        self.write("in.txt", "b\na\nb")
        self.stream("-input", "in.txt", "-output", "out", "-mapper", "cat", "-reducer", "uniq -c")
        self.assertEqual(self.output(), "      1 a\n      2 b\n")

    def test_hadoop_puts_a_tab_behind_them(self):
        self.write("in.txt", "b\na\nb")
        run = self.run_program(HADOOP, "jar", "hadoop-streaming.jar", "-input", "in.txt", "-output", "out", "-mapper", "cat",
                               "-reducer", "uniq -c")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.output(), "      1 a\t\n      2 b\t\n")

    def test_identity(self):
        self.write("in.txt", "b\t2\na\t1\nb\t1\n")
        self.stream("-input", "in.txt", "-output", "out")
        self.assertEqual(self.output(), "a\t1\nb\t2\nb\t1\n")

    def test_key_fields_partition_and_sort(self):
        self.write("in.txt", "11.12.1.2\n11.14.2.3\n11.11.4.1\n11.12.1.1\n11.14.2.2\n")
        self.stream("-D", "stream.map.output.field.separator=.", "-D", "stream.num.map.output.key.fields=4", "-D",
                    "map.output.key.field.separator=.", "-D", "mapreduce.partition.keypartitioner.options=-k1,2", "-D",
                    "mapreduce.job.reduces=12", "-input", "in.txt", "-output", "out", "-mapper", "cat", "-reducer", "cat",
                    "-partitioner", "org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner")
        filled = sorted(part for part in self.parts() if part)
        # Equal first fields are never torn apart.
        groups = [set(line.rsplit(b".", 2)[0] for line in part.splitlines()) for part in filled]
        self.assertEqual(sum(map(len, groups)), 3)
        for part in filled:
            self.assertEqual(part.splitlines(), sorted(part.splitlines()))

    def test_key_field_comparator(self):
        self.write("in.txt", "11.12.1.2\n11.14.2.3\n11.11.4.1\n11.9.1.1\n11.14.2.2\n")
        self.stream("-D", "mapreduce.job.output.key.comparator.class=org.apache.hadoop.mapreduce.lib.partition.KeyFieldBasedComparator",
                    "-D", "stream.map.output.field.separator=.", "-D", "stream.num.map.output.key.fields=4", "-D",
                    "mapreduce.map.output.key.field.separator=.", "-D", "mapreduce.partition.keycomparator.options=-k2,2nr",
                    "-input", "in.txt", "-output", "out", "-mapper", "cat", "-reducer", "cat")
        self.assertEqual(self.output(), "11.14.2.3\n11.14.2.2\n11.12.1.2\n11.11.4.1\n11.9.1.1\n")

    def test_aggregate(self):
        self.write("in.txt", "a b a\nb a\n" * 100)
        self.write("agg.py", "import sys\nfor l in sys.stdin:\n  for w in l.split():\n    print('LongValueSum:' + w + '\\t1')\n"
                             "    print('UniqValueCount:words\\t' + w)\n")
        self.stream("-input", "in.txt", "-output", "out", "-mapper", f"{PYTHON} agg.py", "-file", "agg.py", "-reducer", "aggregate",
                    "--split", "100")
        self.assertEqual(self.output(), "a\t300\nb\t200\nwords\t2\n")

    def test_lines_for_each_mapper(self):
        self.write("in.txt", "".join("line %d\n" % i for i in range(10)))
        self.stream("-inputformat", "NLineInputFormat", "-D", "mapreduce.input.lineinputformat.linespermap=3", "-input", "in.txt",
                    "-output", "out", "-mapper", "cat", "-reducer", "NONE")
        self.assertEqual(len(self.parts()), 4)
        self.assertEqual(self.output(), "".join("%d\tline %d\n" % (i * 7, i) for i in range(10)))

    def test_key_value_input(self):
        self.write("in.txt", "a,1,2\nb\n")
        self.stream("-inputformat", "KeyValueTextInputFormat", "-D", "key.value.separator.in.input.line=,", "-input", "in.txt",
                    "-output", "out", "-mapper", "cat", "-reducer", "NONE")
        self.assertEqual(self.output(), "a\t1,2\nb\t\n")

    def test_xml_records(self):
        self.write("in.xml", "<x><page>1</page> junk <page>2\n2</page></x><page>open")
        self.stream("-inputreader", "StreamXmlRecordReader,begin=<page>,end=</page>", "-input", "in.xml", "-output", "out", "-mapper",
                    "cat", "-reducer", "NONE")
        self.assertEqual(self.output(), "<page>1</page>\n<page>2\n2</page>\n")

    def test_compressed_input_and_output(self):
        (self.path / "in.gz").write_bytes(gzip.compress(b"b\na\n"))
        self.stream("-input", "in.gz", "-output", "out", "-mapper", "cat", "-reducer", "cat", "-D",
                    "mapred.output.compress=true")
        self.assertEqual(os.listdir(self.path / "out") and sorted(os.listdir(self.path / "out")), ["_SUCCESS", "part-00000.gz"])
        self.assertEqual(gzip.decompress(self.parts()[0]), b"a\nb\n")

    def test_strange_bytes(self):
        data = b"\xff\xfe\t\x00x\n\r\n\n" + b"k" * 2000000 + b"\t" + b"v" * 3000000 + b"\nlast\r"
        self.write("in.txt", data)
        self.stream("-input", "in.txt", "-output", "out", "-mapper", "cat", "-reducer", "cat")
        self.assertEqual(self.parts()[0], b"".join(sorted(line + b"\n" for line in data.split(b"\n"))))

    # ---- processes ---------------------------------------------------------------------------------------------------

    def test_environment_and_working_directory(self):
        self.write("in.txt", "x\n")
        self.write("env.sh", "#!/bin/sh\nenv\npwd\nls -a\ntouch mine\n")
        with tarfile.open(self.path / "a.tgz", "w:gz") as archive:
            archive.add(self.path / "in.txt", "inside/data.txt")
        self.stream("-D", "my.own-name=value", "-archives", "a.tgz#unpacked", "-files", "in.txt#link.txt", "-file", "env.sh", "-input",
                    "in.txt", "-output", "out", "-mapper", "env.sh", "-reducer", "NONE", "-cmdenv", "EXTRA=e=1")
        lines = self.output().splitlines()
        for wanted in ("my_own_name=value", "EXTRA=e=1", "mapreduce_task_partition=0", "mapreduce_task_ismap=true",
                       "link.txt", "unpacked", "env.sh", f"mapreduce_map_input_file={self.path}/in.txt",
                       f"map_input_file={self.path}/in.txt"):
            self.assertIn(wanted, lines)
        environment = dict(line.split("=", 1) for line in lines if "=" in line)
        self.assertRegex(environment["mapreduce_job_id"], r"^job_\d+_\d{4}$")
        self.assertRegex(environment["mapreduce_task_id"], r"^task_\d+_\d{4}_m_000000$")
        self.assertRegex(environment["mapreduce_task_attempt_id"], r"^attempt_\d+_\d{4}_m_000000_0$")
        self.assertTrue(environment["TMPDIR"].startswith(environment["PWD"]))
        self.assertNotEqual(environment["PWD"], str(self.path))
        self.assertFalse((self.path / "mine").exists())
        self.assert_no_leftovers()

    def test_archives_are_directories(self):
        self.write("in.txt", "x\n")
        with tarfile.open(self.path / "a.tgz", "w:gz") as archive:
            archive.add(self.path / "in.txt", "inside/data.txt")
        self.stream("-archives", "a.tgz#dir", "-input", "in.txt", "-output", "out", "-mapper", "cat dir/inside/data.txt", "-reducer", "NONE")
        self.assertEqual(self.output(), "x\n")

    def test_each_file_has_a_command_of_its_own(self):
        (self.path / "in").mkdir()
        for name in ("a", "b", "c"):
            self.write(f"in/{name}", f"{name}1\n{name}2")
        self.stream("-input", "in", "-output", "out", "-mapper", "sh -c 'echo $mapreduce_map_input_file; wc -l'", "-reducer", "NONE")
        self.assertEqual(self.output(), "".join(f"{self.path}/in/{name}\n2\n" for name in "abc"))

    def test_directories_in_directories(self):
        (self.path / "in/deep").mkdir(parents=True)
        self.write("in/a", "a\n")
        self.write("in/deep/b", "b\n")
        self.stream("-input", "in", "-output", "out", "-mapper", "cat", status=1)
        self.stream("-D", "mapreduce.input.fileinputformat.input.dir.recursive=true", "-input", "in", "-output", "out", "-mapper", "cat")
        self.assertEqual(self.output(), "a\nb\n")

    def test_reducers_of_the_common_options_are_a_default(self):
        self.write("in.txt", "a\n")
        self.stream("-input", "in.txt", "-output", "out", "--reducers", "3")
        self.assertEqual(len(self.parts()), 3)
        self.stream("-input", "in.txt", "-output", "out2", "--reducers", "3", "-numReduceTasks", "2")
        self.assertEqual(len(self.parts("out2")), 2)

    def test_a_silent_command_is_stopped(self):
        self.write("in.txt", "a\n")
        run = self.stream("-D", "mapreduce.task.timeout=300", "-D", "mapreduce.map.maxattempts=1", "-input", "in.txt", "-output", "out",
                          "-mapper", "sleep 100", status=1)
        self.assertIn("mapreduce.task.timeout", run.stderr)

    def test_no_shell(self):
        self.write("in.txt", "x\n")
        self.stream("-input", "in.txt", "-output", "out", "-mapper", "echo $HOME * | 'a  b'", "-reducer", "NONE")
        self.assertEqual(self.output(), "$HOME * | a  b\n")

    def test_a_mapper_may_stop_reading(self):
        self.write("in.txt", self.text(lines=60000))
        self.stream("-input", "in.txt", "-output", "out", "-mapper", "head -n 1", "-reducer", "NONE", "--split", "1G")
        self.assertEqual(len(self.output().splitlines()), 1)

    def test_a_reducer_without_input_runs_and_writes_nothing(self):
        self.write("in.txt", "one\n")
        log = self.path / "ran"
        self.stream("-input", "in.txt", "-output", "out", "-mapper", "cat", "-reducer",
                    f"sh -c 'echo $mapreduce_task_partition >> {log}; wc -l'", "-numReduceTasks", "4")
        self.assertEqual(sorted(log.read_text().split()), ["0", "1", "2", "3"])
        self.assertEqual(len(self.parts()), 4)
        self.assertEqual(sorted(part.strip() for part in self.parts()), [b"", b"", b"", b"1"])

    def test_lazy_output(self):
        self.write("in.txt", "one\n")
        self.stream("-input", "in.txt", "-output", "out", "-mapper", "cat", "-reducer", "cat", "-numReduceTasks", "4", "-lazyOutput")
        self.assertEqual(self.parts(), [b"one\n"])

    # ---- failures ----------------------------------------------------------------------------------------------------

    def assert_no_leftovers(self):
        self.assertEqual(os.listdir(self.path / "tmp"), [])

    def test_counters_count_once_whatever_is_retried(self):
        self.write("in.txt", "x\n" * 1000)
        self.write("flaky.sh", "#!/bin/sh\necho reporter:counter:my,runs,1 >&2\ncat\n"
                               "case $mapreduce_task_attempt_id in *_0) exit 9;; esac\n")
        run = self.stream("-input", "in.txt", "-output", "out", "-mapper", "flaky.sh", "-file", "flaky.sh", "-reducer", "NONE", "--split",
                          "500")
        self.assertEqual(self.output(), "x\n" * 1000)
        self.assertRegex(run.stderr, r"(?m)^my,runs=4$")
        self.assert_no_leftovers()

    def test_a_command_that_fails_for_good(self):
        self.write("in.txt", "x\n")
        counted = self.path / "tries"
        run = self.stream("-D", "mapreduce.map.maxattempts=3", "-input", "in.txt", "-output", "out", "-mapper",
                          f"sh -c 'echo >> {counted}; echo the reason >&2; exit 3'", status=1)
        self.assertEqual(len(counted.read_text()), 3)
        for wanted in ("exit status 3", "the reason", "in.txt", "command 'sh"):
            self.assertIn(wanted, run.stderr)
        self.assertFalse((self.path / "out").exists())
        log = re.search(r"standard error is in (\S+)", run.stderr).group(1)
        self.assertEqual(Path(log).read_text(), "the reason\n")

    def test_a_killed_reducer(self):
        self.write("in.txt", "x\n")
        run = self.stream("-input", "in.txt", "-output", "out", "-mapper", "cat", "-reducer", "sh -c 'kill -9 $$'", status=1)
        self.assertIn("signal 9 (Killed)", run.stderr)
        self.assertFalse((self.path / "out").exists())

    def test_exit_statuses_may_be_ignored(self):
        self.write("in.txt", "x\n")
        self.stream("-D", "stream.non.zero.exit.is.failure=false", "-input", "in.txt", "-output", "out", "-mapper", "sh -c 'cat; exit 3'",
                    "-reducer", "NONE")
        self.assertEqual(self.output(), "x\n")

    def test_wrong_command_lines_and_missing_files(self):
        self.write("in.txt", "x\n")
        common = ["-input", "in.txt", "-output", "out"]
        self.assertIn("-bogus", self.stream(*common, "-bogus", status=2).stderr)
        self.assertIn("-output is missing", self.stream("-input", "in.txt", status=2).stderr)
        self.assertIn("hdfs:///x", self.stream("-input", "hdfs:///x", "-output", "out", status=2).stderr)
        self.assertIn("none.txt", self.stream("-input", "none.txt", "-output", "out", status=1).stderr)
        self.assertIn("none.py", self.stream(*common, "-files", "none.py", status=1).stderr)
        self.assertIn("'nothing-like-it' was not found", self.stream(*common, "-mapper", "nothing-like-it", status=1).stderr)
        (self.path / "out").mkdir()
        self.write("out/kept", "kept")
        self.assertIn("out", self.stream(*common, status=1).stderr)
        self.assertEqual((self.path / "out/kept").read_text(), "kept")
        self.stream(*common, "--overwrite")
        self.assertEqual(self.output(), "x\n")

    def test_a_full_disk(self):
        """Unpacking a shared archive into a temporary directory that is too small for it."""
        small = self.path / "small"
        small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], stderr=subprocess.DEVNULL, check=False)
        if mounted.returncode != 0:
            self.skipTest("no tmpfs can be mounted here")
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        self.write("in.txt", "x\n")
        self.write("large", os.urandom(4 << 20))
        with tarfile.open(self.path / "a.tar", "w") as archive:
            archive.add(self.path / "large", "large")
        run = self.stream("-archives", "a.tar", "-input", "in.txt", "-output", "out", "-mapper", "cat", "--tmp", small, status=1)
        self.assertRegex(run.stderr, "large.*[Nn]o space left")
        self.assertFalse((self.path / "out").exists())
        self.assertEqual(os.listdir(small), [])

    def test_interrupted(self):
        self.write("in.txt", "x\n")
        started = self.path / "started"
        process = subprocess.Popen([MILLRACE, "stream", "-input", "in.txt", "-output", "out", "-mapper",
                                    f"sh -c 'sleep 97531 & echo $! > {started}; wait'"], cwd=self.path, env=self.environment,
                                   stderr=subprocess.PIPE, text=True)
        for _ in range(1000):
            if started.exists() and started.read_text():
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertFalse((self.path / "out").exists())
        self.assert_no_leftovers()
        child = int(started.read_text())
        for _ in range(500):
            if not self.is_running(child):
                break
            time.sleep(0.01)
        self.assertFalse(self.is_running(child))

    @staticmethod
    def is_running(process):
        try:
            return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
        except FileNotFoundError:
            return False

    # ---- what clients of Hadoop see ------------------------------------------------------------------------------------

    def hadoop(self, *words, **settings):
        return self.run_program(HADOOP, *words, **settings)

    def test_hadoop_messages(self):
        self.write("in.txt", "a\nb\n")
        run = self.hadoop("jar", "/somewhere/hadoop-streaming-3.3.6.jar", "-files", f"file://{self.path}/map.py#m.py", "-D",
                          "mapreduce.job.reduces=2", "-input", f"file://{self.path}/in.txt", "-output", f"file://{self.path}/out",
                          "-mapper", f"{PYTHON} m.py", "-reducer", "sh -c 'echo reporter:counter:g,c,2 >&2; cat'")
        self.assertEqual(run.returncode, 0, run.stderr)
        message = r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO \S+: "
        self.assertRegex(run.stderr, message + r"Submitted application application_\d+_\d{4}$")
        self.assertRegex(run.stderr, message + r"Running job: job_\d+_\d{4}$")
        self.assertRegex(run.stderr, message + r" map 100% reduce 100%$")
        self.assertRegex(run.stderr, message + r"Counters: \d+$")
        self.assertRegex(run.stderr, r"(?m)^\tg\n\t\tc=4$")
        self.assertRegex(run.stderr, message + rf"Output directory: file://{self.path}/out$")
        self.assertEqual("".join(sorted(self.output().splitlines(True))), "a\t1\nb\t1\n")

    def test_hadoop_failures(self):
        self.write("in.txt", "a\n")
        run = self.hadoop("jar", "hadoop-streaming.jar", "-D", "mapreduce.map.maxattempts=2", "-input", "in.txt", "-output", "out",
                          "-mapper", "false")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(len(re.findall(r"Task Id : attempt_\d+_\d{4}_m_000000_[01], Status : FAILED\n", run.stderr)), 2)
        self.assertIn("Streaming Command Failed!", run.stderr)
        self.assertNotEqual(self.hadoop("jar", "other.jar").returncode, 0)
        self.assertNotEqual(self.hadoop("nonsense").returncode, 0)

    def test_hadoop_version(self):
        run = self.hadoop("version")
        self.assertEqual(re.match(r"^.*?((\d|\.)+)", run.stdout.splitlines()[0]).group(1)[0], "3")

    def test_hadoop_file_commands(self):
        self.write("local.txt", "hello\n")
        root = self.path / "root"
        root.mkdir()
        environment = {"MILLRACE_HDFS_ROOT": str(root)}

        def fs(*words, status=0):
            run = self.hadoop("fs", *words, environment=environment)
            self.assertEqual(run.returncode, status, run.stderr)
            return run

        fs("-mkdir", "-p", "hdfs:///user/me/dir")
        fs("-put", "local.txt", "hdfs:///user/me/dir/a b.txt")
        fs("-touchz", "hdfs:///user/me/dir/empty")
        line = fs("-ls", "-R", "hdfs:///user").stdout.splitlines()[2]
        columns = line.split(None, 7)
        self.assertEqual(len(columns), 8)
        self.assertEqual(columns[7], "hdfs:///user/me/dir/a b.txt")
        self.assertEqual(fs("-cat", "hdfs:///user/me/dir/*.txt").stdout, "hello\n")
        self.assertRegex(fs("-ls", "hdfs:///none", status=1).stderr, r"^ls: .*No such file or directory")
        fs("-copyToLocal", "hdfs:///user/me/dir/a b.txt", "copy.txt")
        self.assertEqual((self.path / "copy.txt").read_text(), "hello\n")
        fs("-test", "-e", "hdfs:///user/me/dir")
        fs("-test", "-e", "hdfs:///user/me/none", status=1)
        fs("-rm", "-R", "-f", "-skipTrash", "hdfs:///user")
        self.assertEqual(list(root.iterdir()), [])


if __name__ == "__main__":
    if shutil.which("sh") is None:
        sys.exit("there is no sh")
    unittest.main()

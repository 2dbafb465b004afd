"""The nine jobs from the shell: against a model in Python, and the same bytes whatever the threads, memory and splits.

Usage: commands_test.py MILLRACE [unittest arguments]
MILLRACE_TEST_SEED sets the seed of the generated inputs, which is printed.
"""
import collections
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from scratch_case import SeededCase, lines_of

MILLRACE = os.path.abspath(sys.argv.pop(1))

# How a run is cut up; none of it may change the output.
SHAPES = [
    ["--threads=0"],
    ["--threads=1"],
    ["--threads=2", "--split=1"],
    ["--threads=7", "--split=37"],
    ["--threads=2", "--split=4K", "--memory=1M"],
    ["--threads=2", "--file-shuffle"],
]
WHITE_SPACE = re.compile(rb"[ \t\n\v\f\r]+")


def words_of(text):
    return [word for word in WHITE_SPACE.split(text) if word]


class CommandsTest(SeededCase):
    def millrace(self, *words, status=0):
        run = subprocess.run([MILLRACE, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.path,
                             env=self.environment, timeout=300, check=False)
        self.assertEqual(run.returncode, status, (words, run.stderr[-2000:]))
        return run.stdout

    def write(self, name, content):
        (self.path / name).write_bytes(content)
        return name

    def messy_text(self, lines=400):
        """Words of skewed frequency, blank and long lines, CRLF, NUL and invalid UTF-8, no newline at the end."""
        alphabet = [b"the", b"of", b"a", b"\xff\xfe", b"nul\0l", "ünï".encode(), b"x" * 300] + [b"w%d" % i for i in range(60)]
        text = bytearray()
        for _ in range(lines):
            count = self.random.choice([0, 0, 1, 5, 12])
            text += self.random.choice([b" ", b"\t", b"  \v"]).join(self.random.choices(alphabet, k=count))
            text += self.random.choice([b"\n", b"\n", b"\r\n", b" \n"])
        return bytes(text) + b"last"

    def each_shape(self, *words, model=None, any_order=False, status=0):
        """Runs the command in every shape: all print the same, which the model agrees with."""
        first = None
        for shape in SHAPES:
            out = self.millrace(*words, *shape, status=status)
            first = out if first is None else first
            self.assertEqual(out, first, shape)
        if model is not None:
            if any_order:
                self.assertEqual(sorted(lines_of(first)), sorted(lines_of(model)))
            else:
                self.assertEqual(first, model)
        return first

    def parts(self, directory):
        names = sorted(path.name for path in (self.path / directory).iterdir() if path.name.startswith("part-"))
        return b"".join((self.path / directory / name).read_bytes() for name in names)

    # ---- word count ------------------------------------------------------------------------------------------------

    def word_count_model(self, text):
        return b"".join(b"%s\t%d\n" % item for item in sorted(collections.Counter(words_of(text)).items()))

    def test_wordcount(self):
        text = self.messy_text()
        self.each_shape("wordcount", self.write("text", text), model=self.word_count_model(text))

    def test_wordcount_of_many_inputs_some_compressed(self):
        texts = [self.messy_text(20) for _ in range(30)] + [b"", b"\n"]
        (self.path / "in").mkdir()
        for i, text in enumerate(texts):
            (self.path / f"in/{i:03}").write_bytes(gzip.compress(text) if i % 3 == 0 else text)
        model = self.word_count_model(b"\n".join(texts))
        self.each_shape("wordcount", "in", model=model)
        self.each_shape("wordcount", "in/0*", model=model)

    def test_wordcount_top(self):
        text = self.messy_text()
        out = self.each_shape("wordcount", self.write("text", text), "--top", "5")
        counts = collections.Counter(words_of(text))
        got = [line.split(b"\t") for line in lines_of(out)]
        self.assertEqual([int(count) for _, count in got], sorted(counts.values(), reverse=True)[:5])
        for word, count in got:
            self.assertEqual(counts[word], int(count))

    def test_parts_are_the_reducers_and_follow_each_other(self):
        text = self.messy_text()
        self.write("text", text)
        for i, shape in enumerate(SHAPES):
            self.millrace("wordcount", "text", "-o", f"out{i}", "--reducers", "3", *shape)
            names = sorted(path.name for path in (self.path / f"out{i}").iterdir())
            self.assertEqual(names, ["_SUCCESS", "part-00000", "part-00001", "part-00002"])
            self.assertEqual(self.parts(f"out{i}"), self.word_count_model(text))
        self.assertEqual(self.millrace("cat", "out0"), self.word_count_model(text))

    # ---- grep --------------------------------------------------------------------------------------------------------

    def test_grep_prints_what_grep_prints(self):
        if shutil.which("grep") is None:
            self.skipTest("there is no grep")
        texts = {name: self.messy_text(200).replace(b"\0", b"0") for name in ("one", "two")}
        for name, text in texts.items():
            self.write(name, text)
        for options in (["w1"], ["-i", "W1"], ["-F", "w1"], ["-c", "w1"], ["^the.*w[0-9]$"], ["-c", "nowhere"], ["-F", "x" * 300]):
            for inputs in (["one"], ["one", "two"]):
                pattern = "-F" if "-F" in options else "-E"
                expected = subprocess.run(["grep", "-a", pattern, *options, *inputs], stdout=subprocess.PIPE, cwd=self.path, check=False,
                                          env={**self.environment, "LC_ALL": "C"})
                self.each_shape("grep", *options, *inputs, model=expected.stdout, status=expected.returncode)

    def test_grep_has_greps_statuses(self):
        self.write("text", b"a\n")
        self.millrace("grep", "a", "text", status=0)
        self.millrace("grep", "b", "text", status=1)
        self.millrace("grep", "a", "none", status=2)
        self.millrace("grep", "a(", "text", status=2)
        self.assertEqual(self.millrace("grep", "--", "-x", "text", status=1), b"")

    # ---- the other jobs ------------------------------------------------------------------------------------------------

    def test_urls(self):
        urls = [b"/%d" % int(self.random.paretovariate(1)) for _ in range(500)]
        log = b"".join(b'1.2.3.4 - u [10/Oct/2000:13:55:36 -0700] "GET %s HTTP/1.0" 200 %d "-" "agent"\n' % (url, i)
                       for i, url in enumerate(urls))
        model = b"".join(b"%s\t%d\t%.4f\n" % (url, count, 100 * count / len(urls))
                         for url, count in sorted(collections.Counter(urls).items()))
        self.each_shape("urls", self.write("log", log), model=model)

    def test_links(self):
        edges = [(b"s%d" % self.random.randrange(50), b"t%d" % self.random.randrange(30)) for _ in range(400)]
        sources = collections.defaultdict(list)
        for source, target in edges:
            sources[target].append(source)
        model = b"".join(b"%s\t%s\n" % (target, b",".join(of)) for target, of in sources.items())
        self.each_shape("links", self.write("edges", b"".join(b"%s\t%s\n" % edge for edge in edges)), model=model, any_order=True)

    def index_model(self, documents, positions):
        postings = collections.defaultdict(list)
        for number, text in sorted(documents.items()):
            for word, where in self.occurrences(text).items():
                postings[word].append(b":".join([b"%d" % number] + [b"%d" % at for at in where]) if positions else b"%d" % number)
        return b"".join(b"%s\t%s\n" % (word, b",".join(ids)) for word, ids in postings.items())

    def occurrences(self, text):
        where = collections.defaultdict(list)
        for at, word in enumerate(words_of(text), 1):
            where[word].append(at)
        return where

    def test_index(self):
        documents = {number: b" ".join(words_of(self.messy_text(3))) for number in self.random.sample(range(1000), 60)}
        self.write("documents", b"".join(b"%d\t%s\n" % item for item in documents.items()))
        self.each_shape("index", "documents", model=self.index_model(documents, False), any_order=True)
        self.each_shape("index", "-p", "documents", model=self.index_model(documents, True), any_order=True)

    def test_terms(self):
        documents = [(b"h%d.org" % self.random.randrange(5), b" ".join(words_of(self.messy_text(5)))) for _ in range(60)]
        counts = collections.defaultdict(collections.Counter)
        for host, text in documents:
            counts[host].update(words_of(text))
        model = b""
        for host, terms in sorted(counts.items()):
            top = sorted(terms.items(), key=lambda item: (-item[1], item[0]))[:4]
            model += host + b"\t" + b",".join(b"%s:%d" % item for item in top) + b"\n"
        self.write("documents", b"".join(b"https://%s/page\t%s\n" % item for item in documents))
        self.each_shape("terms", "documents", "--top", "4", model=model)

    def test_ngrams(self):
        text = self.messy_text()
        self.write("text", text)
        for n in (1, 3):
            counts = collections.Counter()
            for line in lines_of(text):
                words = words_of(line)
                counts.update(b" ".join(words[i:i + n]) for i in range(len(words) - n + 1))
            self.each_shape("ngrams", "-n", n, "text", model=b"".join(b"%s\t%d\n" % item for item in counts.items()), any_order=True)

    def test_sort_sorts_as_sort_does(self):
        if shutil.which("sort") is None:
            self.skipTest("there is no sort")
        text = self.messy_text().replace(b"\0", b"0") + b"\n"
        text += b"".join(b"%s %d %s\n" % (self.random.choice([b"a", b"B"]), self.random.randrange(-50, 500), self.random.choice([b"y", b"x"]))
                         for _ in range(200))
        self.write("text", text)
        for options in ([], ["-r"], ["-k2n"], ["-k", "3,3r", "-k2,2n"], ["-f"], ["-s", "-k1,1"], ["-t", " ", "-k2"], ["-n"]):
            expected = subprocess.run(["sort", *options, "text"], stdout=subprocess.PIPE, cwd=self.path, check=True,
                                      env={**self.environment, "LC_ALL": "C"}).stdout
            for shape in SHAPES:
                self.millrace("sort", "text", "-o", "sorted", "--overwrite", "--reducers", "4", *options, *shape)
                self.assertEqual(self.parts("sorted"), expected, (options, shape))

    def test_sort_of_binary_records(self):
        records = [self.random.randbytes(3) + b"%05d" % i for i in range(2000)]
        self.write("records", b"".join(records))
        expected = b"".join(sorted(records, key=lambda record: record[:2]))
        for shape in SHAPES:
            if "--split=1" in shape:
                continue  # a split holds at least a record
            self.millrace("sort", "records", "-o", "sorted", "--overwrite", "--records", "8", "--key-bytes", "2", "--reducers", "3", *shape)
            self.assertEqual(self.parts("sorted"), expected, shape)

    def test_join_joins_as_a_model_does(self):
        left = [[b"%d" % self.random.randrange(40), b"l%d" % i, b"x"] for i in range(100)]
        right = [[b"r%d" % i, b"%d" % self.random.randrange(40)] for i in range(30)]
        self.write("left", b"".join(b",".join(row) + b"\n" for row in left))
        self.write("right", b"".join(b",".join(row) + b"\n" for row in right))
        inner = [[l[0], l[1], l[2], r[0]] for l in left for r in right if l[0] == r[1]]
        only_left = [l for l in left if all(l[0] != r[1] for r in right)]
        only_right = [[r[1], r[0]] for r in right if all(l[0] != r[1] for l in left)]
        for options, rows in (([], inner), (["-a", "1"], inner + only_left), (["-a", "2"], inner + only_right),
                              (["-a", "1", "-a", "2"], inner + only_left + only_right), (["--small-right"], inner),
                              (["--small-right", "-a", "1"], inner + only_left)):
            model = b"".join(b",".join(row) + b"\n" for row in rows)
            self.each_shape("join", "-t", ",", "-2", "2", *options, "left", "right", model=model, any_order=True)

    # ---- failures --------------------------------------------------------------------------------------------------------

    def test_missing_and_unreadable_inputs_fail_before_any_work(self):
        self.write("text", b"a\tb\n")
        (self.path / "folder/inner").mkdir(parents=True)
        for command in (["wordcount"], ["urls"], ["links"], ["index"], ["terms"], ["ngrams", "-n", "2"], ["sort", "-o", "out"],
                        ["join", "text"], ["cat"], ["inspect"]):
            for missing in ("none", "none*", "folder"):
                with self.subTest(f"{command} {missing}"):
                    self.millrace(*command, missing, status=1)
        self.assertFalse((self.path / "out").exists())

    def test_broken_gzip_names_the_file(self):
        self.write("broken.gz", gzip.compress(self.messy_text())[:-20])
        run = subprocess.run([MILLRACE, "wordcount", "broken.gz", "-o", "out"], stderr=subprocess.PIPE, cwd=self.path,
                             env=self.environment, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertIn(b"broken.gz", run.stderr)
        self.assertFalse((self.path / "out").exists())

    def test_a_bad_record_names_file_and_byte_or_is_skipped(self):
        self.write("edges", b"a\tb\nno tab\nc\td\n")
        run = subprocess.run([MILLRACE, "links", "edges"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.path,
                             env=self.environment, check=False)
        self.assertEqual((run.returncode, run.stdout), (1, b""))
        self.assertRegex(run.stderr, rb"edges.*\b4\b")
        self.assertEqual(sorted(lines_of(self.millrace("links", "edges", "--skip-bad-records", "1"))), [b"b\ta", b"d\tc"])

    def test_an_output_that_exists_is_refused_and_replaced_only_when_asked(self):
        self.write("text", b"a\n")
        self.millrace("wordcount", "text", "-o", "out")
        self.write("text", b"b\n")
        self.millrace("wordcount", "text", "-o", "out", status=1)
        self.assertEqual(self.parts("out"), b"a\t1\n")
        self.write("broken", b"no tab\n")
        self.millrace("links", "broken", "-o", "out", "--overwrite", status=1)
        self.assertEqual(self.parts("out"), b"a\t1\n")
        self.millrace("wordcount", "text", "-o", "out", "--overwrite")
        self.assertEqual(self.parts("out"), b"b\t1\n")

    def test_an_output_without_a_name_is_refused(self):
        self.write("text", b"a\n")
        for command in ("wordcount", "sort"):
            self.assertEqual(self.millrace(command, "text", "-o", "", status=2), b"")

    # ---- cat, inspect, report ------------------------------------------------------------------------------------------

    def test_cat_unpacks_and_inspect_sums_up(self):
        text = self.messy_text(50)
        self.write("plain", text)
        self.write("packed", gzip.compress(text))
        self.assertEqual(self.millrace("cat", "packed"), text)
        rows = [row.split() for row in lines_of(self.millrace("inspect", "plain", "packed"))[1:]]
        self.assertEqual([(int(row[1]), int(row[2])) for row in rows[:2]], [(len(text), len(lines_of(text)))] * 2)
        self.assertEqual(rows[0][3], rows[1][3])

    def test_report_explains_a_run_from_its_log(self):
        self.write("text", self.messy_text())
        self.millrace("wordcount", "text", "--events", "log")
        report = self.millrace("report", "log").decode()
        for part in ("succeeded", "reduce_by_key", "wordcount text"):
            self.assertIn(part, report)
        self.millrace("report", "log", "--html", "page.html")
        self.assertIn(b"<html", (self.path / "page.html").read_bytes())
        self.write("noise", b"what\n")
        self.millrace("report", "noise", status=1)

    def test_simulate_forecasts_a_job_and_replays_a_seed(self):
        cluster = ("simulate", "--executors", "20", "--slots", "2", "--tasks", "500", "--failures", "5", "--seed", "3")
        forecast = self.millrace(*cluster).decode()
        for part in ("500 tasks", "20 executors", "the job succeeds", "makespan", "completions/s", "bytes a pending task"):
            self.assertIn(part, forecast)
        self.assertEqual(lines_of(self.millrace(*cluster))[:5], lines_of(forecast.encode())[:5])
        self.millrace("simulate", "--slow", "2", status=2)
        self.millrace("simulate", "--failures", "often", status=2)
        story = self.millrace("simulate", "--chaos", "--seed", "7")
        self.assertIn(b'"event":"job_submitted"', story)
        self.assertEqual(story, self.millrace("simulate", "--chaos", "--seed", "7"))

    def test_a_trace_is_the_same_from_the_run_and_from_its_log(self):
        self.write("text", self.messy_text())
        self.millrace("wordcount", "text", "--events", "log", "--trace", "trace.json")
        live = json.loads((self.path / "trace.json").read_bytes())
        slices = [event for event in live if event["ph"] == "X"]
        self.assertGreater(len(slices), 1)
        self.assertEqual({event["args"]["outcome"] for event in slices}, {"counted"})
        self.assertEqual(self.millrace("report", "log", "--trace=later.json"), b"")
        self.assertEqual(json.loads((self.path / "later.json").read_bytes()), live)


if __name__ == "__main__":
    unittest.main()

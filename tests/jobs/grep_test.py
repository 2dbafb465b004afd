"""millrace grep against grep(1).  Usage: grep_test.py MILLRACE [unittest arguments]"""
import subprocess
import unittest

from job_case import MILLRACE, JobCase


class GrepTest(JobCase):
    def same_as_grep(self, options, pattern, inputs, shapes=None):
        kind = [] if "-F" in options else ["-E"]
        expected, status = self.coreutil("grep", "-a", *kind, *options, "--", pattern, *inputs)
        self.in_every_shape("grep", *options, "--", pattern, *inputs, expected=expected, status=status, shapes=shapes)

    def setUp(self):
        super().setUp()
        self.write("one", self.words_and_more())
        self.write("two", self.words_and_more())
        self.write("empty", b"")

    def test_patterns(self):
        for pattern in ("lock", "un?lock", "^the", "w[0-9]+$", "(lock|w1)", "the.*of", "x.y", "^$", "nowhere", "y{300}", "-", "a|b",
                        "[^a-z]+$", "w1\nw2", "", "$", "w.*", "\\."):
            self.same_as_grep([], pattern, ["one", "two"])

    def test_options(self):
        for options in (["-i"], ["-F"], ["-v"], ["-w"], ["-x"], ["-c"], ["-l"], ["-q"], ["-n"], ["-H"], ["-h"], ["-v", "-c"], ["-v", "-n"],
                        ["-i", "-w"], ["-F", "-w"], ["-F", "-x"], ["-F", "-i", "-c"], ["-n", "-h"], ["-l", "-v"], ["-c", "-h"], ["-in"]):
            for pattern in ("the", "x.y", "nowhere", "", "the\nlock"):
                if "-c" in options and "-v" in options and pattern == "":
                    continue  # grep(1) does not print the count, which is none
                inputs = self.random.choice((["one"], ["two", "empty", "one"]))
                self.same_as_grep(options, pattern, inputs, [["--threads=2", "--split=333"]])

    def test_every_shape_with_every_way_to_print(self):
        for options in ([], ["-n"], ["-c"], ["-l"], ["-v"], ["-vn"]):
            self.same_as_grep(options, "w1", ["one", "empty", "two", "one"])

    def test_nasty_texts(self):
        names, small = [], []
        for name, text in self.nasty_texts().items():
            names.append(self.write(name + ".txt", text))
            if len(text) < 5000:
                small.append(names[-1])
        for options in ([], ["-n"], ["-v", "-n"], ["-c"]):
            for pattern in ("w", "^\\w+$", "three", "^.$"):
                self.same_as_grep(options, pattern, names, [["--threads=2"], ["--threads=0", "--split=64K"]])
                self.same_as_grep(options, pattern, small, [["--threads=0", "--split=1"]])

    def test_compressed_files_and_folders(self):
        names = self.write_nasty_texts()
        plain = [self.write("plain/" + name, text) for name, text in zip(names, self.nasty_texts().values())]
        self.assertEqual(len(names), len(plain))
        out = self.millrace("grep", "-n", "[eo]", "in")
        expected, _ = self.coreutil("grep", "-a", "-nE", "[eo]", *plain)
        if b"words" in expected:  # its content differs from run to run of the generator
            keep = [line for line in expected.split(b"\n") if b"_words:" not in line]
            self.assertEqual([line for line in out.split(b"\n") if b"_words:" not in line],
                             [line.removeprefix(b"plain/") for line in keep])
        packed = self.compress_with_zstd("one")
        self.write("three", self.run_process("zstd", "-dc", packed).stdout)
        self.assertEqual(self.millrace("grep", "w1", packed, status=0), self.millrace("grep", "w1", "three"))

    def test_a_pattern_that_is_none_and_files_that_are_not_there(self):
        self.fails("grep", "a(", "one", status=2, saying=rb"'a\(' is not a regular expression")
        self.fails("grep", r"(a)\1", "one", status=2, saying=rb"is not a regular expression: invalid escape sequence: \\1")
        self.fails("grep", "a", "one", "none", status=2, saying=rb"cannot read none")
        self.fails("grep", "a", status=2, saying=rb"INPUT is required")
        self.fails("grep", "-z", "a", "one", status=2, saying=rb"-z")
        self.fails("grep", "a", "one", "--split", "x", status=2, saying=rb"--split")

    def test_a_folder_without_files_has_no_match(self):
        (self.path / "nothing").mkdir()
        self.assertEqual(self.millrace("grep", "a", "nothing", status=1), b"")
        self.assertEqual(self.millrace("grep", "-c", "a", "nothing", status=1), b"")

    def test_a_reader_that_goes_away_ends_the_run(self):
        self.write("many", b"some line\n" * 300000)
        run = subprocess.Popen([MILLRACE, "grep", "line", "many", "--split", "64K"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               cwd=self.path, env=self.environment)
        self.assertEqual(run.stdout.read(5), b"some ")
        run.stdout.close()
        run.stderr.close()
        self.assertNotEqual(run.wait(timeout=60), 0)

    def test_a_full_disk_behind_standard_output(self):
        with open("/dev/full", "wb") as full:
            run = subprocess.run([MILLRACE, "grep", "w", "one"], stdout=full, stderr=subprocess.PIPE, cwd=self.path, env=self.environment,
                                 check=False)
        self.assertNotIn(run.returncode, (0, 1))
        self.assertIn(b"No space left on device", run.stderr)


if __name__ == "__main__":
    unittest.main()

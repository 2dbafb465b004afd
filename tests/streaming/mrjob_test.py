"""mrjob, a client written for Hadoop, runs an unchanged word count through millrace-hadoop.

Usage: mrjob_test.py MILLRACE_HADOOP [unittest arguments]
Ends with status 77 when mrjob cannot be installed from PyPI.
"""
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import venv
from pathlib import Path

HADOOP = os.path.abspath(sys.argv.pop(1))
JOB = Path(__file__).with_name("mrjob_word_count.py")
SKIPPED = 77
MRJOB = "mrjob==0.7.4"

folder = tempfile.TemporaryDirectory()
ROOT = Path(folder.name)


def install_mrjob():
    """The interpreter of a new environment that has mrjob, or None."""
    venv.create(ROOT / "venv", with_pip=True)
    python = ROOT / "venv/bin/python"
    # setuptools has distutils, which mrjob imports and Python 3.12 has no more.
    run = subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout",
                          "20", MRJOB, "setuptools<81"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if run.returncode != 0:
        print("mrjob cannot be installed from PyPI, so this test is skipped:\n" + run.stdout)
        return None
    imported = subprocess.run([python, "-c", "import mrjob.job"], stderr=subprocess.PIPE, text=True, check=False)
    if imported.returncode != 0:
        print("mrjob does not run on this Python, so this test is skipped:\n" + imported.stderr)
        return None
    return python


class MrjobTest(unittest.TestCase):
    python = None

    def setUp(self):
        self.home = ROOT / "hadoop"
        (self.home / "bin").mkdir(parents=True, exist_ok=True)
        link = self.home / "bin/hadoop"
        if not link.is_symlink():
            link.symlink_to(HADOOP)
        (self.home / "hadoop-streaming.jar").touch()
        self.text = "the cat and the dog\n" * 500 + "a dog's life\nthe end"
        (ROOT / "in1.txt").write_text(self.text)
        (ROOT / "in2.txt").write_text("the cat\n")

    def run_job(self, *words, environment):
        settings = {k: v for k, v in os.environ.items() if not k.startswith(("MILLRACE_", "HADOOP_"))}
        # An empty configuration file: the tester's own must not decide.
        (ROOT / "mrjob.conf").write_text("runners: {}\n")
        settings.update({"MRJOB_CONF": str(ROOT / "mrjob.conf"), "HOME": str(ROOT), **environment})
        return subprocess.run([self.python, JOB, "-r", "hadoop", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, cwd=ROOT, env=settings, timeout=300, check=False)

    def expected(self):
        text = self.text + "\nthe cat\n"
        return collections.Counter(word.lower() for word in re.findall(r"[\w']+", text))

    def assert_counts(self, run):
        self.assertEqual(run.returncode, 0, run.stderr)
        counts = {json.loads(word): int(count) for word, count in (line.split("\t") for line in run.stdout.splitlines())}
        self.assertEqual(counts, self.expected(), run.stderr)
        self.assertIn("Counters: ", run.stderr)
        self.assertRegex(run.stderr, r"lines=503\b")
        self.assertRegex(run.stderr, r"Running job: job_\d+_\d{4}")
        self.assertRegex(run.stderr, r"map 100% reduce 100%")

    def test_with_a_directory_in_place_of_hdfs(self):
        root = ROOT / "hdfs"
        root.mkdir()
        run = self.run_job("in1.txt", "in2.txt", environment={"HADOOP_HOME": str(self.home), "MILLRACE_HDFS_ROOT": str(root)})
        self.assert_counts(run)
        self.assertEqual(list(root.glob("user/*/tmp/mrjob/*")), [], "what mrjob removes must be gone")

    def test_with_plain_files(self):
        run = self.run_job("--hadoop-bin", HADOOP, "--hadoop-streaming-jar", self.home / "hadoop-streaming.jar",
                           "--hadoop-tmp-dir", f"file://{ROOT}/tmp", "--output-dir", f"file://{ROOT}/out", "--cat-output", "in1.txt", "in2.txt",
                           environment={})
        self.assert_counts(run)
        self.assertTrue((ROOT / "out/_SUCCESS").exists())

    def test_a_failing_job_is_reported(self):
        root = ROOT / "hdfs_for_failure"
        root.mkdir()
        run = self.run_job("--setup", "exit 3", "--jobconf", "mapreduce.map.maxattempts=2", "in1.txt",
                           environment={"HADOOP_HOME": str(self.home), "MILLRACE_HDFS_ROOT": str(root)})
        self.assertNotEqual(run.returncode, 0)
        self.assertRegex(run.stderr, r"exit status 3")


if __name__ == "__main__":
    MrjobTest.python = install_mrjob()
    if MrjobTest.python is None:
        sys.exit(SKIPPED)
    unittest.main()

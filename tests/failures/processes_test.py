"""What a process meets from outside: a small disk, and the end at any moment.

Usage: processes_test.py MILLRACE [unittest arguments]
"""
import os
import random
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from scratch_case import ScratchCase

MILLRACE = os.path.abspath(sys.argv.pop(1))


class ProcessesTest(ScratchCase):
    def setUp(self):
        super().setUp()
        (self.path / "tmp").mkdir()
        seed = int(os.environ.get("MILLRACE_PROPERTY_SEED", random.randrange(1 << 32)))
        print(f"MILLRACE_PROPERTY_SEED={seed}", flush=True)
        self.random = random.Random(seed)

    def write_input(self, lines):
        values = [self.random.randrange(1 << 60) for _ in range(lines)]
        (self.path / "in").write_text("".join(f"{value}\n" for value in values))
        return "".join(f"{value}\n" for value in sorted(str(value) for value in values))

    def start(self, *words):
        return subprocess.Popen([MILLRACE, *words], cwd=self.path, env=self.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def output(self):
        """The output's text; None when there is none. An output without _SUCCESS is none that a reader may see."""
        out = self.path / "out"
        if not out.exists():
            return None
        self.assertTrue((out / "_SUCCESS").exists(), os.listdir(out))
        return "".join(part.read_text() for part in sorted(out.glob("part-*")))

    def mount(self, name, size):
        small = self.path / name
        small.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", small], stderr=subprocess.DEVNULL,
                              check=False)
        if done.returncode != 0:
            self.skipTest("no tmpfs can be mounted here")
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        return small

    def test_a_small_disk_for_temporary_files(self):
        self.write_input(300_000)
        small = self.mount("small", "1m")
        job = self.start("sort", "in", "-o", "out", "--tmp", "small", "--memory", "1M")
        out, error = job.communicate(timeout=120)
        self.assertEqual(job.returncode, 1, error)
        self.assertRegex(error, r"small/.*[Nn]o space left")
        self.assertIsNone(self.output())
        self.assertEqual(os.listdir(small), [])
        self.assertEqual(sorted(os.listdir(self.path)), ["in", "small", "tmp"])

    def test_a_small_disk_for_the_output(self):
        self.write_input(300_000)
        small = self.mount("small", "2m")
        (small / "out").mkdir()
        (small / "out/old").write_text("old")
        job = self.start("sort", "in", "-o", "small/out", "--overwrite", "--tmp", "tmp")
        out, error = job.communicate(timeout=120)
        self.assertEqual(job.returncode, 1, error)
        self.assertRegex(error, r"small/.*[Nn]o space left")
        self.assertEqual(os.listdir(small), ["out"])
        self.assertEqual((small / "out/old").read_text(), "old")
        self.assertEqual(os.listdir(self.path / "tmp"), [])

    def test_a_process_that_is_killed_leaves_the_old_output_or_the_new_one(self):
        expected = self.write_input(200_000)
        command = ("sort", "in", "-o", "out", "--overwrite", "--tmp", "tmp", "--memory", "1M", "--threads", "2")
        start = time.monotonic()
        job = self.start(*command)
        self.assertEqual(job.communicate(timeout=120)[1], "")
        seconds = time.monotonic() - start
        self.assertEqual(self.output(), expected)
        for _ in range(12):
            (self.path / "out/part-00000").write_text("old\n")
            for part in list((self.path / "out").glob("part-*"))[1:]:
                part.unlink()
            job = self.start(*command)
            time.sleep(self.random.random() * seconds * 1.2)
            job.kill()
            job.communicate(timeout=60)
            self.assertIn(self.output(), ("old\n", expected))
        job = self.start(*command)
        _, error = job.communicate(timeout=120)
        self.assertEqual((job.returncode, error), (0, ""))
        self.assertEqual(self.output(), expected)


if __name__ == "__main__":
    unittest.main()

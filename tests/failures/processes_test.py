"""What a process meets from outside: a small disk, one that is read-only, a quota, and the end at any moment.

Usage: processes_test.py MILLRACE [unittest arguments]
"""
import ctypes
import errno
import os
import random
import shutil
import struct
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from scratch_case import ScratchCase

MILLRACE = os.path.abspath(sys.argv.pop(1))


SYS_WRITE = {"x86_64": (1, 0xC000003E), "aarch64": (64, 0xC00000B7)}
NO_NEW_PRIVILEGES, SET_SECCOMP, SECCOMP_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, JUMP_IF_GREATER, RETURN = 0x20, 0x15, 0x25, 0x06
SYSCALL, ARCHITECTURE, FIRST_ARGUMENT, THIRD_ARGUMENT = 0, 4, 16, 32
ALLOW, FAIL = 0x7FFF0000, 0x00050000


def refuse_writes():
    """From here on, the kernel says EDQUOT to this process whenever it writes 1,000 bytes or more to a file.

    A quota of the kernel's own needs a file system made for it; to the process there is no difference.
    """
    number, architecture = SYS_WRITE[os.uname().machine]
    program = [
        (LOAD_WORD, 0, 0, ARCHITECTURE), (JUMP_IF_EQUAL, 0, 7, architecture),
        (LOAD_WORD, 0, 0, SYSCALL), (JUMP_IF_EQUAL, 0, 5, number),
        (LOAD_WORD, 0, 0, FIRST_ARGUMENT), (JUMP_IF_GREATER, 0, 3, 2),  # messages go to 2
        (LOAD_WORD, 0, 0, THIRD_ARGUMENT), (JUMP_IF_GREATER, 0, 1, 999),
        (RETURN, 0, 0, FAIL | errno.EDQUOT), (RETURN, 0, 0, ALLOW),
    ]
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_of = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0 or libc.prctl(SET_SECCOMP, SECCOMP_FILTER, filter_of) != 0:
        raise OSError(ctypes.get_errno(), "no filter for system calls can be set here")


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

    def start(self, *words, before=None):
        return subprocess.Popen([MILLRACE, *words], cwd=self.path, env=self.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, preexec_fn=before)

    def fails(self, pattern, *words, status=1, before=None):
        """Runs the command, which has to fail with one line that matches the pattern."""
        job = self.start(*words, before=before)
        out, error = job.communicate(timeout=120)
        self.assertEqual((job.returncode, out), (status, ""), error)
        self.assertRegex(error, pattern)
        self.assertEqual(error.count("\n"), 1, error)

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
            print(f"SKIPPED: {self.id()}: only root can mount the tmpfs that it needs", file=sys.stderr, flush=True)
            self.skipTest("no tmpfs can be mounted here")
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        return small

    def make_read_only(self, folder):
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)

    def test_a_small_disk_for_temporary_files(self):
        self.write_input(300_000)
        small = self.mount("small", "1m")
        self.fails(r"small/.*[Nn]o space left", "sort", "in", "-o", "out", "--tmp", "small", "--memory", "1M")
        self.assertIsNone(self.output())
        self.assertEqual(os.listdir(small), [])
        self.assertEqual(sorted(os.listdir(self.path)), ["in", "small", "tmp"])

    def test_a_small_disk_for_the_output(self):
        self.write_input(300_000)
        small = self.mount("small", "2m")
        (small / "out").mkdir()
        (small / "out/old").write_text("old")
        self.fails(r"small/.*[Nn]o space left", "sort", "in", "-o", "small/out", "--overwrite", "--tmp", "tmp")
        self.assertEqual(os.listdir(small), ["out"])
        self.assertEqual((small / "out/old").read_text(), "old")
        self.assertEqual(os.listdir(self.path / "tmp"), [])

    def test_a_read_only_disk_for_temporary_files(self):
        self.write_input(300_000)
        self.make_read_only(self.mount("small", "1m"))
        self.fails(r"--tmp: .*small.*Read-only file system", "sort", "in", "-o", "out", "--tmp", "small", "--memory", "1M",
                   status=2)
        self.assertIsNone(self.output())
        self.assertEqual(sorted(os.listdir(self.path)), ["in", "small", "tmp"])

    def test_a_read_only_disk_for_the_output(self):
        self.write_input(1000)
        small = self.mount("small", "2m")
        (small / "out").mkdir()
        (small / "out/old").write_text("old")
        self.make_read_only(small)
        for out in ("small/out", "small/new"):
            self.fails(r"small/.*Read-only file system", "sort", "in", "-o", out, "--overwrite", "--tmp", "tmp")
        self.assertEqual(os.listdir(small), ["out"])
        self.assertEqual((small / "out/old").read_text(), "old")
        self.assertEqual(os.listdir(self.path / "tmp"), [])

    def test_a_read_only_disk_can_be_read(self):
        small = self.mount("small", "20m")
        expected = self.write_input(1000)
        shutil.move(self.path / "in", small)
        self.make_read_only(small)
        job = self.start("sort", "small/in", "-o", "out", "--tmp", "tmp")
        self.assertEqual((job.communicate(timeout=120)[1], job.returncode), ("", 0))
        self.assertEqual(self.output(), expected)

    def test_a_quota_for_temporary_files(self):
        self.write_input(300_000)
        self.fails(r"tmp/.*Disk quota exceeded", "sort", "in", "-o", "out", "--tmp", "tmp", "--memory", "1M",
                   before=refuse_writes)
        self.assertIsNone(self.output())
        self.assertEqual(os.listdir(self.path / "tmp"), [])
        self.assertEqual(sorted(os.listdir(self.path)), ["in", "tmp"])

    def test_a_quota_for_the_output(self):
        self.write_input(10_000)
        (self.path / "out").mkdir()
        (self.path / "out/old").write_text("old")
        self.fails(r"out.*Disk quota exceeded", "sort", "in", "-o", "out", "--overwrite", "--tmp", "tmp",
                   before=refuse_writes)
        self.assertEqual(sorted(os.listdir(self.path)), ["in", "out", "tmp"])
        self.assertEqual(os.listdir(self.path / "tmp"), [])
        self.assertEqual((self.path / "out/old").read_text(), "old")

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

"""Ctrl-C: a running job stops at once with exit status 130, and leaves no output, no temporary files and no process.

Usage: interrupt_test.py MILLRACE [unittest arguments]
"""
import os
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from scratch_case import ScratchCase

MILLRACE = os.path.abspath(sys.argv.pop(1))
AT_ONCE_SECONDS = 10  # generous: the machine may be busy


class InterruptTest(ScratchCase):
    def setUp(self):
        super().setUp()
        (self.path / "tmp").mkdir()

    def interrupt(self, *words, when, signal_number=signal.SIGINT):
        """Starts a job in a process group of its own, interrupts it when when() is true, and checks what it leaves."""
        process = subprocess.Popen([MILLRACE, *words, "--tmp", "tmp"], cwd=self.path, env=self.environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        try:
            deadline = time.monotonic() + 60
            while not when(process.pid):
                self.assertIsNone(process.poll(), "the job ended before it could be interrupted")
                self.assertLess(time.monotonic(), deadline, "the job did not get going")
                time.sleep(0.01)
            time.sleep(0.2)  # so that it is in the middle
            start = time.monotonic()
            process.send_signal(signal_number)
            out, error = process.communicate(timeout=60)
            self.assertLess(time.monotonic() - start, AT_ONCE_SECONDS)
        finally:
            process.kill()
            process.wait()
        self.assertEqual(process.returncode, 130, error)
        self.assertEqual(out, b"")
        self.assertFalse((self.path / "out").exists())
        self.assertEqual([str(path) for path in self.path.glob("tmp/*")], [])
        with self.assertRaises(ProcessLookupError, msg="a process of the job lives on"):
            for _ in range(100):
                os.killpg(process.pid, 0)
                time.sleep(0.05)

    def large_input(self):
        """Takes minutes: the same text many times."""
        with open(self.path / "text", "wb") as file:
            for i in range(2000):
                file.write(b" ".join(b"w%d" % (i * j) for j in range(2000)) + b"\n")
        return ["text"] * 500

    def test_a_job_that_computes(self):
        self.interrupt("ngrams", "-n", "5", *self.large_input(), "-o", "out", "--memory", "64M", "--threads", "2", when=self.has_workers)

    def has_workers(self, process):
        return len(os.listdir(f"/proc/{process}/task")) >= 3

    def test_termination_is_the_same(self):
        self.interrupt("ngrams", "-n", "5", *self.large_input(), "-o", "out", "--memory", "64M", "--threads", "2", when=self.has_workers,
                       signal_number=signal.SIGTERM)

    def test_a_job_that_waits_for_a_command(self):
        (self.path / "text").write_bytes(b"a\n")
        self.interrupt("stream", "-input", "text", "-output", "out", "-mapper", "sleep 1000", when=self.mapper_runs)

    def mapper_runs(self, _):
        return any(self.command_line(entry) == b"sleep 1000 " for entry in Path("/proc").iterdir() if entry.name.isdigit())

    @staticmethod
    def command_line(entry):
        try:
            return (entry / "cmdline").read_bytes().replace(b"\0", b" ")
        except OSError:
            return b""


if __name__ == "__main__":
    unittest.main()

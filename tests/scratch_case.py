"""What tests of programs from outside begin with: a folder of their own, and nothing of the tester's configuration."""
import os
import random
import sys
import tempfile
import unittest
from pathlib import Path

SEED = int(os.environ.get("MILLRACE_TEST_SEED", random.SystemRandom().randrange(1 << 32)))


class ScratchCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(os.path.realpath(folder.name))
        # The tester's own configuration must not decide.
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("MILLRACE_", "HADOOP_", "XDG_"))}
        self.environment["HOME"] = str(self.path)


class SeededCase(ScratchCase):
    """Draws its inputs from a seed that is printed: MILLRACE_TEST_SEED, or a new one."""

    @classmethod
    def setUpClass(cls):
        print(f"seed {SEED}", file=sys.stderr)

    def setUp(self):
        super().setUp()
        self.random = random.Random(f"{SEED} {self.id()}")


def lines_of(text):
    lines = text.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines

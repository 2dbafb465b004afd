"""What the tests of runs in several processes share: inputs, runs in the background, and what must be gone afterwards."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from scratch_case import SeededCase

MILLRACE = os.path.abspath(sys.argv.pop(1))



def all_children_of(pid):
    """Of every thread: a process's children belong to the thread that made them."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            pass
    return found


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.005)
    return condition()


class ClusterCase(SeededCase):
    def setUp(self):
        super().setUp()
        self.tmp = self.path / "tmp"
        self.tmp.mkdir()
        self.environment["TMPDIR"] = str(self.tmp)
        self.environment["LC_ALL"] = "C"
        self.seen = set()

    def write(self, name, content):
        (self.path / name).write_bytes(content)
        return name

    def write_text(self, name, size):
        """Words of skewed frequency, and some that are there once."""
        words = [b"w%d" % (self.random.randrange(1 << 20) % (1 + self.random.randrange(1 << 16))) for _ in range(20000)]
        line = b"".join(self.random.choice(words) + (b"\n" if i % 10 == 9 else b" ") for i in range(50000))
        out = bytearray()
        while len(out) < size:
            out += line + b"once%d\n" % len(out)
        return self.write(name, bytes(out[:size]))

    def run_process(self, *words):
        return subprocess.run([MILLRACE, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.path,
                              env=self.environment, timeout=240, check=False)

    def start(self, *words):
        process = subprocess.Popen([MILLRACE, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   cwd=self.path, env=self.environment)
        self.addCleanup(process.kill)
        return process

    def finish(self, process, seconds=240):
        out, err = process.communicate(timeout=seconds)
        return process.returncode, out, err

    def executors(self, process, count):
        """The process ids of its executors, once there are so many."""
        pids = wait_for(lambda: (found := all_children_of(process.pid)) and len(found) >= count and found) or []
        self.seen.update(pids)
        return pids

    def parts(self, directory):
        return {str(path.relative_to(self.path / directory)): path.read_bytes()
                for path in sorted((self.path / directory).rglob("*")) if path.is_file()}

    def assert_nothing_left(self):
        wait_for(lambda: not any(alive(pid) for pid in self.seen), 15)
        self.assertEqual([pid for pid in self.seen if alive(pid)], [])
        self.assertEqual(sorted(path.name for path in self.tmp.iterdir()), [])
        self.assertEqual([path.name for path in self.path.iterdir() if path.name.endswith(".tmp")], [])


def send(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


KILL, STOP, CONT, INT = signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT, signal.SIGINT

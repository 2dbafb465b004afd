"""What the tests of runs in several processes share: inputs, runs in the background, and what must be gone afterwards."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from scratch_case import SEED, SeededCase

MILLRACE = os.path.abspath(sys.argv.pop(1))
# cluster_jobs.cc, built beside it.
CLUSTER_JOBS = os.environ.get("MILLRACE_CLUSTER_JOBS", os.path.join(os.path.dirname(MILLRACE), "tests/cluster/cluster_jobs"))

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


def flip_bits_in_files_of(pid):
    """In the blocks that a process keeps in files, which have no name any more. How many bits were flipped."""
    flips = 0
    seen = set()  # a file is open twice, to be written and to be read: a bit that flips twice is as it was
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if ".millrace-" not in os.readlink(entry):
                continue
            with open(entry, "r+b", buffering=0) as file:
                found = os.fstat(file.fileno())
                if found.st_ino in seen:
                    continue
                seen.add(found.st_ino)
                for at in range(100, found.st_size, 1000):
                    byte = os.pread(file.fileno(), 1, at)[0]
                    os.pwrite(file.fileno(), bytes([byte ^ 16]), at)
                    flips += 1
        except OSError:  # closed meanwhile
            continue
    return flips


def wait_for(condition, seconds=60):
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

    def write_held_text(self, size, *holds):
        """As write_text(), with a line for each hold, spread over the text: the task that comes there says so and waits."""
        self.write_text("text", size)
        lines = (self.path / "text").read_bytes().splitlines(keepends=True)
        for i, name in enumerate(holds):
            at = len(lines) * (2 * i + 1) // (2 * len(holds))
            lines.insert(at, f"hold {self.path / name}\n".encode())
        return self.write("text", b"".join(lines))

    def start_job(self, *words):
        """One of cluster_jobs.cc."""
        process = subprocess.Popen([CLUSTER_JOBS, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   cwd=self.path, env=self.environment)
        self.addCleanup(process.kill)
        return process

    def run_job(self, *words):
        return self.finish(self.start_job(*words))

    def held(self, name, process, count=1):
        """The ids of the processes in which tasks wait, or have waited, at a hold, once there are so many."""
        def find():
            found = [int(path.name.rpartition(".")[2]) for path in self.path.glob(name + ".*")]
            return found if len(found) >= count else None
        wait_for(lambda: find() or process.poll() is not None, 120)
        pids = find()
        self.assertIsNotNone(pids, f"no {count} tasks came to {name}; status {process.poll()}")
        self.seen.update(pids)
        return pids

    def let_go(self, *names):
        for name in names:
            (self.path / name).touch()

    def report(self, log="events"):
        run = self.run_process("report", log)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.decode()

    def events(self, *kinds, log="events"):
        """The log's events of these kinds, in their order."""
        rows = (json.loads(line) for line in (self.path / log).read_text().splitlines()[1:])
        return [row for row in rows if row.get("event") in kinds]

    def assert_nothing_counts_of(self, executor):
        """No task counted twice, and none of what the executor said after it was lost."""
        firsts = [(row["stage"], row["partition"]) for row in self.events("task_committed") if row["first"]]
        self.assertEqual(len(firsts), len(set(firsts)))
        rows = self.events("executor_lost", "task_committed")
        lost = next(i for i, row in enumerate(rows) if row["event"] == "executor_lost" and row["executor"] == executor)
        self.assertFalse([row for row in rows[lost + 1:] if row["executor"] == executor])

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
        wait_for(lambda: not any(alive(pid) for pid in self.seen))
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

"""What the tests under Slurm share: a cluster of four nodes for all tests of a program, and steps on it.

Usage of a test: X_test.py MILLRACE [unittest arguments]. Ends with status 77 where Slurm cannot run, saying why."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cluster"))
from cluster_case import MILLRACE, ClusterCase, alive, wait_for

SCRIPT = ROOT / "scripts" / "slurm-cluster"
CANNOT, SKIPPED = 3, 77
# Of this host's threads and memory every executor gets little: eight share it.
SMALL = ["--threads=1", "--memory=64M", "--reducers=3"]


class Cluster:
    """The one of this test program."""

    def __init__(self):
        self.parent = tempfile.mkdtemp(prefix="millrace-slurm-")
        os.chmod(self.parent, 0o755)
        self.directory = os.path.join(self.parent, "cluster")
        started = subprocess.run([SCRIPT, "start", self.directory], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 encoding="utf-8", check=False)
        if started.returncode != 0:
            self.stop()
        if started.returncode == CANNOT:
            print("SKIPPED: no Slurm can run here, so nothing under Slurm was tested (the reason is above)",
                  file=sys.stderr)
            sys.exit(SKIPPED)
        started.check_returncode()
        # What a shell would export.
        self.settings = dict(line.removeprefix("export ").split("=", 1) for line in started.stdout.splitlines())

    def stop(self):
        if os.path.exists(self.directory):
            subprocess.run([SCRIPT, "stop", self.directory], stdin=subprocess.DEVNULL, check=True)
        shutil.rmtree(self.parent)

    def start_node(self, name):
        subprocess.run([SCRIPT, "node", self.directory, name], stdin=subprocess.DEVNULL, check=True)

    def slurmd_of(self, name):
        return int(Path(self.directory, f"{name}.pid").read_text())


def environment_of(pid):
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(word.decode(errors="replace").split("=", 1) for word in words if b"=" in word)


def run_tests():
    """Starts the cluster, runs the tests of the main program, and ends the cluster whatever they did."""
    SlurmCase.cluster = Cluster()
    try:
        result = unittest.main(exit=False).result
    finally:
        SlurmCase.cluster.stop()
    sys.exit(not result.wasSuccessful())


class SlurmCase(ClusterCase):
    cluster = None

    def setUp(self):
        super().setUp()
        self.path.chmod(0o755)
        self.environment.update(self.cluster.settings)
        self.environment["PATH"] = f"{os.path.dirname(MILLRACE)}:{os.environ['PATH']}"

    def slurm(self, *words):
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              encoding="utf-8", env=self.environment, cwd=self.path, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}")
        return done.stdout

    def processes_of(self, program):
        """Of this test: their ids."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(process / "exe") == os.path.realpath(program):
                    found.append(int(process.name))
            except OSError:
                continue
        return [pid for pid in found if environment_of(pid).get("TMPDIR") == str(self.tmp)]

    def start_step(self, *words, shape=("-N4", "-n8"), program=MILLRACE):
        process = subprocess.Popen(
            ["srun", *shape, "--no-kill", "--kill-on-bad-exit=0", program, *map(str, words)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.path, env=self.environment)
        self.addCleanup(self.end_step, process)
        return process

    def end_step(self, process):
        if process.poll() is None:
            process.kill()
            process.communicate()
            self.slurm("scancel", "--partition=main")
        else:
            process.stdout.close()
            process.stderr.close()

    def tasks(self, count, program=MILLRACE):
        """The step's processes by rank, once there are so many of them. The executor beside rank 0 is not one."""
        def find():
            found = {}
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    if os.readlink(process / "exe") != os.path.realpath(program):
                        continue
                    # A child that is about to become another program is none of the step's.
                    parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
                    if os.readlink(f"/proc/{parent}/exe") == os.path.realpath(program):
                        continue
                except OSError:
                    continue
                environment = environment_of(process.name)
                if environment.get("TMPDIR") != str(self.tmp) or "SLURM_PROCID" not in environment:
                    continue
                if "MILLRACE_EXECUTOR" not in environment:
                    found[int(environment["SLURM_PROCID"])] = (int(process.name), environment["SLURMD_NODENAME"])
            return found if len(found) >= count else None
        found = wait_for(find, 60)
        self.assertTrue(found, f"there are no {count} tasks after a minute")
        self.seen.update(pid for pid, _ in found.values())
        return found

    def assert_nothing_left(self):
        self.assertTrue(wait_for(lambda: self.slurm("squeue", "-h") == "", 30), "a job is left in Slurm's queue")
        super().assert_nothing_left()

    def start_held(self, *options, shape=("-N4", "-n8"), runs=MILLRACE):
        """A run of eight tasks whose mappers all wait until go() is called, and the step's processes by rank, which run this."""
        self.write_text("text", 500_000)
        mapper = self.path / "mapper.sh"
        mapper.write_text(f"#!/bin/sh\ntouch {self.path}/waiting.$$\nwhile [ ! -e {self.path}/go ]; do sleep 0.05; done\nexec cat\n")
        mapper.chmod(0o755)
        process = self.start_step("stream", "-input", "text", "-output", "out", "-mapper", mapper, "-reducer", "cat",
                                  "--split=10K", *SMALL, *options, shape=shape)
        return process, self.tasks(8, runs)

    def go(self):
        (self.path / "go").touch()

    def assert_complete(self):
        lines = (self.path / "text").read_bytes().split(b"\n")
        written = b"".join(self.parts("out").values()).split(b"\n")
        self.assertEqual(sorted(line.rstrip(b"\t") for line in written if line), sorted(filter(None, lines)))

    def assert_goes_on(self, process):
        """The held run ends as if nothing had happened to it."""
        self.assertIsNone(process.poll(), "the run ended before its mappers could")
        self.go()
        _, _, err = self.finish(process)
        self.assertTrue((self.path / "out").exists(), err)
        self.assert_complete()
        self.assert_nothing_left()

    def restore_nodes(self):
        """A node that a test took down comes back by itself when its daemon speaks up, or when it is told to."""
        end = time.monotonic() + 60
        while (states := self.slurm("sinfo", "-h", "-N", "-o", "%N %t")).split()[1::2] != ["idle"] * 4:
            self.assertLess(time.monotonic(), end, states)
            if "down" in states:
                subprocess.run(["scontrol", "update", "nodename=n3", "state=resume"], env=self.environment, check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.2)


__all__ = ["MILLRACE", "ROOT", "SMALL", "SlurmCase", "alive", "environment_of", "run_tests", "wait_for"]

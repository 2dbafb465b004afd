"""What millrace ps, logs and kill know and do of runs on this machine.  Usage: runs_test.py MILLRACE [...]"""
import os
import re
import signal
import stat
import subprocess
import time
import unittest

from cluster_case import KILL, MILLRACE, STOP, ClusterCase, alive, send, wait_for
from held_run import HeldRuns


class RunsCase(HeldRuns, ClusterCase):
    def setUp(self):
        super().setUp()
        self.runtime = self.path / "runtime"
        self.runtime.mkdir(mode=0o700)
        self.environment["XDG_RUNTIME_DIR"] = str(self.runtime)
        # A machine without Slurm, whatever the tester's has.
        self.programs = self.path / "programs"
        self.programs.mkdir()
        self.environment["PATH"] = f"{self.programs}:/usr/bin:/bin"
        if os.path.exists("/usr/bin/squeue"):
            self.write_program("squeue", "exit 127")

    def write_program(self, name, text):
        program = self.programs / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)

    def start_held(self, *more, output="out", **settings):
        """A run that waits for go(), once its tasks run."""
        if not (self.path / "text").exists():  # a run that goes on reads it
            self.write_held_input()
        process = subprocess.Popen([MILLRACE, *map(str, self.held_words(reducers=1, output=output)), *more], stdin=subprocess.DEVNULL,
                                   cwd=self.path, env=self.environment,
                                   **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings})
        self.addCleanup(process.kill)
        self.addCleanup(self.release_all)
        self.assertTrue(wait_for(lambda: self.row(process.pid) and "running" in self.row(process.pid), 60), self.ps())
        return process

    def ps(self):
        run = self.run_process("ps")
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.decode()

    def row(self, pid):
        found = re.search(rf"^{pid}\s.*(?:\n    .*)*", self.ps(), re.M)
        return found.group(0) if found else None

    def entries(self):
        folder = self.runtime / "millrace"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


class PsTest(RunsCase):
    def test_nothing_runs(self):
        self.assertRegex(self.ps(), r"\ARUN +WHERE +STATE +TASKS +EXECUTORS +SINCE +COMMAND\n\Z")

    def test_runs_with_their_tasks_executors_and_files(self):
        one = self.start_held("--workers=2", "--events=events")
        with open(self.path / "errors", "wb") as errors:
            two = self.start_held("--ui", output="other", stdout=subprocess.DEVNULL, stderr=errors)
        self.assertTrue(wait_for(lambda: re.search(r"this machine +running +0 of \d+ +2 ", self.row(one.pid)), 30),
                        self.row(one.pid))
        self.assertIn("stream -input text", self.row(one.pid))
        self.assertIn(f"in: {self.path}", self.row(one.pid))
        self.assertIn("event log: events", self.row(one.pid))
        self.assertRegex(self.row(two.pid), r"page: http://127\.0\.0\.1:\d+/\S+/")
        self.assertIn(f"standard error: {self.path}/errors", self.row(two.pid))
        self.assertNotIn("page:", self.row(one.pid))
        send(two.pid, STOP)
        self.assertTrue(wait_for(lambda: "stopped" in self.row(two.pid)), self.row(two.pid))
        send(two.pid, signal.SIGCONT)
        self.go()
        self.finish_tail()
        self.assertTrue(wait_for(lambda: re.search(r" [1-9]\d* of \d+ ", self.row(one.pid)), 60), self.row(one.pid))
        two.kill()
        two.wait()
        self.reduce()
        status, _, err = self.finish(one)
        self.assertEqual(status, 0, err)
        self.assertEqual(self.ps().count("\n"), 1)
        self.assertEqual(self.entries(), [])

    def test_a_run_that_was_killed_is_not_listed_and_its_entry_goes(self):
        process = self.start_held()
        send(process.pid, KILL)
        process.wait()
        self.assertEqual(self.entries(), [str(process.pid)])
        self.assertIsNone(self.row(process.pid))
        self.assertEqual(self.entries(), [])

    def test_an_entry_of_another_process_with_the_same_number_is_none(self):
        """The lock counts, not the number: here that of a process which lives."""
        folder = self.runtime / "millrace"
        folder.mkdir(mode=0o700)
        (folder / str(os.getpid())).write_text("millrace run 1\nstarted 1\nstatus 1 1 1 1 1 x\n")
        self.assertIsNone(self.row(os.getpid()))
        self.assertEqual(self.entries(), [])
        kill = self.run_process("kill", os.getpid())
        self.assertEqual(kill.returncode, 1)

    def test_an_interrupted_run_leaves_no_entry(self):
        process = self.start_held("--workers=2")
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process, 60)[0], 130)
        self.assertEqual(self.entries(), [])

    def test_a_directory_that_others_could_write_in_is_not_used_and_the_run_goes_on(self):
        self.write("words", b"a b a\n")
        folder = self.runtime / "millrace"
        for prepare in (lambda: folder.mkdir(mode=0o700) or folder.chmod(0o777), lambda: folder.symlink_to("/tmp"),
                        lambda: folder.write_text("a file")):
            prepare()
            run = self.run_process("wordcount", "words")
            self.assertEqual((run.returncode, run.stdout, run.stderr), (0, b"a\t2\nb\t1\n", b""))
            self.assertEqual(self.ps().count("\n"), 1)
            if folder.is_symlink() or folder.is_file():
                folder.unlink()
            else:
                self.assertEqual(self.entries(), [])
                folder.rmdir()

    @unittest.skipUnless(os.geteuid() == 0, "needs another user")
    def test_a_runtime_directory_of_another_user_is_not_used(self):
        os.chown(self.runtime, 12345, 12345)
        self.write("words", b"a\n")
        self.assertEqual(self.run_process("wordcount", "words").returncode, 0)
        self.assertEqual(list(self.runtime.iterdir()), [])

    def test_entries_are_for_their_owner_alone(self):
        process = self.start_held()
        for path in (self.runtime / "millrace", self.runtime / "millrace" / str(process.pid)):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0)

    def test_slurm_that_does_not_answer_is_no_failure(self):
        self.write_program("squeue", "echo squeue: error: Unable to contact slurm controller >&2; exit 1")
        run = self.run_process("ps")
        self.assertEqual(run.returncode, 0)
        self.assertIn(b"Unable to contact", run.stderr)


class LogsTest(RunsCase):
    def test_what_executors_and_the_run_print(self):
        mapper = self.path / "chatty.sh"
        mapper.write_text(f"#!/bin/sh\necho said by a mapper >>/proc/$PPID/fd/2\nwhile [ ! -e {self.path}/go ]; do sleep 0.05; done\n"
                          "cat >/dev/null\n")
        mapper.chmod(0o755)
        self.write("text", b"a\nb\n")
        with open(self.path / "errors", "wb") as errors:
            process = subprocess.Popen(
                [MILLRACE, "stream", "-input", "text", "-output", "out", "-mapper", mapper, "-reducer", "cat",
                 "--workers=2", "--threads=1", "--progress=plain"], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=errors, cwd=self.path, env=self.environment)
        self.addCleanup(process.kill)
        self.addCleanup(self.release_all)
        shown = wait_for(lambda: b"said by a mapper" in self.run_process("logs", process.pid).stdout, 60)
        self.assertTrue(shown, self.run_process("logs", process.pid))
        text = self.run_process("logs", process.pid).stdout.decode()
        self.assertRegex(text, r"==> executor \d: \S+/executor-\d\.log <==\n(.*\n)*.*said by a mapper")
        follower = self.start("logs", "-f", process.pid)
        time.sleep(0.5)
        self.assertIsNone(follower.poll(), "it did not follow")
        self.go()
        self.assertEqual(process.wait(60), 0)
        status, out, err = self.finish(follower, 60)
        self.assertEqual(status, 0, err)
        self.assertIn(b"said by a mapper", out)
        self.assertIn(f"standard error: {self.path}/errors".encode(), out)

    def test_a_run_that_prints_to_no_file(self):
        process = self.start_held()
        run = self.run_process("logs", process.pid)
        self.assertEqual((run.returncode, run.stdout), (0, b""))
        self.assertIn(b"there is no file to show", run.stderr)

    def test_no_such_run(self):
        for name in ("1", "no-such", "slurm:x", ""):
            run = self.run_process("logs", name)
            self.assertNotEqual(run.returncode, 0, name)
            self.assertIn(b"millrace", run.stderr)

    def test_a_lost_executor_is_reported_with_what_it_printed_last(self):
        mapper = self.path / "dying.sh"
        mapper.write_text("#!/bin/sh\ncat >/dev/null\necho the last words of many >>/proc/$PPID/fd/2\nsleep 0.3\nkill -9 $PPID\n")
        mapper.chmod(0o755)
        self.write("text", b"a\n")
        run = self.run_process("stream", "-input", "text", "-output", "out", "-mapper", mapper, "-reducer", "cat",
                               "--workers=2", "--threads=1", "--attempts=2")
        self.assertEqual(run.returncode, 1)
        self.assertIn(b"it printed last: ", run.stderr)
        self.assertIn(b"the last words of many", run.stderr)


class KillTest(RunsCase):
    def test_ends_a_run_and_leaves_nothing(self):
        process = self.start_held("--workers=2")
        self.executors(process, 2)
        run = self.run_process("kill", process.pid)
        self.assertEqual((run.returncode, run.stdout), (0, f"run {process.pid} has ended\n".encode()), run.stderr)
        self.assertEqual(process.wait(1), 130)
        process.communicate()
        self.assertFalse((self.path / "out").exists())
        self.assertEqual(self.entries(), [])
        self.assert_nothing_left()

    def test_several_and_one_that_is_not_there(self):
        processes = [self.start_held(), self.start_held()]
        run = self.run_process("kill", processes[0].pid, "no-such", processes[1].pid)
        self.assertEqual(run.returncode, 1)
        self.assertIn(b"no run 'no-such' goes on here", run.stderr)
        for process in processes:
            self.assertEqual(process.wait(1), 130)
            process.communicate()

    def test_a_stopped_run_is_woken_to_tidy_up(self):
        process = self.start_held("--workers=2")
        self.executors(process, 2)
        send(process.pid, STOP)
        run = self.run_process("kill", process.pid)
        self.assertEqual(run.stdout, f"run {process.pid} has ended\n".encode(), run.stderr)
        self.assertEqual(process.wait(1), 130)
        process.communicate()
        self.assert_nothing_left()

    def test_one_that_does_not_end_is_killed_and_so_it_says(self):
        # A run that was started so that it does not hear SIGTERM.
        process = self.start_held("--workers=2", preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))
        self.executors(process, 2)
        run = self.run_process("kill", "--patience=1", process.pid)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn(b"did not end within 1 s and was killed (SIGKILL)", run.stdout)
        self.assertEqual(process.wait(5), -9)
        process.communicate()
        self.assertEqual(self.entries(), [])
        self.assertTrue(wait_for(lambda: not any(map(alive, self.seen)), 15))
        self.assertEqual([path.name for path in self.tmp.iterdir() if path.name.startswith("millrace-run")], [])

    def test_says_what_it_does_not_understand(self):
        for words in ([], ["--patience=0", "1"], ["--nix", "1"]):
            self.assertEqual(self.run_process("kill", *words).returncode, 2, words)


if __name__ == "__main__":
    unittest.main()

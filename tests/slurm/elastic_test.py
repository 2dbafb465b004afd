"""Elastic runs on a real Slurm of four nodes, and what millrace ps, logs and kill see of runs there.
Usage: elastic_test.py MILLRACE [...]"""
import os
import pty
import re
import subprocess
import time
from pathlib import Path

from slurm_case import MILLRACE, SlurmCase, alive, environment_of, run_tests, wait_for

from cluster_case import INT, KILL, send
from held_run import HeldRuns


class ElasticCase(HeldRuns, SlurmCase):
    def setUp(self):
        super().setUp()
        self.isolate_list()

    def submit(self, *words):
        process = self.start("submit", "--slurm", "--cpus=1", *words)
        self.addCleanup(self.slurm, "scancel", "--partition=main")
        self.addCleanup(self.release_all)
        return process

    def start_elastic(self, *, reducers=0, least=1, most=4, idle=1, more=()):
        self.write_held_input()
        return self.submit(f"--min={least}", f"--max={most}", *more, *self.held_words(reducers=reducers),
                           f"--executor-idle={idle}", "--events=events")

    def queue(self, what="%i %j %T"):
        return self.slurm("squeue", "-h", "-r", "-o", what).splitlines()

    def requests(self, state):
        return [line for line in self.queue() if "millrace-executor-" in line and line.endswith(state)]

    def driver_job(self):
        found = wait_for(lambda: [line.split()[0] for line in self.queue()
                                  if "millrace-stream" in line and line.endswith("RUNNING")], 60)
        self.assertTrue(found, self.queue())
        return found[0]

    def millraces(self):
        """The processes of this test's runs by id, with their environments; drivers have no MILLRACE_EXECUTOR."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(process / "exe") != os.path.realpath(MILLRACE):
                    continue
            except OSError:
                continue
            environment = environment_of(process.name)
            if environment.get("TMPDIR") == str(self.tmp) and "SLURM_JOB_ID" in environment:
                found[int(process.name)] = environment
        self.seen.update(found)
        return found

    def driver(self):
        found = wait_for(lambda: [pid for pid, environment in self.millraces().items()
                                  if environment.get("SLURM_PROCID") == "0" and "SLURM_STEP_ID" in environment
                                  and "MILLRACE_EXECUTOR" not in environment], 60)
        self.assertTrue(found, "there is no driver")
        return found[0]

    def assert_nothing_left(self):
        super().assert_nothing_left()
        self.assertEqual([path.name for path in self.path.glob("millrace-executor-*")], [])


class ElasticTest(ElasticCase):
    def test_grows_while_tasks_wait_gives_back_what_is_idle_and_goes_on(self):
        process = self.start_elastic()
        self.wait_until_there(4)
        self.assertEqual(len(self.requests("RUNNING")), 3, self.queue())
        self.millraces()
        self.go()
        # The last task holds one executor, and the run began with one; all others are idle and leave.
        self.assertTrue(wait_for(lambda: self.state()[2] <= 2, 90), self.state())
        self.assertTrue(wait_for(lambda: len(self.requests("")) <= 1, 60), self.queue())
        self.assertIsNone(process.poll(), "the run ended before its tail")
        self.finish_tail()
        status, out, err = self.finish(process)
        self.assertEqual((status, out), (0, b""), err)
        self.assert_sorted_lines_are_the_input()
        nodes = {record["host"] for record in self.events("executor_added")}
        self.assertTrue(nodes <= {"n1", "n2", "n3", "n4"}, nodes)
        self.assertEqual([record["count"] for record in self.events("executors_asked")], [1, 2])
        self.assertEqual(self.events("task_failed"), [])
        self.assert_nothing_left()

    def test_the_bytes_are_those_of_a_quiet_run(self):
        self.write_text("words", 3_000_000)
        quiet = self.run_process("wordcount", "words", "-o", "quiet", "--reducers=3")
        self.assertEqual(quiet.returncode, 0, quiet.stderr)
        process = self.submit("--min=1", "--max=8", "wordcount", "words", "-o", "out", "--reducers=3", "--split=30K",
                              "--threads=1", "--memory=64M", "--executor-idle=1")
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assertEqual(self.parts("out"), self.parts("quiet"))
        self.assert_nothing_left()

    def test_begins_with_the_fewest_and_they_stay(self):
        process = self.start_elastic(least=2, most=3, more=("-N2",))
        self.wait_until_there(3)
        self.go()
        self.wait_until_left(1)
        time.sleep(4)
        self.assertGreaterEqual(self.state()[2], 2)
        self.finish_tail()
        self.assertEqual(self.finish(process)[0], 0)
        self.assert_sorted_lines_are_the_input()
        self.assert_nothing_left()

    def test_requests_that_the_queue_does_not_grant_are_kept_and_cancelled_at_the_end(self):
        self.slurm("sbatch", "-N4", "-n15", "--job-name=other", "--output=/dev/null", "--wrap=sleep 600")
        self.assertTrue(wait_for(lambda: any(line.endswith("RUNNING") for line in self.queue()), 60))
        process = self.start_elastic(most=8)
        self.assertTrue(wait_for(lambda: len(self.requests("PENDING")) == 7, 90), self.queue())
        waits = self.run_process("ps").stdout.decode()
        self.assertRegex(waits, r"executors added: 0 there, 7 waiting")
        self.release_all()
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assert_sorted_lines_are_the_input()
        self.assertTrue(wait_for(lambda: self.requests("") == [], 30), self.queue())
        self.slurm("scancel", "--name=other")
        self.assert_nothing_left()

    def test_a_killed_driver_leaves_nothing_in_the_queue(self):
        self.slurm("sbatch", "-N4", "-n14", "--job-name=other", "--output=/dev/null", "--wrap=sleep 600")
        self.assertTrue(wait_for(lambda: any(line.endswith("RUNNING") for line in self.queue()), 60))
        process = self.start_elastic(most=6)
        self.assertTrue(wait_for(lambda: len(self.requests("RUNNING")) == 1 and len(self.requests("PENDING")) == 4, 90),
                        self.queue())
        self.millraces()
        send(self.driver(), KILL)
        self.assertNotEqual(self.finish(process)[0], 0)
        self.assertTrue(wait_for(lambda: self.requests("") == [], 60), self.queue())
        self.assertTrue(wait_for(lambda: not any(map(alive, self.seen)), 60), "executors outlive their driver")
        self.assertFalse((self.path / "out").exists())
        self.slurm("scancel", "--name=other")

    def test_a_driver_killed_in_a_step_by_hand_leaves_nothing_in_the_queue(self):
        """Without the batch script of submit: an executor that was granted takes the other requests back."""
        self.slurm("sbatch", "-N4", "-n14", "--job-name=other", "--output=/dev/null", "--wrap=sleep 600")
        self.assertTrue(wait_for(lambda: any(line.endswith("RUNNING") for line in self.queue()), 60))
        self.write_held_input()
        self.addCleanup(self.release_all)
        process = self.start_step(*self.held_words(reducers=0), "--max-executors=6", "--events=events",
                                  shape=("-N1", "-n1"))
        self.assertTrue(wait_for(lambda: len(self.requests("RUNNING")) == 1 and len(self.requests("PENDING")) == 4, 90),
                        self.queue())
        self.millraces()
        send(self.driver(), KILL)
        process.wait(60)
        self.assertTrue(wait_for(lambda: self.requests("") == [], 90), self.queue())
        self.assertTrue(wait_for(lambda: not any(map(alive, self.seen)), 60), "executors outlive their driver")
        self.slurm("scancel", "--name=other")

    def test_cancelled(self):
        process = self.start_elastic()
        self.wait_until_there(4)
        self.millraces()
        process.send_signal(INT)
        self.assertEqual(self.finish(process, 60)[0], 130)
        self.assertTrue(wait_for(lambda: self.queue() == [], 60), self.queue())
        self.assertTrue(wait_for(lambda: not any(map(alive, self.seen)), 60))
        self.assertFalse((self.path / "out").exists())

    def test_says_what_does_not_go_together(self):
        for words in (["--min=2", "wordcount"], ["--max=2", "-n2", "wordcount"], ["--min=3", "--max=2", "wordcount"],
                      ["--max=1", "-N2", "wordcount"], ["--max=0", "wordcount"]):
            self.assertEqual(self.run_process("submit", "--slurm", *words).returncode, 2, words)

    def test_the_script_of_a_dry_run(self):
        script = self.run_process("submit", "--slurm", "--min=2", "--max=8", "--time=30", "--dry-run", "wordcount", "x")
        text = script.stdout.decode()
        self.assertIn("#SBATCH --ntasks=2\n", text)
        self.assertIn("export MILLRACE_MAX_EXECUTORS=8\n", text)
        self.assertIn("export SBATCH_TIMELIMIT=30\n", text)


class ListTest(ElasticCase):
    def test_ps_logs_and_kill(self):
        process = self.start_elastic(most=2)
        self.wait_until_there(2)
        job = self.driver_job()
        row = re.search(rf"^slurm:{job} .*(\n    .*)*", self.run_process("ps").stdout.decode(), re.M)
        self.assertIsNotNone(row)
        self.assertRegex(row.group(0), r"RUNNING +1 node .* stream\n    executors added: 1 there, 0 waiting")
        logs = self.run_process("logs", f"slurm:{job}")
        self.assertEqual(logs.returncode, 0, logs.stderr)
        self.millraces()
        kill = self.run_process("kill", "--patience=60", f"slurm:{job}")
        self.assertEqual((kill.returncode, kill.stdout), (0, f"job {job} is cancelled\n".encode()), kill.stderr)
        self.assertEqual(self.finish(process, 60)[0], 1)
        self.assertTrue(wait_for(lambda: self.queue() == [], 60), self.queue())
        self.assertTrue(wait_for(lambda: not any(map(alive, self.seen)), 60))
        again = self.run_process("kill", f"slurm:{job}")
        self.assertEqual(again.returncode, 1)
        self.assertIn(b"Slurm has no job", again.stderr)

    def test_logs_follow_a_job_to_its_end(self):
        self.write_held_input()
        process = self.submit("-N2", "--detach", *self.held_words(reducers=1), "--progress=plain")
        job = self.finish(process)[1].decode().strip()
        follower = self.start("logs", "-f", f"slurm:{job}")
        self.release_all()
        status, out, err = self.finish(follower, 120)
        self.assertEqual(status, 0, err)
        self.assertRegex(out.decode(), rf"==> standard error: \S+-{job}\.err <==")

    def test_a_step_by_hand_is_listed(self):
        process, _ = self.start_held()
        self.assertTrue(wait_for(lambda: "millrace, as step" in self.run_process("ps").stdout.decode(), 60),
                        self.run_process("ps").stdout.decode())
        self.assert_goes_on(process)


class FollowTest(ElasticCase):
    def on_terminal(self, *words):
        """The command with a terminal as its standard input: the process, and the terminal's other end."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        process = subprocess.Popen([MILLRACE, *map(str, words)], stdin=slave, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, cwd=self.path, env=self.environment)
        os.close(slave)
        self.addCleanup(process.kill)
        self.addCleanup(self.slurm, "scancel", "--partition=main")
        self.addCleanup(self.release_all)
        return process, master

    def interrupt_and_answer(self, answer):
        self.write_held_input()
        process, terminal = self.on_terminal("submit", "--slurm", "-N2", "--cpus=1", *self.held_words(reducers=1))
        job = self.driver_job()
        process.send_signal(INT)
        time.sleep(0.5)
        os.write(terminal, answer)
        return process, job

    def test_ctrl_c_asks_and_detaches(self):
        process, job = self.interrupt_and_answer(b"d\n")
        status, _, err = self.finish(process, 60)
        self.assertEqual(status, 0, err)
        self.assertIn(f"Job {job}: (d)etach or (c)ancel? ".encode(), err)
        self.assertIn(b"detached from job", err)
        self.release_all()
        self.assertTrue(wait_for(lambda: (self.path / "out" / "_SUCCESS").exists(), 90))
        self.assert_sorted_lines_are_the_input()

    def test_ctrl_c_asks_and_cancels(self):
        process, job = self.interrupt_and_answer(b"c\n")
        status, _, err = self.finish(process, 60)
        self.assertEqual(status, 130, err)
        self.assertIn(f"job {job} is cancelled".encode(), err)
        self.assertTrue(wait_for(lambda: self.queue() == [], 60), self.queue())
        self.assertFalse((self.path / "out").exists())

    def test_progress_and_log_are_printed_as_they_grow(self):
        self.write_held_input()
        with open(self.path / "shown", "wb") as shown:
            process = subprocess.Popen([MILLRACE, "submit", "--slurm", "-N2", "--cpus=1",
                                        *map(str, self.held_words(reducers=1)), "--progress=plain"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=shown, cwd=self.path,
                                       env=self.environment)
        self.addCleanup(process.kill)
        self.addCleanup(self.release_all)
        text = lambda: (self.path / "shown").read_bytes()
        self.assertTrue(wait_for(lambda: b"RUNNING" in text(), 60), text())
        # A mapper that waits lets nothing end: what is printed meanwhile comes from the run itself.
        self.assertTrue(wait_for(lambda: re.search(rb"stage \d|tasks", text()), 60), text())
        self.assertIsNone(process.poll())
        self.release_all()
        self.assertEqual(process.wait(120), 0)
        process.communicate()

    def test_returns_the_jobs_exit_status(self):
        for status in (0, 3, 130):
            job = self.path / "job.sh"
            job.write_text(f"#!/bin/sh\necho said\nexit {status}\n")
            job.chmod(0o755)
            run = self.run_process("submit", "--slurm", "-N2", job)
            self.assertEqual(run.returncode, status, run.stderr)
            self.assertIn(b"said\n", run.stdout)


if __name__ == "__main__":
    run_tests()

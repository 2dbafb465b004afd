"""Kills drivers of runs with a journal while their executors run attempts, and starts the same command again: the next driver
takes the executors over with what they run, and nothing of it is run twice.

Usage: adopt_test.py MILLRACE [unittest arguments]; MILLRACE_TEST_SEED replays the choices.
"""
import os
import re
import subprocess
import time
import unittest

from adoption_peer import driver_that_knows_nothing, rejoin
from cluster_case import CLUSTER_JOBS, KILL, MILLRACE, STOP, ClusterCase, alive, all_children_of, send, wait_for

RUN_OVER = b"the run is over"
ATTEMPTS_OF_A_LIFE = 1 << 16


class AdoptTest(ClusterCase):
    def setUp(self):
        super().setUp()
        self.journal = self.path / "journal"
        self.lives = 0
        self.addCleanup(self.end_executors)

    def end_executors(self):
        """Where a test fails, what it has started does not stay."""
        self.let_go("one", "two", "three", "go")
        for pid in self.seen:
            send(pid, KILL)

    # Lives of a run. Each has files of its own for what it prints, and for its events.

    def begin(self, program, *words, workers=2):
        self.lives += 1
        out, err = (open(self.path / f"{name}-{self.lives}", "wb") for name in ("stdout", "stderr"))
        with out, err:
            process = subprocess.Popen([program, *map(str, words), f"--workers={workers}", "--journal=journal",
                                        f"--events=events-{self.lives}", f"--report=report-{self.lives}"],
                                       stdout=out, stderr=err, cwd=self.path, env=self.environment)
        self.addCleanup(process.kill)
        return process

    def printed(self, name="stderr"):
        return (self.path / f"{name}-{self.lives}").read_bytes()

    def wait_until_adopted(self, process, executors, attempts):
        words = f"adopted {executors} executors of an earlier driver, with {attempts} attempts".encode()
        wait_for(lambda: words in self.printed() or process.poll() is not None, 60)
        self.assertIn(words, self.printed())
        self.seen.update(all_children_of(process.pid))

    def end(self, process):
        process.wait(timeout=240)
        self.assertEqual(process.returncode, 0, self.printed())

    def kill(self, process):
        self.seen.update(all_children_of(process.pid))
        self.assertTrue(send(process.pid, KILL))
        process.wait()

    def rows(self, *kinds):
        return self.events(*kinds, log=f"events-{self.lives}")

    def launches(self, adopted):
        return [row for row in self.rows("task_launched") if row.get("adopted", False) == adopted]

    def assert_launched_once(self, count):
        """In this life, what was adopted, so many tasks, was neither launched again nor counted twice."""
        adopted = [(row["stage"], row["partition"]) for row in self.launches(True)]
        self.assertEqual(len(adopted), count)
        again = {(row["stage"], row["partition"]) for row in self.launches(False)} & set(adopted)
        self.assertEqual(again, set(), "what was adopted was launched again")
        firsts = [(row["stage"], row["partition"]) for row in self.rows("task_committed") if row["first"]]
        self.assertEqual(len(firsts), len(set(firsts)))
        self.assertLessEqual(set(adopted), set(firsts))

    def assert_over(self):
        self.assertFalse(self.journal.exists(), "the journal goes when the run has succeeded")
        self.assert_nothing_left()

    # A job whose tasks wait at lines of their input, and count what they see. They are long enough not to be sent ahead,
    # where one would wait behind another that waits.

    def held_job(self, *holds):
        self.write_held_text(3_000_000, *holds)
        self.quiet_lines = self.quiet(*holds)
        return ["count", "text", "out", "--split=300K", "--reducers=3", "--no-backups", "--threads=1", "--memory=64M"]

    def quiet(self, *holds):
        self.let_go(*holds)
        run = self.start_job("count", "text", "quiet", "--split=300K", "--reducers=3", "--threads=2")
        status, out, err = self.finish(run)
        self.assertEqual(status, 0, err)
        for name in holds:
            (self.path / name).unlink()
            for mark in self.path.glob(f"{name}.*"):
                mark.unlink()
        return out

    def begin_held(self, words, *holds, workers=2):
        """A life in which a task waits at each hold; the ids of the processes where they do."""
        process = self.begin(CLUSTER_JOBS, *words, workers=workers)
        return process, [self.held(name, process)[0] for name in holds]

    def begin_adopted(self, words):
        """A second life, whose two executors of the first one wait at "one" and "two"; their ids."""
        process, pids = self.begin_held(words, "one", "two")
        self.kill(process)
        process = self.begin(CLUSTER_JOBS, *words)
        self.wait_until_adopted(process, 2, 2)
        return process, pids

    def assert_counted_exactly(self):
        self.assertEqual(self.printed("stdout"), self.quiet_lines)
        self.assertEqual(self.parts("out"), self.parts("quiet"))
        self.assert_over()

    def assert_ran_once(self, hold):
        self.assertEqual(len(list(self.path.glob(f"{hold}.*"))), 1, f"the task at {hold} ran in several processes")

    # Tests.

    def test_attempts_that_run_are_adopted_and_run_once(self):
        self.write_text("text", 400_000)
        mapper = self.path / "mapper.sh"
        mapper.write_text(f"#!/bin/sh\necho here >> {self.path}/ran\n"
                          f"while [ ! -e {self.path}/go ]; do sleep 0.02; done\nexec tr ' ' '\\n'\n")
        mapper.chmod(0o755)
        words = ["stream", "-input", "text", "-mapper", mapper, "-reducer", "uniq -c", "-numReduceTasks", 2, "--split=50K",
                 "--no-backups", "--threads=1"]
        process = self.begin(MILLRACE, *words, "-output", "out")
        pids = self.executors(process, 2)
        self.assertTrue(wait_for(lambda: all(all_children_of(pid) for pid in pids)), "not every executor runs a mapper")
        wait_for(lambda: (self.path / "ran").read_text().count("here") == 2)
        self.kill(process)
        process = self.begin(MILLRACE, *words, "-output", "out")
        self.wait_until_adopted(process, 2, 2)
        self.assertEqual(all_children_of(process.pid), [], "the adopted are executors enough")
        self.let_go("go")
        self.end(process)
        self.assert_launched_once(2)
        tasks = {row["partition"] for row in self.rows("task_launched") if row["stage"] == 0}
        self.assertEqual((self.path / "ran").read_text().count("here"), len(tasks), "a mapper ran twice")
        self.assertEqual({row["executor"] for row in self.rows("executor_added")}, {0, 1})
        self.assertEqual({row["executor"] for row in self.launches(False)}, {0, 1}, "the adopted ran the rest")
        self.assertIn("adopted 2 attempts that an earlier driver", (self.path / f"report-{self.lives}").read_text())
        quiet = self.run_process(*words[:-1], "-output", "quiet")
        self.assertEqual(quiet.returncode, 0, quiet.stderr)
        self.assertEqual(self.parts("out"), self.parts("quiet"))
        self.assert_over()

    def test_what_is_counted_is_exact(self):
        words = self.held_job("one", "two")
        process, _ = self.begin_adopted(words)
        self.let_go("one", "two")
        self.end(process)
        self.assert_launched_once(2)
        self.assert_ran_once("one")
        self.assert_ran_once("two")
        self.assert_counted_exactly()

    def test_a_driver_that_is_killed_twice(self):
        words = self.held_job("one", "two")
        process, _ = self.begin_held(words, "one", "two")
        for _ in range(2):
            self.kill(process)
            process = self.begin(CLUSTER_JOBS, *words)
            self.wait_until_adopted(process, 2, 2)
        self.let_go("one", "two")
        self.end(process)
        self.assertEqual({row["attempt"] // ATTEMPTS_OF_A_LIFE for row in self.launches(True)}, {0}, "of the first life")
        self.assert_launched_once(2)
        self.assert_ran_once("one")
        self.assert_counted_exactly()

    def test_an_adopted_executor_is_killed(self):
        words = self.held_job("one", "two")
        process, pids = self.begin_adopted(words)
        send(pids[0], KILL)
        self.held("one", process, 2)  # another process runs the task again
        self.assertEqual(len(all_children_of(process.pid)), 1, "the lost one was replaced")
        self.seen.update(all_children_of(process.pid))
        self.let_go("one", "two")
        self.end(process)
        self.assert_ran_once("two")
        self.assertEqual(len(self.rows("executor_lost")), 1)
        self.assert_counted_exactly()

    def test_an_adopted_executor_that_is_silent_is_killed_and_replaced(self):
        words = [*self.held_job("one", "two"), "--executor-timeout=5"]
        process, pids = self.begin_adopted(words)
        send(pids[0], STOP)
        self.held("one", process, 2)
        self.assertTrue(wait_for(lambda: not alive(pids[0]), 60), "the driver did not end it")
        self.seen.update(all_children_of(process.pid))
        self.let_go("one", "two")
        self.end(process)
        self.assert_counted_exactly()

    def test_one_that_does_not_come_is_not_waited_for_long(self):
        words = [*self.held_job("one", "two"), "--executor-timeout=3"]
        process, pids = self.begin_held(words, "one", "two")
        self.kill(process)
        send(pids[0], STOP)
        process = self.begin(CLUSTER_JOBS, *words)
        self.wait_until_adopted(process, 1, 1)
        self.held("one", process, 2)
        send(pids[0], 18)  # SIGCONT: it is too late, and turned away
        self.assertTrue(wait_for(lambda: not alive(pids[0]), 60), "it was turned away and goes on")
        self.seen.update(all_children_of(process.pid))
        self.let_go("one", "two")
        self.end(process)
        self.assert_ran_once("two")
        self.assert_counted_exactly()

    def test_some_ended_when_there_was_no_driver(self):
        """The other keeps its process, which tells of both."""
        words = [word for word in self.held_job("one", "two") if word != "--threads=1"] + ["--threads=2"]
        process, pids = self.begin_held(words, "one", "two", workers=1)
        self.assertEqual(pids[0], pids[1])
        self.kill(process)
        self.let_go("one")
        self.assertTrue(wait_for(lambda: list((self.journal / "attempts").glob("*.end"))), "it leaves no word")
        process = self.begin(CLUSTER_JOBS, *words, workers=1)
        self.wait_until_adopted(process, 1, 2)
        self.let_go("two")
        self.end(process)
        self.assert_ran_once("one")
        self.assert_ran_once("two")
        ran = [(row["stage"], row["partition"]) for row in self.launches(False)]
        self.assertEqual(len(ran), len(set(ran)))
        self.assert_counted_exactly()

    def test_fewer_executors_are_asked_for(self):
        words = self.held_job("one", "two", "three")
        process, _ = self.begin_held(words, "one", "two", "three", workers=3)
        self.kill(process)
        process = self.begin(CLUSTER_JOBS, *words, workers=1)
        self.wait_until_adopted(process, 3, 3)
        self.assertTrue(wait_for(lambda: sum(map(alive, self.seen)) == 3))
        self.let_go("one", "two", "three")
        self.end(process)
        self.assert_launched_once(3)
        self.assertEqual(len({row["executor"] for row in self.launches(False)}), 1, "one has been asked for")
        self.assertEqual(len(self.rows("executor_draining")), 2)
        self.assert_counted_exactly()

    def test_more_executors_are_asked_for(self):
        words = self.held_job("one", "two")
        process, _ = self.begin_held(words, "one", "two")
        self.kill(process)
        process = self.begin(CLUSTER_JOBS, *words, workers=3)
        self.wait_until_adopted(process, 2, 2)
        self.assertEqual(len(self.executors(process, 1)), 1)
        self.let_go("one", "two")
        self.end(process)
        self.assert_launched_once(2)
        self.assertEqual({row["executor"] for row in self.rows("executor_added")}, {0, 1, 2})
        self.assert_counted_exactly()

    def test_other_memory_is_asked_for(self):
        words = self.held_job("one", "two")
        process, pids = self.begin_held(words, "one", "two")
        self.kill(process)
        process = self.begin(CLUSTER_JOBS, *words[:-1], "--memory=80M")
        self.wait_until_adopted(process, 2, 2)
        self.assertEqual(len(self.executors(process, 2)), 2)
        self.let_go("one", "two")
        self.assertTrue(wait_for(lambda: not any(map(alive, pids)), 60), "they have the memory of the last life")
        self.end(process)
        self.assert_launched_once(2)
        self.assert_counted_exactly()

    def test_a_run_without_a_second_life_leaves_no_process_behind(self):
        words = self.held_job("one", "two")
        process, pids = self.begin_held(words, "one", "two")
        self.kill(process)
        begin = time.monotonic()
        self.assertTrue(wait_for(lambda: not any(map(alive, pids)), 100), "they wait for a driver for ever")
        self.assertGreater(time.monotonic() - begin, 50, "they do not wait for a driver")
        process = self.begin(CLUSTER_JOBS, *words)
        self.let_go("one", "two")
        self.end(process)
        self.assertEqual(self.launches(True), [])
        self.assert_counted_exactly()

    def test_a_stage_that_is_another_one_now(self):
        self.write("version", b"1\n")
        words = ["versions", "text", "--split=60K", "--threads=1", "--memory=64M"]
        self.write_held_text(300_000, "one")
        process, _ = self.begin_held(words, "one", workers=1)
        self.kill(process)
        self.write("version", b"2\n")
        process = self.begin(CLUSTER_JOBS, *words, workers=2)
        self.wait_until_adopted(process, 1, 1)
        self.held("one", process, 2)
        self.let_go("one")
        self.end(process)
        self.assertEqual(self.launches(True), [])
        killed = [row["attempt"] for row in self.rows("task_killed") if row["attempt"] < ATTEMPTS_OF_A_LIFE]
        self.assertEqual(len(killed), 1)
        lines = len((self.path / "text").read_bytes().splitlines())
        self.assertEqual(self.printed("stdout"), b"sum %d\n" % (2 * lines))
        self.assert_over()

    # Who may take part.

    def test_who_does_not_know_the_secret_adopts_nobody(self):
        words = self.held_job("one", "two")
        process, pids = self.begin_held(words, "one", "two")
        self.kill(process)
        with driver_that_knows_nothing() as stranger:
            (self.journal / "driver").write_text(f"7 plain 127.0.0.1 {stranger.port} .\n")
            self.assertTrue(wait_for(lambda: stranger.callers >= 2), "nobody looks for a driver")
            self.assertEqual(stranger.said_after_proof, b"", "an executor spoke to a stranger")
        self.assertTrue(all(map(alive, pids)))
        process = self.begin(CLUSTER_JOBS, *words)
        self.wait_until_adopted(process, 2, 2)
        self.let_go("one", "two")
        self.end(process)
        self.assert_launched_once(2)
        self.assert_counted_exactly()

    def test_strangers_are_not_adopted(self):
        words = self.held_job("one", "two")
        process, _ = self.begin_held(words, "one", "two")
        self.assertEqual((self.journal / "secret").stat().st_mode & 0o777, 0o600)
        secret = (self.journal / "secret").read_bytes()
        _, _, host, port, _ = (self.journal / "driver").read_text().split()
        address = (host, int(port))
        build = self.build_id()
        self.assertIsNone(rejoin(address, os.urandom(32), build), "it was heard without the secret")
        self.assertIn(b"another build", rejoin(address, secret, build[::-1]))
        self.assertIn(RUN_OVER, rejoin(address, secret, build), "one that no earlier driver has left was taken")
        self.let_go("one", "two")
        self.end(process)
        self.assert_counted_exactly()

    def build_id(self):
        notes = subprocess.run(["readelf", "-n", CLUSTER_JOBS], stdout=subprocess.PIPE, check=True).stdout.decode()
        return re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)

    def test_a_secret_that_others_may_know_is_refused(self):
        words = self.held_job("one", "two")
        process, _ = self.begin_held(words, "one", "two")
        self.kill(process)
        secret = self.journal / "secret"
        secret.chmod(0o640)
        process = self.begin(CLUSTER_JOBS, *words)
        self.assertEqual(process.wait(timeout=60), 2)
        self.assertIn(b"is not for its owner alone", self.printed())
        secret.chmod(0o600)
        process = self.begin(CLUSTER_JOBS, *words)
        self.wait_until_adopted(process, 2, 2)
        self.let_go("one", "two")
        self.end(process)
        self.assert_counted_exactly()

    def test_encrypted(self):
        words = [*self.held_job("one", "two"), "--tls"]
        process, _ = self.begin_adopted(words)
        self.let_go("one", "two")
        self.end(process)
        self.assert_launched_once(2)
        self.assert_counted_exactly()


if __name__ == "__main__":
    unittest.main()

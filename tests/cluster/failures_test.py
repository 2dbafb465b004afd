"""What runs in several processes survive, each thing done to them for real.  Usage: failures_test.py MILLRACE [...]"""
import re
import threading
import time
import unittest

from cluster_case import CONT, INT, KILL, MILLRACE, STOP, ClusterCase, alive, send, wait_for

__all__ = ["MILLRACE"]


class FailuresTest(ClusterCase):
    def quiet(self, *options):
        """What the counting job gives when nothing happens to it: its output, and what it printed."""
        self.let_go("one", "two")
        status, out, err = self.run_job("count", "text", "quiet", *options)
        self.assertEqual(status, 0, err)
        for name in ("one", "two"):
            (self.path / name).unlink()
            for path in self.path.glob(name + ".*"):
                path.unlink()
        return self.parts("quiet"), out

    def start_count(self, *options):
        return self.start_job("count", "text", "out", "--reducers=4", "--split=200K", "--events=events", "--threads=1", *options)

    def assert_as_quiet(self, process, quiet):
        """The same bytes, the same counters, nothing left, and a log that a report can be made of."""
        status, out, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assertEqual(self.parts("out"), quiet[0])
        self.assertEqual(out, quiet[1])
        self.assert_nothing_left()
        return self.report()

    def test_executors_are_killed_again_and_again(self):
        self.write_held_text(6_000_000, "one")
        quiet = self.quiet("--reducers=4")
        process = self.start_count("--workers=3")
        self.held("one", process)
        kills = 0
        for _ in range(6):
            time.sleep(self.random.uniform(0.0, 0.25))
            pids = self.executors(process, 1)
            kills += sum(send(pid, KILL) for pid in self.random.sample(pids, self.random.choice([1, 1, min(2, len(pids))])))
        self.assertGreaterEqual(kills, 6)
        self.let_go("one")
        report = self.assert_as_quiet(process, quiet)
        self.assertIn("was lost", report)
        self.assertTrue(self.events("executor_lost"))

    def test_all_executors_are_killed_at_once(self):
        self.write_held_text(6_000_000, "one", "two")
        quiet = self.quiet("--reducers=4")
        process = self.start_count("--workers=3")
        self.held("one", process)
        victims = self.executors(process, 3)
        for pid in victims:
            send(pid, KILL)
        self.let_go("one", "two")
        report = self.assert_as_quiet(process, quiet)
        self.assertEqual(len(self.events("executor_lost")), 3)
        self.assertEqual(len(re.findall("was lost: ", report)), 3)

    def test_a_sleeper_is_given_up_and_its_late_word_refused(self):
        self.write_held_text(4_000_000, "one")
        quiet = self.quiet("--reducers=4")
        process = self.start_count("--workers=2", "--executor-timeout=3", "--no-backups")
        victim = self.held("one", process)[0]
        self.executors(process, 2)
        send(victim, STOP)
        self.held("one", process, 2)  # it was given up, and its task has begun elsewhere
        self.let_go("one")
        send(victim, CONT)  # it was sent a kill meanwhile; those that cannot be are in tests/slurm
        report = self.assert_as_quiet(process, quiet)
        lost = self.events("executor_lost")
        self.assertIn("sign of life", lost[0]["reason"])
        self.assertIn(lost[0]["reason"], report)
        self.assert_nothing_counts_of(lost[0]["executor"])

    def test_the_driver_is_killed(self):
        self.write_held_text(1_000_000, "one")
        process = self.start_count("--workers=2", "--executor-timeout=3")
        self.held("one", process)
        pids = self.executors(process, 2)
        process.kill()
        process.communicate()
        self.let_go("one")
        self.assertTrue(wait_for(lambda: not any(alive(pid) for pid in pids)), "executors outlive their driver")
        self.assertFalse((self.path / "out").exists())

    def test_ctrl_c(self):
        self.write_held_text(1_000_000, "one")
        process = self.start_count("--workers=2")
        self.held("one", process)
        self.executors(process, 2)
        process.send_signal(INT)
        status, out, err = self.finish(process)
        self.assertEqual((status, out), (130, b""), err)
        self.assertFalse((self.path / "out").exists())
        self.assert_nothing_left()

    def test_ctrl_c_while_no_job_runs(self):
        process = self.start_job("idle", "--workers=2")
        self.executors(process, 2)
        if self.random.random() < 0.5:  # else somewhere on the way to where its executors have joined
            self.assertEqual(process.stdout.readline(), b"ready\n")
        process.send_signal(INT)
        self.assertEqual(self.finish(process)[0], 130)
        self.assert_nothing_left()

    def test_a_function_that_crashes_its_process_fails_its_job_alone(self):
        lines = [b"line %d" % i for i in range(20000)]
        lines[7777] = b"poison"
        lines[15000] = b"hold " + str(self.path / "one").encode()
        text = b"\n".join(lines) + b"\n"
        self.write("text", text)
        # Tasks of both jobs, in executors that run one at a time: the crash must not be blamed on a task that waits.
        process = self.start_job("crash", "text", "--workers=3", "--threads=1", "--split=20K", "--fair", "--events=events")
        self.held("one", process)
        self.let_go("one")
        status, out, err = self.finish(process)
        self.assertEqual(status, 0, err)
        line, count = out.decode().splitlines()
        self.assertIn("signal 11", line)
        self.assertIn("map (cluster_jobs.cc:", line)
        begin, end = map(int, re.search(r"text, bytes (\d+)-(\d+)", line).groups())
        self.assertLessEqual(begin, text.index(b"poison"))
        self.assertLess(text.index(b"poison"), end)
        self.assertEqual(int(count), len(lines))
        self.assertIn("signal 11", self.report())
        self.assert_nothing_left()

    def test_a_slow_machine_gets_backups(self):
        # Lines that cost processor time, so that a process that is stopped most of the time takes several times as long.
        self.write("text", b"".join(b"burn %d\n" % i for i in range(1000)))
        status, expected, err = self.run_job("burn", "text", "--split=1200")
        self.assertEqual(status, 0, err)
        for _ in range(5):  # on a busy machine all are slow, and none slower
            process = self.start_job("burn", "text", "--split=1200", "--workers=3", "--threads=1", "--events=events")
            victim = self.executors(process, 3)[0]
            slow = threading.Thread(target=self.slow_down, args=(process, victim))
            slow.start()
            status, out, err = self.finish(process)
            slow.join()
            self.assertEqual((status, out), (0, expected), err)
            self.assert_nothing_left()
            if any(row.get("backup") for row in self.events("task_launched")):
                break
        self.assertTrue([row for row in self.events("task_launched") if row.get("backup")])
        self.assertIn("backups of slow tasks", self.report())

    def slow_down(self, process, victim):
        """Four fifths of the time it is stopped."""
        while process.poll() is None and alive(victim):
            send(victim, STOP)
            time.sleep(0.16)
            send(victim, CONT)
            time.sleep(0.04)
        send(victim, CONT)

    def test_results_beyond_their_limit(self):
        self.write_text("text", 3_000_000)
        for split in ("100K", "3M"):
            status, out, err = self.run_job("collect", "text", "--workers=2", "--result-limit=200K", f"--split={split}")
            self.assertEqual((status, out), (1, b""), err)
            self.assertRegex(err.decode(), r"collect \(cluster_jobs.cc:\d+\): the results exceed --result-limit, 204800 bytes")
            self.assert_nothing_left()
        status, out, err = self.run_job("collect", "text", "--workers=2", "--split=100K")
        self.assertEqual((status, int(out)), (0, len((self.path / "text").read_bytes().splitlines())), err)

    def test_executors_that_cannot_start_are_said_so(self):
        self.write("text", b"a b\n")
        self.environment["CLUSTER_JOBS_REFUSE"] = "7"
        status, _, err = self.run_job("collect", "text", "--workers=1")
        self.assertEqual(status, 1, err)
        self.assertIn(b"ended with status 7", err)


if __name__ == "__main__":
    unittest.main()

"""Cached datasets of runs in several processes: what is lost with a process, and what others take from it.

Usage: caches_test.py MILLRACE [unittest arguments]
"""
import re
import unittest

from cluster_case import KILL, MILLRACE, ClusterCase, flip_bits_in_files_of, send, wait_for

__all__ = ["MILLRACE"]


class CachesTest(ClusterCase):
    def start_passes(self, passes, *options):
        """Numbered lines of one length, so that the sums are known: 64 partitions of 1000."""
        self.lines = 64000
        self.write("text", b"".join(b"%09d\n" % i for i in range(self.lines)))
        return self.start_job("passes", "text", passes, "--workers=3", "--threads=1", "--split=10000", "--events=events", *options)

    def read_pass(self, process, number):
        """How many lines have been parsed until the pass was over, whose sum is right."""
        line = process.stdout.readline().decode()
        match = re.fullmatch(r"pass (\d+) sum (\d+) parsed (\d+)\n", line)
        self.assertIsNotNone(match, line or process.stderr.read())
        self.assertEqual((int(match[1]), int(match[2])), (number, self.lines * (9 + number)))
        return int(match[3])

    def test_a_pass_after_a_kill_computes_what_was_lost_and_no_more(self):
        process = self.start_passes(4)
        self.assertEqual(self.read_pass(process, 0), self.lines)
        self.executors(process, 3)
        victim = self.held("here", process)[0]  # one that has something to lose
        self.let_go("pass-0")
        self.assertEqual(self.read_pass(process, 1), self.lines, "a quiet pass computes nothing")
        send(victim, KILL)
        self.assertTrue(wait_for(lambda: victim not in self.executors(process, 3)), "it was not replaced")
        self.let_go("pass-1")
        again = self.read_pass(process, 2) - self.lines
        self.let_go("pass-2")
        self.assertEqual(self.read_pass(process, 3), self.lines + again, "what was computed again is kept again")
        self.let_go("pass-3")
        self.assertEqual(self.finish(process)[0], 0)
        # What it had: the tasks of the first pass that counted, less those that others have taken from it since.
        lost = self.events("executor_lost")[0]["executor"]
        first_pass = [row for row in self.events("task_committed") if row["job"] == 0 and row["executor"] == lost]
        self.assertGreater(len(first_pass), 0)
        self.assertEqual(again % 1000, 0)
        self.assertLessEqual(again, 1000 * len(first_pass))
        self.assertIn("was lost", self.report())
        self.assert_nothing_left()

    def test_a_kill_in_the_middle_of_every_pass(self):
        process = self.start_passes(5)
        for number in range(5):
            self.read_pass(process, number)
            if number < 4:
                self.let_go(f"pass-{number}")
                send(self.random.choice(self.executors(process, 1)), KILL)
        self.let_go("pass-4")
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assert_nothing_left()

    def elsewhere(self, level, before_second_pass=lambda slow: None):
        """Tasks are kept from the process that has their partitions: (partitions read elsewhere, computed again)."""
        process = self.start_job("elsewhere", level, "--workers=2", "--threads=1", "--no-backups", "--events=events")
        self.executors(process, 2)
        match = re.fullmatch(r"computed 8000 by (\d+) processes, slow (\d+)\n", process.stdout.readline().decode())
        self.assertIsNotNone(match, process.stderr)
        if match[1] != "2":  # one process was so late that the other had it all
            self.let_go("go")
            self.finish(process)
            (self.path / "go").unlink()
            return None
        before_second_pass(int(match[2]))
        self.let_go("go")
        status, out, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assert_nothing_left()
        fetched, total, computed = map(int, re.fullmatch(rb"fetched (\d+) sum (\d+) computed (\d+)\n", out).groups())
        self.assertEqual(total, sum(range(8000)))
        (self.path / "go").unlink()
        return fetched, computed - 8000

    def until_shared(self, *arguments):
        for _ in range(10):
            result = self.elsewhere(*arguments)
            if result is not None and result != (0, 0):
                return result
        self.fail("in ten runs no task ever ran away from its partition")
        return None

    def test_a_task_that_runs_elsewhere_takes_the_partition_from_who_has_it(self):
        for level in ("memory", "disk"):
            fetched, computed = self.until_shared(level)
            self.assertGreater(fetched, 0, level)
            self.assertEqual(fetched % 1000, 0)
            self.assertEqual(computed, 0, level)

    def test_a_partition_that_is_broken_is_computed_again(self):
        flipped = []

        def corrupt(slow):
            flipped.append(flip_bits_in_files_of(slow))

        fetched, computed = self.until_shared("disk", corrupt)
        self.assertGreater(sum(flipped), 0, "nothing was there to break")
        self.assertEqual(fetched, 0)
        self.assertGreater(computed, 0)
        self.assertEqual(computed % 1000, 0)


if __name__ == "__main__":
    unittest.main()

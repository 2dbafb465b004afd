"""Runs whose number of executor processes follows the work.  Usage: elastic_test.py MILLRACE [...]"""
import time
import unittest

from cluster_case import KILL, ClusterCase, alive, all_children_of, send, wait_for
from held_run import HeldRuns


class ElasticTest(HeldRuns, ClusterCase):
    def setUp(self):
        super().setUp()
        self.isolate_list()

    def start_elastic(self, *, reducers, most=4, idle=1, more=()):
        self.write_held_input()
        process = self.start(*self.held_words(reducers=reducers), f"--max-executors={most}", f"--executor-idle={idle}",
                             "--events=events", *more)
        self.addCleanup(self.release_all)
        return process

    def note_executors(self, process):
        self.seen.update(all_children_of(process.pid))

    def test_grows_while_tasks_wait_and_gives_back_what_is_idle_in_a_long_tail(self):
        process = self.start_elastic(reducers=0)
        self.wait_until_there(4)
        self.note_executors(process)
        self.assertGreaterEqual(len(self.seen), 4)
        self.go()
        # The first is never given back; the tail's task may go on there, or on one of those that came.
        self.wait_until_at_most(2)
        self.assertIsNone(process.poll())
        self.finish_tail()
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assert_sorted_lines_are_the_input()
        asked = self.events("executors_asked")
        self.assertEqual([record["count"] for record in asked], [1, 2])  # 1, 2, and no more than allowed
        for record in asked:
            self.assertRegex(record["reason"], r"tasks have waited for a slot for \d+\.\d s")
        draining = self.events("executor_draining")
        self.assertTrue(draining)
        for record in draining:
            self.assertIn("nothing to do", record["reason"])
        self.assertFalse({record["executor"] for record in draining} & {0}, "one that the run began with was given back")
        self.assertEqual(self.events("task_failed"), [])
        report = self.run_process("report", "events").stdout.decode()
        self.assertIn("Executors were added while tasks waited: 3 asked for", report)
        self.assertNotIn("was lost", report)
        self.assert_nothing_left()

    def test_the_tail_may_run_on_an_added_executor(self):
        """Whichever has the last task: the first is never given back, one that runs something neither."""
        process = self.start_elastic(reducers=0, most=2)
        self.wait_until_there(2)
        self.go()
        self.wait_until_left(1)
        time.sleep(3)  # longer than the idle time
        self.finish_tail()
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assertEqual(self.events("task_failed"), [])
        self.assertFalse([record for record in self.events("executor_lost") if "given back" not in record["reason"]])
        self.assert_sorted_lines_are_the_input()
        self.assert_nothing_left()

    def test_what_holds_map_outputs_that_are_read_stays(self):
        process = self.start_elastic(reducers=1)
        self.wait_until_there(4)
        self.go()
        self.finish_tail()
        self.wait_until_left(1)
        time.sleep(4)  # four times the idle time
        self.assertEqual(self.state()[2], 4, "an executor was given back with outputs that a running job reads")
        self.reduce()
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assert_sorted_lines_are_the_input()
        self.assertEqual(self.events("task_failed"), [])
        self.assert_nothing_left()

    def test_the_bytes_are_those_of_a_fixed_run(self):
        self.write_text("words", 2_000_000)
        quiet = self.run_process("wordcount", "words", "-o", "quiet", "--reducers=3")
        self.assertEqual(quiet.returncode, 0, quiet.stderr)
        grown = self.run_process("wordcount", "words", "-o", "grown", "--reducers=3", "--max-executors=3", "--split=50K",
                                 "--threads=1", "--executor-idle=1")
        self.assertEqual(grown.returncode, 0, grown.stderr)
        self.assertEqual(self.parts("grown"), self.parts("quiet"))
        self.assert_nothing_left()

    def test_an_added_executor_that_dies_is_asked_for_again(self):
        process = self.start_elastic(reducers=0)
        self.wait_until_there(4)
        self.note_executors(process)
        victims = self.random.sample(sorted(self.seen), 2)
        for victim in victims:
            send(victim, KILL)
        again = wait_for(lambda: len(set(all_children_of(process.pid)) - set(victims)) >= 4, 60)
        self.assertTrue(again, "no executors came for those that died")
        self.wait_until_there(4)
        self.note_executors(process)
        self.release_all()
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assert_sorted_lines_are_the_input()
        self.assert_nothing_left()

    def test_executors_end_when_the_driver_is_killed(self):
        process = self.start_elastic(reducers=0)
        self.wait_until_there(4)
        self.note_executors(process)
        send(process.pid, KILL)
        self.finish(process)
        self.assertTrue(wait_for(lambda: not any(map(alive, self.seen)), 30), "executors outlive their driver")

    def test_limits_that_do_not_go_together(self):
        for words in (["--threads=0", "--max-executors=2"], ["--max-executors=x"], ["--executor-idle=0"]):
            run = self.run_process("wordcount", "text", *words)
            self.assertEqual(run.returncode, 2, run.stderr)


if __name__ == "__main__":
    unittest.main()

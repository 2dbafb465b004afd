"""Sorts in several processes of one machine, which send each other references to the input that all of them have mapped.

Usage: references_test.py MILLRACE [unittest arguments]
"""
import os
import unittest

from cluster_case import KILL, MILLRACE, ClusterCase, send

__all__ = ["MILLRACE"]

REFERENCE = 16  # bytes


class ReferencesTest(ClusterCase):
    OPTIONS = ["--workers=3", "--threads=1", "--split=300K", "--reducers=4", "--events=events"]

    def sorted_lines(self):
        return b"".join(line + b"\n" for line in sorted((self.path / "text").read_bytes().splitlines()))

    def assert_sorted(self):
        self.assertEqual(b"".join(self.parts("out").values()), self.sorted_lines())

    def written(self):
        """Bytes that the map tasks of the sort wrote for the readers of their shuffle."""
        stages = {stage["stage"] for job in self.events("job_submitted") for stage in job["stages"] if "> sort" in stage["name"]}
        ends = {(row["stage"], row["partition"]): row["metrics"] for row in self.events("task_succeeded") if row["stage"] in stages}
        return sum(metrics.get("shuffle_bytes_written", 0) for metrics in ends.values())

    def test_references_take_the_place_of_lines(self):
        self.write_text("text", 4_000_000)
        lines = len((self.path / "text").read_bytes().splitlines())
        run = self.run_process("sort", "text", "-o", "out", *self.OPTIONS)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assert_sorted()
        self.assertEqual(self.written(), REFERENCE * lines)
        self.assert_nothing_left()

    def test_inputs_that_are_large_beside_the_memory_are_read(self):
        self.write_text("text", 4_000_000)
        run = self.run_process("sort", "text", "-o", "out", *self.OPTIONS, "--memory=8M")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assert_sorted()
        self.assertGreater(self.written(), 4_000_000)

    def test_executors_are_killed(self):
        self.write_held_text(3_000_000, "one", "two")
        process = self.start_job("order", "text", "out", *self.OPTIONS)
        victims = set(self.held("one", process)) | set(self.held("two", process))
        for pid in victims:
            send(pid, KILL)
        self.let_go("one", "two")
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assertGreaterEqual(len(self.events("executor_lost")), len(victims))
        self.assert_sorted()
        self.assert_nothing_left()

    def test_a_file_that_is_cut_meanwhile_fails_the_job(self):
        self.write_held_text(3_000_000, "one")
        process = self.start_job("order", "text", "out", *self.OPTIONS, "--reducers=1")  # no sample is read before
        self.held("one", process)
        os.truncate(self.path / "text", 100)
        self.let_go("one")
        status, _, err = self.finish(process)
        self.assertEqual(status, 1, err)
        self.assertRegex(err.decode(), "^cannot read text.*: it was (cut|changed) while it was read.*; it had 3[0-9]* bytes")
        self.assertFalse((self.path / "out").exists())
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()

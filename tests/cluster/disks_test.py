"""Disks of executors: one that is full, and files whose bits flip while a run goes on.

Usage: disks_test.py MILLRACE [unittest arguments]
"""
import subprocess
import sys
import unittest

from cluster_case import MILLRACE, ClusterCase, flip_bits_in_files_of

__all__ = ["MILLRACE"]


class DisksTest(ClusterCase):
    def quiet(self):
        self.let_go("one")
        status, out, err = self.run_job("count", "text", "quiet", "--reducers=4")
        self.assertEqual(status, 0, err)
        (self.path / "one").unlink()
        for path in self.path.glob("one.*"):
            path.unlink()
        return self.parts("quiet"), out

    def write_distinct_words(self, size):
        """So many that what is shuffled exceeds the smallest budget by far."""
        lines = [b" ".join(b"%x" % self.random.randrange(1 << 60) for _ in range(10)) + b"\n" for _ in range(size // 160)]
        lines.append(f"hold {self.path / 'one'}\n".encode())
        self.write("text", b"".join(lines))

    def small_disk(self):
        can = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.tmp],
                             stderr=subprocess.DEVNULL, check=False)
        if can.returncode != 0:
            print(f"SKIPPED: {self.id()}: only root can mount the tmpfs that it needs", file=sys.stderr, flush=True)
            self.skipTest("no tmpfs can be mounted here")
        self.environment["CLUSTER_JOBS_SMALL_DISK"] = str(self.tmp)

    def test_the_disk_of_one_executor_is_full(self):
        self.small_disk()
        self.write_distinct_words(6_000_000)
        quiet = self.quiet()
        self.let_go("one")
        process = self.start_job("count", "text", "out", "--reducers=4", "--workers=3", "--threads=1", "--memory=1M",
                                 "--split=500K", "--events=events")
        self.executors(process, 3)
        status, out, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assertEqual(self.parts("out"), quiet[0])
        self.assertEqual(out, quiet[1])
        self.assertIn("out_of_disk", self.report())
        self.assert_nothing_left()

    def test_the_disk_of_the_only_executor_is_full(self):
        self.small_disk()
        self.write_distinct_words(6_000_000)
        self.let_go("one")
        process = self.start_job("count", "text", "out", "--reducers=4", "--workers=1", "--threads=1", "--memory=1M",
                                 "--split=500K")
        status, out, err = self.finish(process)
        self.assertEqual((status, out), (1, b""))
        self.assertRegex(err.decode(), str(self.tmp) + "/.*[Nn]o space left")
        self.assertFalse((self.path / "out").exists())
        self.assert_nothing_left()

    def test_bits_flip_in_the_files_of_executors(self):
        self.write_distinct_words(6_000_000)
        quiet = self.quiet()
        process = self.start_job("count", "text", "out", "--reducers=4", "--workers=2", "--threads=1", "--memory=1M",
                                 "--split=500K", "--events=events")
        # The last task waits while the outputs of all others lie in files.
        self.held("one", process)
        flips = sum(flip_bits_in_files_of(pid) for pid in self.executors(process, 2))
        self.assertGreater(flips, 0, "no file was there to break")
        self.let_go("one")
        status, out, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assertEqual(self.parts("out"), quiet[0])
        self.assertEqual(out, quiet[1])
        failed = [row for row in self.events("task_failed") if row["cause"] == "lost_input"]
        self.assertTrue(failed)
        self.assertIn("checksum", " ".join(row["message"] for row in failed))
        self.assertTrue([row for row in self.events("task_committed") if not row["first"]], "nothing was made again")
        self.assertIn("lost_input", self.report())
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()

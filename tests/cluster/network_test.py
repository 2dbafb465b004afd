"""Runs whose driver and executors are on machines of their own, in network namespaces, and what the network does to them.

Usage: network_test.py MILLRACE [unittest arguments]. Ends with status 77 where there can be no such network."""
import subprocess
import sys
import unittest

from cluster_case import CLUSTER_JOBS, MILLRACE, SEED, ClusterCase, wait_for
from faulty_network import CannotMake, FaultyNetwork

__all__ = ["MILLRACE"]
SKIPPED = 77


class NetworkTest(ClusterCase):
    def setUp(self):
        super().setUp()
        self.network = FaultyNetwork(3, SEED)
        self.addCleanup(self.network.close)
        self.write_held_text(3_000_000, "one")
        self.let_go("one")
        status, self.printed, err = self.run_job("count", "text", "quiet", "--reducers=4")
        self.assertEqual(status, 0, err)
        for path in [self.path / "one", *self.path.glob("one.*")]:
            path.unlink()

    def start_count(self, *options):
        """The driver is machine 1, its two executors are 2 and 3."""
        self.environment["CLUSTER_JOBS_NETWORKS"] = "/run/netns/" + self.network.namespace("")
        self.environment["MILLRACE_LISTEN"] = self.network.address(1)
        process = subprocess.Popen(
            ["nsenter", "--net=/run/netns/" + self.network.namespace(1), CLUSTER_JOBS, "count", "text", "out", "--reducers=4",
             "--split=200K", "--threads=1", "--workers=2", "--events=events", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.path, env=self.environment)
        self.addCleanup(process.kill)
        return process

    def assert_as_quiet(self, process):
        status, out, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assertEqual(self.parts("out"), self.parts("quiet"))
        self.assertEqual(out, self.printed)
        self.assert_nothing_left()

    def test_driver_and_executor_are_cut_off_from_each_other(self):
        process = self.start_count("--executor-timeout=3", "--no-backups")
        pid = self.held("one", process)[0]
        self.network.cut(1, self.network.machine_of(pid))
        self.held("one", process, 2)  # given up, and its task has begun elsewhere
        self.let_go("one")
        self.assert_as_quiet(process)
        lost = self.events("executor_lost")
        self.assertTrue(any("sign of life" in row["reason"] for row in lost), lost)
        self.assertIn("was lost", self.report())

    def test_a_cut_that_heals_in_time_costs_nothing_but_time(self):
        process = self.start_count("--executor-timeout=30")
        pid = self.held("one", process)[0]
        passed = self.network.passed
        self.network.cut(1, self.network.machine_of(pid))
        self.let_go("one")
        self.assertTrue(wait_for(lambda: self.network.lost > 5 and self.network.passed >= passed))
        self.network.heal()
        self.assert_as_quiet(process)
        self.assertEqual(self.events("executor_lost"), [])

    def test_two_executors_are_cut_off_from_each_other(self):
        process = self.start_count("--executor-timeout=2")
        self.held("one", process)
        self.network.cut(2, 3)  # both hear the driver, and the driver hears both
        self.let_go("one")
        self.assertTrue(wait_for(lambda: self.network.lost > 0 or process.poll() is not None, 120))
        self.assertTrue(wait_for(lambda: len(self.outputs_lost()) > 0 or process.poll() is not None, 120))
        self.network.heal()
        self.assert_as_quiet(process)
        self.assertGreater(self.network.lost, 0, "neither asked the other for anything")

    def outputs_lost(self):
        return [True] if self.network.lost > 20 else []

    def test_a_network_that_loses_and_delays(self):
        self.network.trouble(loss=0.05, delay=0.2)
        process = self.start_count("--executor-timeout=30")
        self.let_go("one")
        self.assert_as_quiet(process)
        self.assertGreater(self.network.lost, 0)
        self.assertEqual(self.events("executor_lost"), [])


if __name__ == "__main__":
    try:
        FaultyNetwork(1, 0).close()
    except CannotMake as error:
        print(f"SKIPPED: there can be no network of namespaces here, so none was cut or troubled: {error}", file=sys.stderr)
        sys.exit(SKIPPED)
    unittest.main()

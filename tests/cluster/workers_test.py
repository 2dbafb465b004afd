"""Runs in executor processes give what runs in one process give.  Usage: workers_test.py MILLRACE [unittest arguments]"""
import json
import socket
import unittest
from pathlib import Path

from cluster_case import ClusterCase, wait_for


class WorkersTest(ClusterCase):
    def test_the_output_is_the_same_bytes(self):
        self.write_text("text", 3_000_000)
        runs = {}
        for name, options in {"embedded": [], "one": ["--workers=1"], "two": ["--workers=2", "--split=200K"],
                              "four": ["--workers=4", "--threads=2", "--split=100K", "--memory=16M"]}.items():
            run = self.run_process("wordcount", "text", "-o", name, "--reducers=5", *options)
            self.assertEqual((run.returncode, run.stdout), (0, b""), run.stderr)
            runs[name] = self.parts(name)
            self.assertEqual(runs[name], runs["embedded"], name)
        self.assert_nothing_left()

    def test_a_sort_that_spills_in_its_executors(self):
        self.write_text("text", 12_000_000)
        self.assertEqual(self.run_process("sort", "text", "-o", "embedded", "--reducers=7").returncode, 0)
        run = self.run_process("sort", "text", "-o", "spilled", "--reducers=7", "--workers=3", "--memory=2M", "--split=1M")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.parts("spilled"), self.parts("embedded"))
        self.assert_nothing_left()

    def test_counters_and_results_come_to_the_driver(self):
        self.write_text("text", 1_000_000)
        plain = self.run_process("grep", "-c", "w1", "text")
        self.assertEqual(self.run_process("grep", "-c", "w1", "text", "--workers=2", "--split=50K").stdout, plain.stdout)
        plain = self.run_process("grep", "w12", "text")
        self.assertEqual(self.run_process("grep", "w12", "text", "--workers=3", "--split=50K").stdout, plain.stdout)

    def test_bad_records_may_be_skipped_up_to_the_limit(self):
        rows = b"".join(b"%d\t%d\n" % (i, i) for i in range(20000))
        broken = rows.replace(b"\n1000\t1000\n", b"\n1000 1000\n").replace(b"\n9000\t9000\n", b"\n9000 9000\n")
        self.write("edges", broken)
        plain = self.run_process("links", "edges", "--skip-bad-records=2", "--split=10K")
        if plain.returncode != 0:
            self.skipTest("links takes such lines")
        run = self.run_process("links", "edges", "--skip-bad-records=2", "--workers=2", "--split=10K")
        self.assertEqual((run.returncode, run.stdout), (0, plain.stdout), run.stderr)

    def test_the_event_log_names_the_executors(self):
        self.write_text("text", 1_000_000)
        run = self.run_process("wordcount", "text", "-o", "out", "--workers=2", "--split=100K", "--events=events")
        self.assertEqual(run.returncode, 0, run.stderr)
        report = self.run_process("report", "events")
        self.assertEqual(report.returncode, 0, report.stderr)

    def test_the_driver_gives_away_a_broadcast_value_twice_at_most(self):
        size, executors = 8 << 20, 8
        status, out, err = self.run_job("spread", size, executors, f"--workers={executors}", "--threads=1", "--events=events")
        self.assertEqual((status, out), (0, b"sum %d\n" % (size * executors)), err)
        self.assertEqual(len(list(self.path.glob("here.*"))), executors, "each in a process of its own")
        ended = json.loads((self.path / "events").read_text().splitlines()[-1])
        self.assertEqual(ended["event"], "run_ended")
        self.assertGreaterEqual(ended["broadcast_bytes"], size)
        self.assertLess(ended["broadcast_bytes"], 2 * size + 4096)
        report = self.run_process("report", "events")
        self.assertRegex(report.stdout, rb"Sent +1[56][0-9.]* M.*by the driver")

    def test_an_error_that_the_program_does_not_catch_ends_it_like_a_command(self):
        self.write_text("text", 300_000)
        for name, shape in (("embedded", []), ("executors", ["--workers=2"])):
            status, _, err = self.run_job("uncaught", "text", name, "--events=events", "--report=report", *shape)
            self.assertEqual(status, 1, err)
            self.assertEqual(err.decode().strip().split(": ", 1)[1], "cannot read not there: No such file or directory")
            ended = json.loads((self.path / "events").read_text().splitlines()[-1])
            self.assertEqual((ended["event"], ended["status"]), ("run_ended", 1))
            self.assertIn("not there", (self.path / "report").read_text())
            self.assert_nothing_left()

    def test_a_stranger_is_not_let_in(self):
        self.write_held_text(1_000_000, "one")
        process = self.start_job("count", "text", "out", "--workers=2", "--split=300K")
        self.held("one", process)  # while strangers call
        self.executors(process, 2)
        address = wait_for(lambda: next(iter(self.tmp.glob("millrace-run-*/driver")), None))
        host, port = address.read_text().split()
        directory = address.parent
        self.assertEqual(directory.stat().st_mode & 0o777, 0o700)
        self.assertEqual((directory / "secret").stat().st_mode & 0o777, 0o600)
        secret = (directory / "secret").read_bytes()
        for pid in self.seen:
            for name in ("cmdline", "environ"):
                self.assertNotIn(secret, Path(f"/proc/{pid}/{name}").read_bytes())
        for greeting in (b"GET / HTTP/1.1\r\n\r\n" * 4, b"millrac1" + bytes(32) + bytes(32), bytes(4096)):
            with socket.create_connection((host, int(port)), timeout=10) as stranger:
                stranger.sendall(greeting)
                answer = bytearray()
                try:
                    while more := stranger.recv(4096):
                        answer += more
                except ConnectionResetError:
                    pass
                self.assertLessEqual(len(answer), 64)
        self.let_go("one")
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assert_nothing_left()

    def test_zero_threads_exclude_workers(self):
        self.write("text", b"a\n")
        run = self.run_process("wordcount", "text", "--workers=2", "--threads=0")
        self.assertEqual((run.returncode, run.stdout), (2, b""))
        self.assertIn(b"--threads 0", run.stderr)


if __name__ == "__main__":
    unittest.main()

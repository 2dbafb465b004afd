"""Kills, stops and wakes processes of running jobs at random moments, and expects the bytes of a quiet run.

Usage: chaos_test.py MILLRACE [unittest arguments]
MILLRACE_CHAOS_KILLS: how many kills there are to be (10 by default, 200 for the long run); MILLRACE_TEST_SEED replays the choices.
"""
import os
import sys
import threading
import time
import unittest

from cluster_case import CONT, KILL, STOP, ClusterCase, all_children_of, send

KILLS = int(os.environ.get("MILLRACE_CHAOS_KILLS", "10"))


class ChaosTest(ClusterCase):
    def setUp(self):
        super().setUp()
        self.write_text("text", 8_000_000)
        self.write("edges", b"".join(b"s%d\tt%d\n" % (self.random.randrange(50000), self.random.randrange(9000)) for _ in range(300_000)))
        self.write("left", b"".join(b"%d\tl%d\n" % (self.random.randrange(30000), i) for i in range(200_000)))
        self.write("right", b"".join(b"%d\tr%d\n" % (i, i) for i in range(0, 30000, 2)))

    JOBS = [
        ["wordcount", "text", "--reducers=4", "--split=300K"],
        ["sort", "text", "--reducers=5", "--split=500K", "--memory=4M"],  # which spills
        ["sort", "text", "--reducers=5", "--split=500K"],  # of references
        ["ngrams", "-n", "2", "text", "--reducers=4", "--split=700K"],
        ["links", "edges", "--reducers=3", "--split=200K"],
        ["join", "-t", "\t", "left", "right", "--reducers=3", "--split=200K"],
    ]

    def torment(self, process, kills):
        """Until the process ends: kills of executors, one or two at once, and stops that are shorter than its patience."""
        done = 0
        while process.poll() is None:
            time.sleep(self.random.uniform(0.01, 0.2))  # a run of these takes a third of a second on an idle machine
            pids = all_children_of(process.pid)
            self.seen.update(pids)
            if not pids or process.poll() is not None:
                continue
            if done < kills and self.random.random() < 0.8:
                for pid in self.random.sample(pids, min(len(pids), self.random.choice([1, 1, 1, 2]))):
                    done += send(pid, KILL)
            else:
                pid = self.random.choice(pids)
                send(pid, STOP)
                time.sleep(self.random.uniform(0.01, 0.5))
                send(pid, CONT)
        return done

    def test_jobs_survive_kills_at_random_moments(self):
        quiet = {}
        done = runs = 0
        begin = time.monotonic()
        while done < KILLS and time.monotonic() - begin < max(240, 10 * KILLS):
            name = runs % len(self.JOBS)
            words = self.JOBS[name]
            if name not in quiet:
                run = self.run_process(*words, "-o", f"quiet-{name}")
                self.assertEqual(run.returncode, 0, run.stderr)
                quiet[name] = self.parts(f"quiet-{name}")
            workers = self.random.choice([2, 3, 4])
            process = self.start(*words, "-o", "out", "--overwrite", f"--workers={workers}", "--threads=1", "--executor-timeout=2")
            drain = threading.Thread(target=process.stderr.read)
            drain.start()
            kills = self.torment(process, 4)
            drain.join()
            process.stdout.close()
            process.stderr.close()
            self.assertEqual(process.wait(), 0, (words, workers, kills))
            self.assertEqual(self.parts("out"), quiet[name], (words, workers, kills))
            done += kills
            runs += 1
        self.assert_nothing_left()
        print(f"{done} kills in {runs} runs of {len(quiet)} jobs, {time.monotonic() - begin:.0f} s", file=sys.stderr)
        self.assertGreaterEqual(done, KILLS)


if __name__ == "__main__":
    unittest.main()

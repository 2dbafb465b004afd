"""Runs with a journal under a real Slurm go on after their driver was lost.  Usage: resume_test.py MILLRACE [...]"""
import re
import time

from slurm_case import ROOT, SMALL, SlurmCase, environment_of, run_tests, wait_for

from cluster_case import CLUSTER_JOBS, KILL, send
from journal_file import launched, tasks_done


class ResumeTest(SlurmCase):
    def quiet(self, size=4_000_000):
        self.write_text("text", size)
        run = self.run_process("wordcount", "text", "-o", "quiet", *SMALL)
        self.assertEqual(run.returncode, 0, run.stderr)
        return self.parts("quiet")

    def wait_for_tasks(self, journal, count):
        self.assertTrue(wait_for(lambda: len(tasks_done(journal / "journal")) >= count, 60), "nothing is done")

    def test_a_second_step_goes_on(self):
        expected = self.quiet()
        journal = self.path / "journal"
        words = ["wordcount", "text", "-o", "out", "--split=10K", "--journal=journal", *SMALL]
        first = self.start_step(*words, "--events=events-1")
        self.wait_for_tasks(journal, 20)
        self.assertTrue(send(self.tasks(1)[0][0], KILL))
        self.finish(first)
        self.assertTrue(journal.exists(), "the run was over before its driver could be killed")
        before = set(tasks_done(journal / "journal"))
        second = self.start_step(*words, "--events=events-2")
        _, _, err = self.finish(second)
        self.assertEqual(self.parts("out"), expected, err)
        self.assertEqual(before & set(launched(self.path / "events-2")), set())
        self.assertFalse(journal.exists())

    def test_a_second_step_adopts_what_the_tasks_of_the_first_one_run(self):
        """It has executors of its own; those of the first step end what they run, and leave."""
        self.write_held_text(2_000_000, "one", "two")
        self.addCleanup(self.let_go, "one", "two")
        words = ["count", "text", "out", "--split=300K", "--journal=journal", "--no-backups", *SMALL]
        first = self.start_step(*words, shape=("-N4", "-n4"), program=CLUSTER_JOBS)
        holders = set(self.held("one", first)) | set(self.held("two", first))
        driver = next(pid for pid in self.processes_of(CLUSTER_JOBS)
                      if environment_of(pid).get("SLURM_PROCID") == "0" and pid not in holders)
        self.assertTrue(send(driver, KILL))
        second = self.start_step(*words, "--events=events", shape=("-N4", "-n4"), program=CLUSTER_JOBS)
        said = b""
        while b"adopted" not in said:
            line = second.stderr.readline()
            self.assertNotEqual(line, b"", f"it adopted nobody: {said}")
            said += line
        self.assertRegex(said, rb"adopted \d executors of an earlier driver, with [12] attempts")
        self.let_go("one", "two")
        status, out, err = self.finish(second)
        self.finish(first)
        self.assertEqual(status, 0, said + err)
        lines = (self.path / "text").read_bytes().splitlines()
        self.assertEqual(out, b"lines %d bytes %d\n" % (len(lines), sum(map(len, lines))))
        adopted = [(row["stage"], row["partition"]) for row in self.events("task_launched") if row.get("adopted")]
        again = [(row["stage"], row["partition"]) for row in self.events("task_launched") if not row.get("adopted")]
        self.assertGreater(len(adopted), 0)
        self.assertEqual(set(adopted) & set(again), set())
        self.assertFalse((self.path / "journal").exists())
        self.assert_nothing_left()

    def test_a_job_that_is_requeued_goes_on(self):
        expected = self.quiet(60_000_000)  # enough for it to be still at work when Slurm has been told
        document = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
        script = re.search(r"^```bash requeue.sbatch\n(.*?)^```$", document, re.M | re.S).group(1)
        (self.path / "requeue.sbatch").write_text(script)
        job = self.slurm("sbatch", "--parsable", "--export=ALL,MILLRACE_REDUCERS=3,MILLRACE_EVENTS=events",
                         "requeue.sbatch", "text", "out").strip()
        journal = self.path / "out.journal"
        self.wait_for_tasks(journal, 20)
        before = set(tasks_done(journal / "journal"))
        self.slurm("scontrol", "requeue", job)
        # Slurm lets a requeued job wait until the credentials of its first life have run out.
        end = time.monotonic() + 100
        while self.slurm("squeue", "-h", "-j", job, "-o", "%t").strip() == "PD" or not (self.path / "out").exists():
            self.assertLess(time.monotonic(), end, (self.path / "requeue.log").read_text())
            if self.slurm("squeue", "-h", "-j", job, "-o", "%t").strip() == "PD":
                self.slurm("scontrol", "update", f"jobid={job}", "starttime=now")
            time.sleep(0.5)
        self.assertTrue(wait_for(lambda: self.slurm("squeue", "-h") == "", 60))
        self.assertEqual(self.parts("out"), expected)
        # The second life wrote its event log over that of the first.
        self.assertIn("driver_restarted", (self.path / "events").read_text())
        self.assertEqual(before & set(launched(self.path / "events")), set(), "tasks that were done were run again")
        self.assertFalse(journal.exists())
        self.assert_nothing_left()


if __name__ == "__main__":
    run_tests()

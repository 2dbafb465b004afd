"""Kills the drivers of runs with a journal until one comes to its end: the output is that of a quiet run, what was done is
not done again, and nothing is left.

Usage: resume_test.py MILLRACE [unittest arguments]; MILLRACE_TEST_SEED replays the choices.
"""
import os
import re
import shutil
import subprocess
import time
import unittest
from pathlib import Path

from cluster_case import KILL, MILLRACE, ClusterCase, alive, all_children_of, send, wait_for
from journal_file import TASK_DONE, launched, records, tasks_done

class ResumeTest(ClusterCase):
    def setUp(self):
        super().setUp()
        self.journal = self.path / "journal"
        self.lives = 0

    def begin(self, *words, program=MILLRACE):
        """A life of the run; its event log is a file of its own."""
        self.lives += 1
        process = subprocess.Popen([program, *map(str, words), "--journal=journal", f"--events=events-{self.lives}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.path, env=self.environment)
        self.addCleanup(process.kill)
        return process

    def kill_when(self, process, done):
        """Kills the driver when the journal has that many tasks. Returns whether it was still there."""
        while process.poll() is None and len(tasks_done(self.journal / "journal")) < done:
            self.seen.update(all_children_of(process.pid))
            time.sleep(0.002)
        self.seen.update(all_children_of(process.pid))
        killed = process.poll() is None and send(process.pid, KILL)
        process.wait()
        return killed and process.returncode == -KILL

    def live_through(self, *words, kills, step, program=MILLRACE):
        """Lives until one ends by itself: (status, stdout, stderr) of that one, and how many were killed."""
        killed = done = 0
        while killed < kills:
            before = tasks_done(self.journal / "journal")
            process = self.begin(*words, program=program)
            done = max(done, len(before)) + self.random.randint(0, step)
            if not self.kill_when(process, done):
                out, err = process.communicate()
                self.assertEqual(process.returncode, 0, err)
                self.check_life(before)
                return process.returncode, out, err, killed
            process.stdout.close()
            process.stderr.close()
            killed += 1
        before = tasks_done(self.journal / "journal")
        process = self.begin(*words, program=program)
        self.seen.update(all_children_of(process.pid))
        status, out, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.check_life(before)
        return status, out, err, killed

    def check_life(self, before):
        """What was in the journal when the last life began was not run in it."""
        again = set(before) & set(launched(self.path / f"events-{self.lives}"))
        self.assertEqual(again, set(), "tasks that were done were run again")

    def assert_over(self):
        self.assertFalse(self.journal.exists(), "the journal goes when the run has succeeded")
        self.assert_nothing_left()

    def inputs(self):
        self.write_text("text", 3_000_000)
        self.write("left", b"".join(b"%d\tl%d\n" % (self.random.randrange(9000), i) for i in range(60_000)))
        self.write("right", b"".join(b"%d\tr%d\n" % (i, i) for i in range(0, 9000, 2)))

    JOBS = {
        "wordcount": ["wordcount", "text", "--reducers=4", "--split=60K"],
        "sort": ["sort", "text", "--reducers=5", "--split=100K"],
        "join": ["join", "-t", "\t", "left", "right", "--reducers=3", "--split=20K"],
    }

    def kill_drivers_of(self, name, *options):
        self.inputs()
        words = self.JOBS[name]
        run = self.run_process(*words, "-o", "quiet")
        self.assertEqual(run.returncode, 0, run.stderr)
        kills = 0
        for turn in range(3):
            *_, killed = self.live_through(*words, "-o", f"out{turn}", *options, kills=4, step=25)
            kills += killed
            self.assertEqual(self.parts(f"out{turn}"), self.parts("quiet"), (name, options, turn))
            self.assert_over()
        self.assertGreater(kills, 3, "few of the drivers lived long enough to be killed")

    def test_word_count(self):
        self.kill_drivers_of("wordcount", "--threads=2")

    def test_sort(self):
        self.kill_drivers_of("sort", "--threads=2")

    def test_join(self):
        self.kill_drivers_of("join", "--threads=2")

    def test_word_count_in_processes(self):
        self.kill_drivers_of("wordcount", "--workers=2", "--threads=1")

    def test_sort_in_processes(self):
        self.kill_drivers_of("sort", "--workers=2", "--threads=1", "--memory=4M")

    def test_join_in_processes(self):
        self.kill_drivers_of("join", "--workers=3", "--threads=1")

    def test_commands_of_a_streaming_job(self):
        self.write_text("text", 1_000_000)
        mapper = self.path / "mapper.sh"
        mapper.write_text("#!/bin/sh\necho reporter:counter:words,seen,1 >&2\nexec tr ' ' '\\n'\n")
        mapper.chmod(0o755)
        words = ["stream", "-file", mapper, "-input", "text", "-mapper", "mapper.sh", "-reducer", "uniq -c", "-numReduceTasks", 3,
                 "--split=40K"]
        run = self.run_process(*words, "-output", "quiet")
        self.assertEqual(run.returncode, 0, run.stderr)
        for turn, options in enumerate([["--threads=2"], ["--workers=2", "--threads=1"]]):
            _, _, err, killed = self.live_through(*words, "-output", f"out{turn}", *options, kills=3, step=8)
            self.assertEqual(self.parts(f"out{turn}"), self.parts("quiet"), options)
            self.assertNotIn(b"begins anew", err)
            self.assertEqual(re.findall(rb"seen=\d+", err), re.findall(rb"seen=\d+", run.stderr))
            self.assertGreater(killed, 0)
            self.assert_over()

    def test_skipped_records_are_counted_once_and_kept(self):
        rows = [b"%d\t%d\n" % (i, i % 700) for i in range(60000)]
        for bad in self.random.sample(range(len(rows)), 5):
            rows[bad] = b"bad %d\n" % bad
        self.write("edges", b"".join(rows))
        words = ["links", "edges", "--skip-bad-records=5", "--split=10K", "--reducers=3"]
        run = self.run_process(*words, "-o", "quiet")
        self.assertEqual(run.returncode, 0, run.stderr)
        _, _, err, _ = self.live_through(*words, "-o", "out", "--threads=2", kills=4, step=20)
        expected, found = self.parts("quiet"), self.parts("out")
        # They are kept in the order in which their tasks ended.
        self.assertEqual(sorted(found.pop("_bad_records").split(b"#")), sorted(expected.pop("_bad_records").split(b"#")))
        self.assertEqual(found, expected)
        if err:  # else the job was done when the life before was killed, which had said it
            self.assertIn(b"5 bad records were skipped", err)
        self.assert_over()

    CHAIN = '''
#include <millrace/millrace.h>
#include <iostream>

int main(int argc, char** argv) {
  millrace::Context context(argc, argv);
  const auto seen = context.accumulator<std::uint64_t>();
  auto words = context.read_text(context.args().at(0)).flat_map(millrace::words).map([seen](std::string_view word) {
    seen.add(1);
    millrace::count("words");
    return std::pair{std::string(word), std::uint64_t{1}};
  });
  auto counts = words.reduce_by_key(std::plus<>{});
  std::cout << counts.count() << " words, " << seen.value() << " seen, " << context.counter("words") << '\\n';
  const auto best = counts.top(5, millrace::by_value);
  const auto least = context.broadcast(best.back().second);
  std::cout << "the fifth is there " << *least << " times\\n";
  auto frequent = counts.filter([least](const auto& entry) { return entry.second * 3 >= *least; });
  for (const auto& [word, count] : frequent.sort_by_key().collect()) std::cout << word << ' ' << count << '\\n';
  frequent.sort_by_key().write_text(context.args().at(1));
  std::cout << seen.value() << " seen, " << context.counter("words") << '\\n';
}
'''

    def test_a_program_of_several_actions(self):
        (self.path / "chain.cpp").write_text(self.CHAIN)
        self.write_text("text", 2_000_000)
        run = ["run", "chain.cpp", "--"]
        quiet = self.run_process(*run, "text", "quiet", "--split=40K", "--reducers=3")
        self.assertEqual(quiet.returncode, 0, quiet.stderr)
        for turn, options in enumerate([["--threads=2"], ["--workers=2", "--threads=1"]]):
            status, out, err, _ = self.live_through(*run, "text", f"out{turn}", "--split=40K", "--reducers=3", *options, kills=6,
                                                    step=20)
            self.assertEqual((status, out), (0, quiet.stdout), err)
            self.assertEqual(self.parts(f"out{turn}"), self.parts("quiet"))
            self.assert_over()

    # One run that is interrupted half-way, for the tests below.

    WORDS = ["wordcount", "text", "-o", "out", "--reducers=4", "--split=60K", "--threads=2"]

    def interrupted(self, done=20):
        self.inputs()
        quiet = self.run_process(*self.WORDS[:2], "-o", "quiet", *self.WORDS[4:])
        self.assertEqual(quiet.returncode, 0, quiet.stderr)
        for _ in range(20):
            process = self.begin(*self.WORDS)
            if self.kill_when(process, done):
                process.stdout.close()
                process.stderr.close()
                return
            process.communicate()
            shutil.rmtree(self.path / "out")
        self.fail("the run was always over before it could be killed")

    def go_on(self, *words):
        process = self.begin(*(words or self.WORDS))
        return self.finish(process)

    def assert_same_output(self):
        self.assertEqual(self.parts("out"), self.parts("quiet"))
        self.assert_over()

    def test_it_is_said_what_was_taken_over(self):
        self.interrupted()
        done = len(tasks_done(self.journal / "journal"))
        status, _, err = self.go_on()
        self.assertEqual(status, 0, err)
        self.assertRegex(err.decode(), rf"goes on: {done} of \d+ tasks were already done")
        self.assert_same_output()

    def test_a_second_driver_is_refused(self):
        self.inputs()
        first = self.begin(*self.WORDS, "--workers=1", "--executor-timeout=60")
        self.assertTrue(wait_for(lambda: tasks_done(self.journal / "journal")))
        self.seen.update(all_children_of(first.pid))
        os.kill(first.pid, 19)  # SIGSTOP: it lives, and comes to no end meanwhile
        second = self.begin(*self.WORDS)
        status, _, err = self.finish(second)
        os.kill(first.pid, 18)
        self.assertEqual(status, 2, err)
        self.assertIn(b"another driver is at work with the journal", err)
        self.assertIn(b"process %d " % first.pid, err)
        self.assertEqual(self.finish(first)[0], 0)
        self.assert_over()

    def test_another_command_is_refused(self):
        self.interrupted()
        for words, text in [(["wordcount", "text", "-o", "other", *self.WORDS[4:]], b"is of another command"),
                            ([*self.WORDS[:-3], "--reducers=5", *self.WORDS[-2:]], b"--reducers 4"),
                            ([*self.WORDS[:-2], "--split=61K", "--threads=2"], b"--split 61440")]:
            status, _, err = self.go_on(*words)
            self.assertEqual(status, 2, err)
            self.assertIn(text, err)
            self.assertIn(b"remove " + bytes(self.journal) + b" to begin anew", err)
        self.assertEqual(self.go_on()[0], 0)
        self.assert_same_output()

    def test_another_build_is_refused(self):
        self.interrupted()
        notes = subprocess.run(["readelf", "-n", MILLRACE], stdout=subprocess.PIPE, check=True).stdout.decode()
        build = bytes.fromhex(re.search(r"Build ID: ([0-9a-f]+)", notes).group(1))
        other = self.path / "other-build"
        other.write_bytes(Path(MILLRACE).read_bytes().replace(build, build[::-1]))
        other.chmod(0o755)
        status, _, err = self.finish(self.begin(*self.WORDS, program=other))
        self.assertEqual(status, 2, err)
        self.assertIn(b"is of another build of the program", err)
        self.assertEqual(self.go_on()[0], 0)
        self.assert_same_output()

    def test_changed_input_is_refused(self):
        self.interrupted()
        with open(self.path / "text", "ab") as file:
            file.write(b"more\n")
        status, _, err = self.go_on()
        self.assertEqual(status, 1, err)
        self.assertIn(b"text has changed since the run began", err)

    def test_a_directory_that_is_no_journal_is_left_alone(self):
        self.inputs()
        self.journal.mkdir()
        (self.journal / "precious").write_text("x")
        status, _, err = self.go_on()
        self.assertEqual(status, 2, err)
        self.assertIn(b"is no journal's directory", err)
        self.assertEqual([path.name for path in self.journal.iterdir()], ["precious"])

    def test_a_torn_journal_is_gone_on_with(self):
        self.interrupted()
        file = self.journal / "journal"
        before = len(tasks_done(file))
        os.truncate(file, file.stat().st_size - self.random.randint(1, 30))
        self.assertLess(len(tasks_done(file)), before)
        status, _, err = self.go_on()
        self.assertEqual(status, 0, err)
        self.assertIn(b"no whole record", err)
        self.assert_same_output()

    def test_what_stands_behind_damage_in_a_journal_is_done_again(self):
        self.interrupted()
        file = self.journal / "journal"
        ends = [end for kind, _, end in records(file) if kind == TASK_DONE]
        content = bytearray(file.read_bytes())
        content[ends[self.random.randrange(len(ends))] - 9] ^= 1 << self.random.randrange(8)
        file.write_bytes(content)
        status, _, err = self.go_on()
        self.assertEqual(status, 0, err)
        self.assertIn(b"no whole record", err)
        self.assert_same_output()

    def test_what_is_no_journal_is_refused(self):
        self.interrupted()
        content = bytearray((self.journal / "journal").read_bytes())
        content[2] ^= 1
        (self.journal / "journal").write_bytes(content)
        status, _, err = self.go_on()
        self.assertEqual(status, 2, err)
        self.assertIn(b"does not begin as a journal", err)

    def test_outputs_that_are_damaged_or_gone_are_made_again(self):
        self.interrupted()
        outputs = sorted((self.journal / "outputs").iterdir())
        damaged, cut, gone = self.random.sample(outputs, 3)
        content = bytearray(damaged.read_bytes())
        content[self.random.randrange(len(content) // 2)] ^= 0x10
        damaged.write_bytes(content)
        os.truncate(cut, cut.stat().st_size - 1)
        gone.unlink()
        status, _, err = self.go_on()
        self.assertEqual(status, 0, err)
        self.assert_same_output()

    def test_an_executor_that_is_lost_takes_no_outputs_along(self):
        self.inputs()
        quiet = self.run_process(*self.WORDS[:2], "-o", "quiet", *self.WORDS[4:])
        self.assertEqual(quiet.returncode, 0, quiet.stderr)
        process = self.begin(*self.WORDS, "--workers=2", "--threads=1", "--no-backups")
        self.assertTrue(wait_for(lambda: len(tasks_done(self.journal / "journal")) >= 10))
        self.assertTrue(send(self.executors(process, 1)[0], KILL))
        before = tasks_done(self.journal / "journal")
        self.seen.update(all_children_of(process.pid))
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        runs = launched(self.path / "events-1")
        self.assertEqual([task for task in before if runs[task] != 1], [], "a task that was done was run again")
        self.assert_same_output()

    def test_attempts_that_succeed_without_their_driver_count(self):
        self.write_text("text", 400_000)
        mapper = self.path / "mapper.sh"
        mapper.write_text(f"#!/bin/sh\nwhile [ ! -e {self.path}/go ]; do sleep 0.02; done\nexec tr ' ' '\\n'\n")
        mapper.chmod(0o755)
        words = ["stream", "-input", "text", "-mapper", mapper, "-reducer", "uniq -c", "--split=50K", "--workers=2", "--threads=1"]
        process = self.begin(*words, "-output", "out", "-numReduceTasks", 2)
        pids = self.executors(process, 2)
        # Each runs a mapper, which waits.
        self.assertTrue(wait_for(lambda: all(all_children_of(pid) for pid in pids)))
        time.sleep(0.2)
        process.kill()
        process.communicate()
        (self.path / "go").touch()
        self.assertTrue(wait_for(lambda: not any(alive(pid) for pid in pids), 60), "executors outlive their attempts")
        left = sorted(tuple(map(int, path.name.removesuffix(".end").split("-")))[:2]
                      for path in (self.journal / "attempts").glob("*.end"))
        self.assertEqual(len(left), 2)
        status, _, err = self.go_on(*words, "-output", "out", "-numReduceTasks", 2)
        self.assertEqual(status, 0, err)
        self.assertIn(b"2 attempts of stream", err)
        self.assertEqual(set(left) & set(launched(self.path / "events-2")), set())
        quiet = self.run_process(*words[:-2], "-output", "quiet", "-numReduceTasks", 2)
        self.assertEqual(quiet.returncode, 0, quiet.stderr)
        self.assert_same_output()

    def test_an_interrupted_run_goes_on(self):
        self.inputs()
        quiet = self.run_process(*self.WORDS[:2], "-o", "quiet", *self.WORDS[4:])
        self.assertEqual(quiet.returncode, 0, quiet.stderr)
        process = self.begin(*self.WORDS, "--workers=1", "--threads=1")
        self.assertTrue(wait_for(lambda: tasks_done(self.journal / "journal")))
        self.seen.update(all_children_of(process.pid))
        process.terminate()
        status, _, err = self.finish(process)
        self.assertEqual(status, 130, err)
        self.assertIn(b"stays: the same command goes on from there", err)
        before = tasks_done(self.journal / "journal")
        status, _, err = self.go_on()
        self.assertEqual(status, 0, err)
        self.check_life(before)
        self.assert_same_output()

    def test_a_run_that_failed_goes_on(self):
        (self.path / "fails.cpp").write_text('''
#include <millrace/millrace.h>
#include <filesystem>
#include <iostream>
#include <stdexcept>

void run(int argc, char** argv) {
  millrace::Context context(argc, argv);
  context.read_text(context.args().at(0))
      .flat_map(millrace::words)
      .map([](std::string_view word) { return std::pair{std::string(word), std::uint64_t{1}}; })
      .reduce_by_key(std::plus<>{})
      .map([](const auto& entry) {
        if (std::filesystem::exists("broken")) throw std::runtime_error("it is broken");
        return entry;
      })
      .sort_by_key()
      .write_text(context.args().at(1));
}

int main(int argc, char** argv) {
  try {
    run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\\n";
    return 1;
  }
}
''')
        self.write_text("text", 500_000)
        run = ["run", "fails.cpp", "--", "text"]
        quiet = self.run_process(*run, "quiet", "--split=40K", "--reducers=3")
        self.assertEqual(quiet.returncode, 0, quiet.stderr)
        self.write("broken", b"")
        words = [*run, "out", "--split=40K", "--reducers=3", "--threads=2"]
        status, _, err = self.go_on(*words)
        self.assertEqual(status, 1, err)
        self.assertIn(b"it is broken", err)
        (self.path / "broken").unlink()
        before = tasks_done(self.journal / "journal")
        self.assertGreater(len(before), 5)
        status, _, err = self.go_on(*words)
        self.assertEqual(status, 0, err)
        self.check_life(before)
        self.assert_same_output()


if __name__ == "__main__":
    unittest.main()

"""What runs in several processes survive, each thing done to them for real.  Usage: failures_test.py MILLRACE [...]"""
import re
import subprocess
import time
import unittest

from cluster_case import CONT, INT, KILL, MILLRACE, STOP, ClusterCase, alive, send, wait_for


class FailuresTest(ClusterCase):
    def expected(self, *words):
        run = self.run_process(*words, "-o", "quiet")
        self.assertEqual(run.returncode, 0, run.stderr)
        return self.parts("quiet")

    def test_executors_are_killed_again_and_again(self):
        self.write_text("text", 30_000_000)
        expected = self.expected("wordcount", "text", "--reducers=4")
        process = self.start("wordcount", "text", "-o", "out", "--reducers=4", "--workers=3", "--split=200K", "--attempts=4")
        kills = 0
        for _ in range(6):
            time.sleep(self.random.uniform(0.02, 0.25))
            pids = self.executors(process, 1)
            if process.poll() is not None:
                break
            victims = self.random.sample(pids, self.random.choice([1, 1, min(2, len(pids))]))
            kills += sum(send(pid, KILL) for pid in victims)
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assertGreater(kills, 0)
        self.assertEqual(self.parts("out"), expected)
        self.assert_nothing_left()

    def test_a_sleeper_is_given_up_and_its_late_word_refused(self):
        self.write_text("text", 20_000_000)
        expected = self.expected("wordcount", "text", "--reducers=3")
        process = self.start("wordcount", "text", "-o", "out", "--reducers=3", "--workers=2", "--split=200K",
                             "--executor-timeout=1", "--events=events")
        victim = self.executors(process, 2)[0]
        time.sleep(0.3)
        send(victim, STOP)
        time.sleep(1.8)
        send(victim, CONT)
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assertEqual(self.parts("out"), expected)
        self.assert_nothing_left()

    def test_the_driver_is_killed(self):
        self.write_text("text", 30_000_000)
        process = self.start("wordcount", "text", "-o", "out", "--workers=2", "--split=20K", "--executor-timeout=2")
        pids = self.executors(process, 2)
        process.kill()
        process.communicate()
        self.assertTrue(wait_for(lambda: not any(alive(pid) for pid in pids), 20), "executors outlive their driver")
        self.assertFalse((self.path / "out").exists())

    def test_ctrl_c(self):
        self.write_text("text", 30_000_000)
        process = self.start("wordcount", "text", "-o", "out", "--workers=2", "--split=20K")
        self.executors(process, 2)
        # Before that a signal ends the process at once, as no job is there to clean up behind.
        self.assertTrue(wait_for(lambda: list(self.path.glob(".out.*.tmp")) or process.poll() is not None))
        process.send_signal(INT)
        status, out, err = self.finish(process, 20)
        self.assertEqual((status, out), (130, b""), err)
        self.assertFalse((self.path / "out").exists())
        self.assert_nothing_left()

    def test_a_function_that_crashes_its_process_fails_the_job_alone(self):
        (self.path / "crash.cpp").write_text('''
#include <millrace/millrace.h>
#include <csignal>
#include <iostream>

int main(int argc, char** argv) {
  millrace::Context context(argc, argv);
  auto lines = context.read_text(context.args().at(0));
  try {
    lines.map([](std::string_view line) {
           if (line == "poison") std::raise(SIGSEGV);
           return line.size();
         })
        .sum();
  } catch (const millrace::Error& error) {
    std::cout << error.what() << "\\n";
  }
  std::cout << lines.count() << "\\n";
}
''')
        lines = [b"line %d" % i for i in range(20000)]
        lines[7777] = b"poison"
        text = b"\n".join(lines) + b"\n"
        self.write("text", text)
        process = subprocess.run([MILLRACE, "run", "crash.cpp", "--", "text", "--workers=2", "--split=20K"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.path, env=self.environment,
                                 timeout=240, check=False)
        self.assertEqual(process.returncode, 0, process.stderr)
        message, count = process.stdout.decode().splitlines()
        self.assertIn("signal 11", message)
        self.assertIn("map (crash.cpp:10)", message)
        begin, end = map(int, re.search(r"text, bytes (\d+)-(\d+)", message).groups())
        self.assertLessEqual(begin, text.index(b"poison"))
        self.assertLess(text.index(b"poison"), end)
        self.assertEqual(int(count), len(lines))

    def test_executors_that_cannot_start_are_said_so(self):
        self.write("text", b"a b\n")
        (self.path / "full").mkdir()
        (self.path / "program.cpp").write_text('''
#include <millrace/millrace.h>
#include <cstdlib>

int main(int argc, char** argv) {
  if (std::getenv("MILLRACE_EXECUTOR") != nullptr) return 7;
  millrace::Context context(argc, argv);
  context.read_text(context.args().at(0)).count();
}
''')
        process = subprocess.run([MILLRACE, "run", "program.cpp", "--", "text", "--workers=1"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, cwd=self.path, env=self.environment, timeout=240, check=False)
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertIn(b"ended with status 7", process.stderr)


if __name__ == "__main__":
    unittest.main()

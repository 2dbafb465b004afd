"""The millrace command from outside: exit statuses, what goes to which stream, help, wrong options, missing files.

Usage: command_line_test.py MILLRACE [unittest arguments]
"""
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from scratch_case import ScratchCase

MILLRACE = os.path.abspath(sys.argv.pop(1))


class CommandLineTest(ScratchCase):
    def run_millrace(self, *words, **settings):
        environment = {**self.environment, **settings.pop("environment", {})}
        return subprocess.run([MILLRACE, *map(str, words)], stdout=settings.pop("stdout", subprocess.PIPE),
                              stderr=subprocess.PIPE, text=True, cwd=self.path, env=environment, timeout=120, check=False,
                              **settings)

    def write(self, name, text):
        (self.path / name).write_text(text)
        return self.path / name

    def commands(self):
        listed = self.run_millrace("--help").stdout
        return re.findall(r"^  (\S+)  +\S", listed, re.MULTILINE)

    def assert_fails(self, run, status, message):
        """One line on standard error that says what is wrong, nothing on standard output."""
        self.assertEqual(run.returncode, status, run.stderr)
        self.assertEqual(run.stdout, "")
        self.assertRegex(run.stderr, message)

    def test_without_a_command_it_says_what_there_is(self):
        self.assert_fails(self.run_millrace(), 2, "Usage: millrace COMMAND")

    def test_help_goes_to_standard_output(self):
        for words in (["--help"], ["-h"], ["help"]):
            run = self.run_millrace(*words)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertIn("Commands:", run.stdout)

    def test_every_command_describes_itself_and_the_common_options(self):
        self.assertIn("run", self.commands())
        for command in self.commands():
            with self.subTest(command):
                run = self.run_millrace(command, "--help")
                self.assertEqual((run.returncode, run.stderr), (0, ""))
                if command != "submit":  # what stands behind its job are the job's options
                    self.assertIn("--memory SIZE", run.stdout)
                self.assertIn("millrace " + command, run.stdout)
                self.assertEqual(self.run_millrace("help", command).stdout, run.stdout)

    def test_a_wrong_common_option_is_a_usage_error_of_every_command(self):
        for command in self.commands():
            with self.subTest(command):
                self.assert_fails(self.run_millrace(command, "--threads", "many"), 2,
                                  f"^millrace {command}: --threads: 'many' is not a whole number")

    def test_an_unknown_option_is_a_usage_error_of_every_command(self):
        for command in self.commands():
            with self.subTest(command):
                run = self.run_millrace(command, "--no-such-option")
                self.assertEqual((run.returncode, run.stdout), (2, ""), run.stderr)
                self.assertIn("--no-such-option", run.stderr)

    def test_a_command_without_its_arguments_is_a_usage_error(self):
        for command in self.commands():
            if command in ("ps", "simulate"):
                continue  # which have none that they need
            with self.subTest(command):
                run = self.run_millrace(command)
                self.assertEqual((run.returncode, run.stdout), (2, ""), run.stderr)

    def test_an_unknown_command_is_a_usage_error_with_a_suggestion(self):
        self.assert_fails(self.run_millrace("rum"), 2, "there is no command 'rum'; did you mean 'run'")

    def test_the_configuration_file_and_the_environment_are_read(self):
        self.write("mine.conf", "treads = 1\n")
        self.assert_fails(self.run_millrace("run", "--config", "mine.conf", "x.cpp"), 2, r"mine.conf:1: there is no option 'treads'")
        run = self.run_millrace("run", "x.cpp", environment={"MILLRACE_MEMORY": "1X"})
        self.assert_fails(run, 2, "MILLRACE_MEMORY in the environment")

    def test_a_home_that_may_not_be_looked_into_holds_no_configuration(self):
        home = self.path / "home"
        home.mkdir(mode=0)
        self.addCleanup(home.chmod, 0o700)
        self.path.chmod(0o755)
        (self.path / "in").write_text("a\n")
        millrace = shutil.copy(MILLRACE, self.path)  # where a user other than root may run it
        run = subprocess.run([millrace, "wordcount", "in", "--tmp", "/tmp"], cwd=self.path, env={**self.environment, "HOME": str(home)},
                             capture_output=True, text=True, check=False, user=65534 if os.geteuid() == 0 else None)
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, "a\t1\n", ""))

    def test_the_configuration_page_has_every_common_option(self):
        page = (Path(__file__).resolve().parents[2] / "docs/configuration.md").read_text()
        options = re.findall(r"^  (--[a-z-]+)", self.run_millrace("wordcount", "--help").stdout.split("Common options:")[1], re.MULTILINE)
        self.assertGreater(len(options), 8)
        for option in options:
            self.assertIn(f"`{option}", page)
            self.assertIn("`MILLRACE_" + option[2:].upper().replace("-", "_") + "`", page)

    def test_results_that_cannot_be_written_are_a_failure(self):
        with open("/dev/full", "w") as full:
            run = self.run_millrace("--version", stdout=full)
        self.assertEqual(run.returncode, 1)
        self.assertIn("No space left on device", run.stderr)

    def test_accounts_of_a_run_that_cannot_be_written_are_a_failure(self):
        self.write("in", "a\n")
        (self.path / "folder").mkdir()
        for option in ("--report", "--events", "--trace"):
            for place, why in (("none/file", "No such file or directory"), ("folder", "Is a directory")):
                with self.subTest(f"{option} {place}"):
                    self.assert_fails(self.run_millrace("wordcount", "in", "-o", "out", option, place), 1, f"{place}: {why}")
                    self.assertFalse((self.path / "out").exists(), "it was known before any work")
            with self.subTest(f"{option} on a full disk"):
                self.assert_fails(self.run_millrace("wordcount", "in", "-o", "out", option, "/dev/full"), 1,
                                  "/dev/full: No space left on device")
                self.assertEqual((self.path / "out/part-00000").read_text(), "a\t1\n")
                shutil.rmtree(self.path / "out")

    def test_a_report_is_there_when_the_run_is_over(self):
        self.write("in", "a\n")
        self.assertEqual(self.run_millrace("wordcount", "none", "--report", "early").returncode, 1)
        self.assertEqual(self.run_millrace("wordcount", "in", "-o", "out", "--report", "text").returncode, 0)
        self.assertIn("succeeded", (self.path / "text").read_text())
        self.assertEqual(self.run_millrace("wordcount", "in", "-o", "out", "--report", "text").returncode, 1)
        self.assertIn("failed", (self.path / "text").read_text())

    JOB = '#include <cstdio>\n#include "word.h"\n#include <millrace/options.h>\n' \
          "int main(int argc, char** argv) {\n" \
          "  const auto options = millrace::Options::parse(argc, argv);\n" \
          '  std::printf("%s %u", WORD, options.threads);\n' \
          '  for (const auto& argument : options.arguments) std::printf(" %s", argument.c_str());\n' \
          "}\n"

    def test_run_compiles_a_job_once(self):
        self.write("word.h", '#define WORD "first"\n')
        job = self.write("job.cpp", self.JOB)
        run = self.run_millrace("run", "--threads", "3", job, "--", "a", "--help")
        self.assertEqual((run.returncode, run.stderr, run.stdout), (0, "", "first 3 a --help"))
        compiled = self.run_millrace("run", "--compile-only", job).stdout.strip()
        before = os.stat(compiled).st_mtime_ns
        self.assertEqual(self.run_millrace("run", job, "--threads=5").stdout, "first 5")
        self.assertEqual(os.stat(compiled).st_mtime_ns, before)

    def test_run_sees_a_change_in_an_included_file(self):
        job = self.write("job.cpp", self.JOB)
        for word in ("first", "other", "first"):
            self.write("word.h", f'#define WORD "{word}"\n')
            self.assertEqual(self.run_millrace("run", "--threads=1", job).stdout, f"{word} 1")

    def test_run_shows_why_a_job_does_not_compile(self):
        job = self.write("job.cpp", "int main() { return nothing; }\n")
        self.assert_fails(self.run_millrace("run", job), 1, "nothing.*was not declared|undeclared identifier 'nothing'")
        self.assertEqual(list((self.path / ".cache/millrace/jobs").iterdir()), [])

    def test_run_refuses_a_missing_file(self):
        self.assert_fails(self.run_millrace("run", "none.cpp"), 1, "^millrace run: cannot read 'none.cpp': No such file")

    def test_run_gives_the_exit_status_of_the_job(self):
        job = self.write("job.cpp", "int main() { return 7; }\n")
        self.assertEqual(self.run_millrace("run", job).returncode, 7)


if __name__ == "__main__":
    unittest.main()

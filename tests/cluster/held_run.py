"""Runs whose tasks wait for a word of the test, and what their event logs say of the number of executors."""
import json
import re

from cluster_case import wait_for


class HeldRuns:
    """For a test case with a folder `path`, a seeded `random`, and write()."""

    def write_held_input(self, lines=400):
        """Lines of text; one of them holds the task that reads it until finish() is called."""
        text = [b"line %d %d" % (i, self.random.randrange(1 << 30)) for i in range(lines)]
        text[-1] = b"HOLD"
        self.write("text", b"\n".join(text) + b"\n")
        mapper = self.path / "mapper.sh"
        mapper.write_text("#!/bin/sh\ninput=$(cat)\n"
                          f"while [ ! -e {self.path}/go ]; do sleep 0.05; done\n"
                          f"case \"$input\" in *HOLD*) while [ ! -e {self.path}/finish ]; do sleep 0.05; done;; esac\n"
                          "printf '%s\\n' \"$input\"\n")
        mapper.chmod(0o755)
        reducer = self.path / "reducer.sh"
        reducer.write_text(f"#!/bin/sh\nwhile [ ! -e {self.path}/reduce ]; do sleep 0.05; done\nexec cat\n")
        reducer.chmod(0o755)

    def held_words(self, *, reducers, output="out"):
        """A run of some twenty map tasks that wait for go(), the last one for finish(), reducers for reduce()."""
        words = ["stream"]
        if reducers == 0:
            words += ["-D", "mapreduce.job.reduces=0"]
        words += ["-input", "text", "-output", output, "-mapper", self.path / "mapper.sh"]
        if reducers:
            words += ["-reducer", self.path / "reducer.sh", f"--reducers={reducers}"]
        return [*words, "--split=512", "--threads=1", "--memory=64M"]

    def go(self):
        (self.path / "go").touch()

    def finish_tail(self):
        (self.path / "finish").touch()

    def reduce(self):
        (self.path / "reduce").touch()

    def release_all(self):
        for name in ("go", "finish", "reduce"):
            (self.path / name).touch()

    def events(self, kind):
        """The records of one kind in the event log of a run that has ended."""
        records = map(json.loads, (self.path / "events").read_bytes().splitlines())
        return [record for record in records if record.get("event") == kind]

    def isolate_list(self):
        """What millrace ps lists are the runs of this test alone."""
        runtime = self.path / "runtime"
        runtime.mkdir(mode=0o700)
        self.environment["XDG_RUNTIME_DIR"] = str(runtime)

    def state(self):
        """Tasks done, all tasks and executors of the only run on this machine; zeros before it is there."""
        shown = self.run_process("ps").stdout.decode()
        row = re.search(r"this machine +\S+(?: jobs)? +([\d,]+) of ([\d,]+) +(\d+) ", shown)
        return tuple(int(field.replace(",", "")) for field in row.groups()) if row else (0, 0, 0)

    def wait_until_there(self, count, seconds=90):
        self.assertTrue(wait_for(lambda: self.state()[2] == count, seconds),
                        f"{self.state()[2]} executors are there, not {count}")

    def wait_until_at_most(self, count, seconds=90):
        self.assertTrue(wait_for(lambda: 0 < self.state()[2] <= count, seconds),
                        f"{self.state()[2]} executors are there, not {count} or fewer")

    def wait_until_left(self, count, seconds=90):
        """All tasks but so many are done."""
        self.assertTrue(wait_for(lambda: (state := self.state())[1] > count and state[1] - state[0] == count, seconds),
                        f"{self.state()}: not all but {count} tasks are done")

    def assert_sorted_lines_are_the_input(self):
        lines = (self.path / "text").read_bytes().split(b"\n")
        written = b"".join(self.parts("out").values()).split(b"\n")
        self.assertEqual(sorted(line.rstrip(b"\t") for line in written if line), sorted(filter(None, lines)))

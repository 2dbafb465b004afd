"""A run with --ui whose tasks end when the test says so."""
import re
import subprocess


class LiveRun:
    def __init__(self, millrace, folder, environment, *options):
        self.go = folder / "go"
        mapper = folder / "mapper"
        mapper.write_text(f'#!/bin/sh\nwhile [ ! -e "{self.go}" ]; do sleep 0.05; done\nexec cat\n')
        mapper.chmod(0o755)
        text = folder / "text"
        text.write_text("".join(f"word{i % 97} {i}\n" for i in range(6000)))
        self.process = subprocess.Popen(
            [millrace, "stream", "-input", str(text), "-output", str(folder / "out"), "-mapper", str(mapper), "-reducer",
             "cat", "--threads", "2", "--split", "8K", "--reducers", "3", "--ui", *options],
            cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        match = re.fullmatch(r"millrace: this run is shown at (http://127\.0\.0\.1:(\d+)/([\w-]+)/)\n", line)
        if match is None:
            self.stop()
            raise AssertionError(f"no address, but: {line}{self.process.stderr.read()}")
        self.address, self.port, self.token = match[1], int(match[2]), match[3]

    def finish(self):
        self.go.touch()
        _, error = self.process.communicate(timeout=120)
        return self.process.returncode, error

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

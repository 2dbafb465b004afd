"""Compiles a job of 30 lines at -O2 and prints how long that takes.

The aim is under 3 s on a quiet machine. The test's own limit on processor time is three times that, since machines
differ; what it catches is a heavy header that crept into include/millrace.
"""
import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT_SECONDS = 9.0


def main():
    parser = argparse.ArgumentParser()
    for name in ("compiler", "include", "job"):
        parser.add_argument("--" + name, required=True)
    arguments = parser.parse_args()
    lines = len(Path(arguments.job).read_text().splitlines())
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):  # the first reads the headers into the page cache
            before = os.times()
            subprocess.run([arguments.compiler, "-std=c++20", "-O2", "-I" + arguments.include, "-c", arguments.job, "-o",
                            folder + "/job.o"], check=True)
            after = os.times()
            seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
    print(f"{lines} lines compile in {min(seconds):.2f} s of processor time (aim 3 s, limit {LIMIT_SECONDS:.0f} s)")
    return 0 if min(seconds) <= LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Runs a document: document_test.py MILLRACE DOCUMENT CACHE

A fenced block whose fence names a file (```cpp sum.cpp) is that file. In a ```console block, each line `$ command` is run in
one directory with all those files, and what follows up to the next command is what it has to print, on standard output and
standard error together; `…` stands for any text on a line. Exit statuses are not looked at: a document shows failures, too.
CACHE keeps compiled jobs from one run to the next.
"""
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)


def read_document(text):
    """The files of a document by name, and its commands in order as (line number, command, expected output)."""
    files, commands = {}, []
    for block in FENCE.finditer(text):
        kind, name, body = block.groups()
        if name is not None:
            files[name] = body
        elif kind == "console":
            line = text.count("\n", 0, block.start(3)) + 1
            for piece in re.split(r"^(?=\$ )", body, flags=re.M):
                if not piece:
                    continue
                command, _, expected = piece.partition("\n")
                commands.append((line, command[2:], expected))
                line += piece.count("\n")
    return files, commands


def matches(expected, printed):
    return re.fullmatch(".*".join(re.escape(part) for part in expected.split("…")), printed) is not None


def main():
    millrace, document, cache = (Path(argument).resolve() for argument in sys.argv[1:])
    files, commands = read_document(document.read_text(encoding="utf-8"))
    if not files or not commands:
        sys.exit(f"{document} has no files or no commands: are its blocks marked?")
    # No option of the one who runs the tests may change what is printed.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_")}
    environment["PATH"] = f"{millrace.parent}:{environment['PATH']}"
    environment["XDG_CACHE_HOME"] = str(cache)
    environment["XDG_CONFIG_HOME"] = str(cache)
    environment["LC_ALL"] = "C"
    failures = 0
    with tempfile.TemporaryDirectory() as directory:
        for name, content in files.items():
            Path(directory, name).write_text(content, encoding="utf-8")

        def run(command):
            return subprocess.run(["bash", "-c", command], cwd=directory, env=environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, encoding="utf-8").stdout

        programs = [name for name in files if name.endswith(".cpp")]
        with ThreadPoolExecutor(2) as compilers:
            list(compilers.map(lambda name: run(f"millrace run --compile-only {name}"), programs))
        for name in programs:
            if not any(name in command for _, command, _ in commands):
                failures += 1
                print(f"{document}: no command runs {name}")
        for line, command, expected in commands:
            printed = run(command)
            if matches(expected, printed):
                continue
            failures += 1
            print(f"{document}:{line}: $ {command}\nprints\n{printed}instead of\n{expected}")
    print(f"{len(commands)} commands, {failures} failures")
    sys.exit(failures != 0)


if __name__ == "__main__":
    main()

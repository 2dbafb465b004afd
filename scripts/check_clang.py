#!/usr/bin/env python3
"""Compiles every source of a configured build with clang, warnings as errors, without writing objects.

  check_clang.py [BUILD_FOLDER]     (default: build)
"""
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def clang_command(entry):
    """The entry's compile command with clang in the compiler's place and nothing written."""
    words = shlex.split(entry["command"])
    while not Path(words[0]).name.startswith(("g++", "c++", "clang++")):
        words.pop(0)  # the compiler's launcher
    kept = []
    rest = iter(words[1:])
    for word in rest:
        if word in ("-o", "-MF", "-MT"):
            next(rest)
        elif word not in ("-c", "-MD", "-MMD"):
            kept.append(word)
    return ["clang++-14", *kept, "-fsyntax-only", "-Werror"]


def compile_entry(entry):
    return subprocess.run(clang_command(entry), cwd=entry["directory"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)


def main():
    build = ROOT / (sys.argv[1] if len(sys.argv) > 1 else "build")
    entries = json.loads((build / "compile_commands.json").read_text())
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for entry, run in zip(entries, pool.map(compile_entry, entries)):
            if run.returncode != 0:
                failed += 1
                print(f"{os.path.relpath(entry['file'], ROOT)}: clang refuses it\n{run.stdout}")
    print(f"clang compiles {len(entries) - failed} of {len(entries)} sources", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

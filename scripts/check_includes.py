#!/usr/bin/env python3
"""Holds every #include against the folder table of ARCHITECTURE.md.

  check_includes.py            directions, folders that may not exist, paths of one machine
  check_includes.py --headers  that every header compiles alone, too (with $CXX or g++)
  check_includes.py --test     this script's own tests

Prints one line a violation, as file:line: text, and exits 1 when there is any.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What a folder of src/ may include beside itself. An entry with a slash opens that one subfolder or header alone.
ALLOWED = {
    "base": set(),
    "storage": {"base"},
    "plan": {"base"},
    "rpc": {"base"},
    "sched": {"base", "plan"},
    "observe": {"base", "plan", "sched/job/events.h", "sched/elastic/events.h"},
    "exec": {"base", "storage", "plan", "rpc/transport.h"},
    "dataset": {"base", "storage", "plan", "exec"},
    "cluster": {"base", "storage", "plan", "rpc", "sched", "observe", "exec", "dataset"},
}
ALLOWED["sim"] = set(ALLOWED)
ALLOWED["cli"] = set(ALLOWED) | {"jobs"}
ALLOWED["tests"] = set(ALLOWED) | {"jobs"}
ALLOWED["bench"] = set(ALLOWED) | {"jobs"}
ALLOWED["fuzz"] = set(ALLOWED) | {"jobs"}
ALLOWED["jobs"] = set(ALLOWED)
# These show what the public headers can do: they stand on nothing else.
PUBLIC_JOBS = {"wordcount", "grep", "urls", "links", "index", "terms", "ngrams", "sort", "join"}
ALLOWED["public"] = set()  # include/millrace: what a job sees
# A few tests and benchmarks need what stands above them.
TEST_SUFFIX = re.compile(r"(_(test|bench|fuzz)\.(cc|h)|/simulated_\w+\.h|/testing\.h)$")
ALLOWED_IN_TESTS = {"observe": {"sched"}, "jobs": set(ALLOWED)}

BANNED_FOLDERS = {"common", "util", "utils", "helper", "helpers", "misc"}
# Public headers must not drag these in: a job of 30 lines compiles in under 3 s.
HEAVY = re.compile(r"^(grpc|grpcpp|google/protobuf|absl|nlohmann|CLI|spdlog|simdjson|re2|hs)\b")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
MACHINE_PATH = re.compile(r"(?<![\w./-])/(home/\w+/\w|Users/\w+/\w|work/(main|wt|shared)\b)")


def folder_of(path):
    """The row of the table that a file of the tree belongs to, or None for a file that has none."""
    parts = path.split("/")
    if parts[0] == "include":
        return "public"
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    return parts[0] if parts[0] in ALLOWED and len(parts) > 1 else None


def target_of(path, style, name):
    """The row and the path below it that an #include names, or None when it is not ours."""
    if name.startswith("millrace/"):
        return None  # everybody may use the public headers
    first = name.split("/")[0]
    if style == '"' and first in ALLOWED:
        return first, name
    if style == '"' and "/" not in name:
        return folder_of(path), name  # beside the including file
    return None


def permitted(path, name, target):
    row = folder_of(path)
    allowed = set(ALLOWED.get(row, set())) | {row}
    if row == "jobs" and path.split("/")[1] in PUBLIC_JOBS:
        allowed = {"jobs"}
    if TEST_SUFFIX.search(path):
        allowed |= ALLOWED_IN_TESTS.get(row, set())
    return target in allowed or any("/" in entry and name.startswith(entry) for entry in allowed)


def check_file(path, text):
    """Yields (line number, message) for each violation in one file."""
    row = folder_of(path)
    banned = BANNED_FOLDERS.intersection(path.split("/")[:-1])
    if banned:
        yield 1, f"no folder is named {', '.join(sorted(banned))}: a folder is named for what it knows"
    if row is not None and row not in ALLOWED:
        yield 1, f"folder src/{row} is not in the table of ARCHITECTURE.md"
        return
    if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.M):
        yield 1, "a header starts with #pragma once"
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        if include is None:
            continue
        style, name = include.groups()
        if "../" in name:
            yield number, f"'{name}': include from the root of src/, not relative to this file"
        if row == "public":
            if style == '"':
                yield number, f"'{name}': a public header includes <millrace/…> and the standard library alone"
            elif HEAVY.match(name):
                yield number, f"'{name}' is too heavy for a public header"
            continue
        if row is None:
            continue
        target = target_of(path, style, name)
        if target is not None and not permitted(path, target[1], target[0]):
            yield number, f"'{name}': {row} may not include {target[0]}"


def check_paths(text):
    """Yields violations in any text file: a path that only one machine has."""
    for number, line in enumerate(text.splitlines(), 1):
        found = MACHINE_PATH.search(line)
        if found:
            yield number, f"'{found.group(0)}…' is a path of one machine"


def source_files():
    """Every file that git would commit; outside a repository, every file that is not below a build folder."""
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
    else:
        names = [str(path.relative_to(ROOT)) for path in sorted(ROOT.rglob("*"))
                 if not str(path.relative_to(ROOT)).startswith(("build", ".git/"))]
    return [name for name in names if name and (ROOT / name).is_file()]


def compiles_alone(compiler, header, folder):
    """The compiler's complaint about a file that includes nothing but the header, or ''."""
    source = Path(folder) / (header.replace("/", "_") + ".cc")
    # Twice: a second inclusion must be harmless.
    source.write_text(f'#include "{ROOT / header}"\n#include "{ROOT / header}"\n')
    command = [*compiler.split(), "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}",
               f"-I{ROOT / 'src'}", f"-I{ROOT}", str(source)]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return "" if run.returncode == 0 else run.stdout


def check_headers(files):
    headers = [f for f in files if f.endswith(".h") and folder_of(f) is not None and not f.startswith(("bench/", "fuzz/"))]
    compiler = os.environ.get("CXX", "g++")
    broken = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, complaint in zip(headers, pool.map(lambda h: compiles_alone(compiler, h, folder), headers)):
            if complaint:
                broken += 1
                print(f"{header}:1: does not compile alone\n{complaint}")
    print(f"{len(headers) - broken} of {len(headers)} headers compile alone", file=sys.stderr)
    return broken


def self_test():
    cases = [
        ("src/storage/a.cc", '#include "base/ids.h"', 0),
        ("src/storage/a.cc", '#include "exec/task.h"', 1),
        ("src/base/a.h", '#pragma once\n#include "plan/x.h"', 1),
        ("src/base/a.h", "#include <vector>", 1),
        ("src/observe/a.cc", '#include "sched/job/events.h"', 0),
        ("src/observe/a.cc", '#include "sched/job/job.h"', 1),
        ("src/observe/a_test.cc", '#include "sched/job/job.h"', 0),
        ("src/cli/a.cc", '#include "jobs/grep/grep.h"\n#include "storage/x.h"\n#include <millrace/error.h>', 0),
        ("jobs/grep/grep.cc", '#include "jobs/grep/grep.h"\n#include <millrace/millrace.h>', 0),
        ("jobs/grep/grep.cc", '#include "storage/x.h"', 1),
        ("jobs/grep/grep_test.cc", '#include "storage/x.h"', 0),
        ("jobs/stream/stream.cc", '#include "storage/x.h"', 0),
        ("include/millrace/a.h", "#pragma once\n#include <millrace/error.h>", 0),
        ("include/millrace/a.h", '#pragma once\n#include "base/ids.h"', 1),
        ("include/millrace/a.h", "#pragma once\n#include <absl/strings/str_cat.h>", 1),
        ("src/exec/a.cc", '#include "../storage/x.h"', 1),
        ("src/util/a.cc", "", 2),
    ]
    failures = 0
    for path, text, expected in cases:
        found = list(check_file(path, text))
        if len(found) != expected:
            failures += 1
            print(f"{path} {text!r}: expected {expected} violations, found {found}")
    home = "/" + "home/someone/file"
    for text, expected in ((f"see {home}", 1), ("see https://example.org" + home, 0), ("a" + home, 0)):
        if len(list(check_paths(text))) != expected:
            failures += 1
            print(f"{text!r}: expected {expected} violations")
    print(f"{failures} failures", file=sys.stderr)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headers", action="store_true", help="also compile every header alone")
    parser.add_argument("--test", action="store_true", help="run the script's own tests")
    arguments = parser.parse_args()
    if arguments.test:
        return 1 if self_test() else 0
    violations = 0
    files = source_files()
    for name in files:
        data = (ROOT / name).read_bytes()
        if b"\0" in data:
            continue
        text = data.decode("utf-8", "replace")
        found = list(check_paths(text)) if len(data) < 1 << 20 else []
        if name.endswith((".h", ".cc")):
            found += check_file(name, text)
        for number, message in found:
            violations += 1
            print(f"{name}:{number}: {message}")
    if arguments.headers:
        violations += check_headers(files)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())

"""Installs Millrace into an empty prefix and uses it as another project would.

Checks that the prefix holds the command, the libraries and include/millrace alone; that a project with
find_package(Millrace) and a job of its own builds and runs; and that `millrace run` works from the prefix.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def call(*words, **settings):
    run = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         check=False, **settings)
    if run.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}: exit status {run.returncode}\n{run.stdout}")
    return run.stdout


def expect(condition, message):
    if not condition:
        sys.exit(message)


def main():
    parser = argparse.ArgumentParser()
    for name in ("cmake", "build", "project", "work", "compiler"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--flags", default="", help="sanitizers of the build, which its users need too")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        prefix = Path(folder) / "prefix"
        call(arguments.cmake, "--install", arguments.build, "--prefix", prefix)
        expect([entry.name for entry in (prefix / "include").iterdir()] == ["millrace"],
               "the package installs headers beside include/millrace")
        expect(not list(prefix.rglob("*gtest*")), "the package installs GoogleTest")
        # Nothing in the prefix may point back to where it was built, nor depend on where it was installed.
        moved = Path(folder) / "moved"
        prefix.rename(moved)
        for text in [*moved.rglob("*.cmake"), *moved.rglob("*.flags")]:
            content = text.read_text()
            for path in (arguments.build, str(prefix), str(Path(arguments.project).parents[2])):
                expect(path + "/" not in content, f"{text} names {path}")

        build = Path(folder) / "build"
        sanitize = f"-fsanitize={arguments.flags}" if arguments.flags else ""
        call(arguments.cmake, "-S", arguments.project, "-B", build, f"-DCMAKE_PREFIX_PATH={moved}", "-DCMAKE_BUILD_TYPE=Release",
             f"-DCMAKE_CXX_COMPILER={arguments.compiler}", f"-DCMAKE_CXX_FLAGS={sanitize}")
        call(arguments.cmake, "--build", build)
        shutil.copy(Path(arguments.project) / "job.cc", Path(folder) / "job.cpp")
        expected = "3 b\n"
        text = Path(folder) / "text"
        text.write_text("a b c\nb\nb a\n")
        expect(call(build / "job", text) == expected, "the project's job gives another answer")
        if not sanitize:  # the installed flags are those of a plain build
            environment = {**os.environ, "XDG_CACHE_HOME": folder}
            expect(call(moved / "bin/millrace", "run", Path(folder) / "job.cpp", text, env=environment) == expected,
                   "millrace run gives another answer from the installed prefix")


if __name__ == "__main__":
    main()

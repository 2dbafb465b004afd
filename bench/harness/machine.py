"""Where and with what a run was made."""
import os
import platform
import shutil
import subprocess


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].strip() if lines else ""


def cpu():
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def memory_bytes():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def describe(repository):
    dirty = first_line("git", "-C", str(repository), "status", "--porcelain", "--untracked-files=no")
    commit = first_line("git", "-C", str(repository), "rev-parse", "--short=12", "HEAD")
    return {
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_bytes() / 2**30, 1),
        "kernel": platform.release(),
        "compiler": first_line(os.environ.get("CXX", "c++"), "--version"),
        "commit": commit + (" with changes" if dirty else ""),
    }


def versions(python):
    """The peers' versions, of those that are there."""
    found = {}
    for name, command in {"coreutils": ["sort", "--version"], "GNU grep": ["grep", "--version"], "ripgrep": ["rg", "--version"],
                          "mawk": ["mawk", "-W", "version"], "Java": ["java", "-version"]}.items():
        if shutil.which(command[0]):
            found[name] = first_line(*command)
    if python:
        for name, module in {"DuckDB": "duckdb", "Polars": "polars", "PySpark": "pyspark"}.items():
            version = first_line(python, "-c", f"import {module}; print({module}.__version__)")
            if version and "Error" not in version and "Traceback" not in version:
                found[name] = version
    return found

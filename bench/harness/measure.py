"""Runs one program once and says what it took."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field

PRINTED = re.compile(r"^(in_process_seconds|load_seconds|pass_seconds) ([0-9.eE+-]+)$", re.MULTILINE)


@dataclass
class Run:
    elapsed: float
    user: float
    system: float
    peak_rss: int  # bytes, of the largest process
    printed: dict = field(default_factory=dict)  # times that the program itself printed
    probe: float = 0  # memory scan just before, GB/s
    output_bytes: int = 0
    error: str = ""


def remove(path):
    path = pathlib.Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()


def size_of(path):
    path = pathlib.Path(path)
    if path.is_dir():
        return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())
    return path.stat().st_size if path.exists() else 0


def run(command, *, env, output, stdout_is_output, timeout):
    """Runs the command in a process group of its own; ends the whole group at the timeout."""
    words = ["/bin/sh", "-c", command] if isinstance(command, str) else command
    with tempfile.TemporaryFile() as messages:
        out = open(output, "wb") if stdout_is_output else messages
        start = time.perf_counter()
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=messages, env=env, start_new_session=True)
        timer = threading.Timer(timeout, lambda: os.killpg(process.pid, signal.SIGKILL))
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = time.perf_counter() - start
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if stdout_is_output:
            out.close()
        messages.seek(0)
        text = messages.read().decode(errors="replace")
    result = Run(elapsed, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024, {name: float(value) for name, value in PRINTED.findall(text)})
    result.output_bytes = size_of(output)
    if elapsed >= timeout:
        result.error = f"stopped after {timeout:.0f} s"
    elif process.returncode != 0:
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith((" ", "\t"))]  # not a call stack
        result.error = f"exit status {process.returncode}: {lines[-1] if lines else 'no message'}"
    return result


def probe(build, memory):
    """Makes `memory` bytes ready for the next program and returns how fast memory is scanned now, in GB/s."""
    text = subprocess.run([f"{build}/bench/bench_probe", str(int(memory))], capture_output=True, text=True, check=True).stdout
    return float(text.split()[1])


def digest(build, mode, path):
    """What the output says, as (digest, lines, whether its lines are in order)."""
    done = subprocess.run([f"{build}/bench/bench_digest", mode, str(path)], capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr.strip(), 0, False
    words = done.stdout.split()
    return words[3], int(words[1]), words[5] == "1"

"""Runs as steps of a real Slurm of four nodes, and what they survive.  Usage: steps_test.py MILLRACE [...]"""
import os
import re
import socket
import struct
import subprocess
import threading
from pathlib import Path

from slurm_case import ROOT, SMALL, SlurmCase, alive, environment_of, run_tests, wait_for

from cluster_case import CONT, INT, KILL, STOP, send


def gate_ports(step):
    """Where task 0 of a step may listen for the others: src/cluster/slurm.cc."""
    value = 14695981039346656037
    for byte in step.encode():
        value = ((value ^ byte) * 1099511628211) % (1 << 64)
    return [20000 + (value + index * 977) % (1 << 64) % 12000 for index in range(16)]


def ports(pid, state):
    """The local ports of a process's sockets that are in this state, as /proc/net/tcp has it."""
    sockets = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(os.readlink(fd))
        except OSError:
            pass
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == state and f"socket:[{row[9]}]" in sockets}


def listening(pid):
    return ports(pid, "0A")


def hung_up_on(pid):
    """Has the other end of one of its streams closed it?"""
    return ports(pid, "08")


class StepsTest(SlurmCase):
    def expected(self, size, name="text"):
        self.write_text(name, size)
        run = self.run_process("wordcount", name, "-o", f"quiet-{name}", *SMALL)
        self.assertEqual(run.returncode, 0, run.stderr)
        return self.parts(f"quiet-{name}")

    def count(self, *options, name="text", output="out"):
        return self.start_step("wordcount", name, "-o", output, "--split=100K", *SMALL, *options)

    def assert_same(self, process, expected, output="out"):
        _, out, err = self.finish(process)
        self.assertEqual(self.parts(output), expected, err)
        self.assertEqual(out, b"")
        return err

    def test_a_step_gives_the_same_bytes(self):
        expected = self.expected(3_000_000)
        process = self.count()
        self.assert_same(process, expected)
        self.assertEqual(process.returncode, 0)
        self.assert_nothing_left()

    def test_results_go_to_standard_output_of_the_first_task_alone(self):
        self.write("text", b"a b a\n")
        run = self.start_step("wordcount", "text", *SMALL)
        status, out, err = self.finish(run)
        self.assertEqual((status, out), (0, b"a\t2\nb\t1\n"), err)

    def test_two_runs_at_once_on_the_same_nodes(self):
        expected = {name: self.expected(3_000_000, name) for name in ("one", "two")}
        processes = {name: self.count(name=name, output=f"out-{name}") for name in expected}
        for name, process in processes.items():
            self.assert_same(process, expected[name], f"out-{name}")
            self.assertEqual(process.returncode, 0)
        self.assert_nothing_left()

    def test_two_steps_of_one_job(self):
        expected = {name: self.expected(2_000_000, name) for name in ("one", "two")}
        words = " ".join(["--split=100K", *SMALL])
        (self.path / "both.sh").write_text("\n".join(
            ["#!/bin/sh", *(f"srun --overlap -N4 -n4 millrace wordcount {name} -o out-{name} {words} &\np{i}=$!"
                            for i, name in enumerate(expected)), "wait $p0 && wait $p1"]))
        self.slurm("sbatch", "--wait", "-N4", "-n4", "both.sh")
        for name in expected:
            self.assertEqual(self.parts(f"out-{name}"), expected[name])

    def test_slurm_brings_the_executable_to_the_nodes(self):
        shipped = self.path / "shipped"  # what nodes have on disks of their own; here it is one for all
        process, _ = self.start_held(shape=("-N4", "-n8", f"--bcast={shipped}"), runs=shipped)
        self.assert_goes_on(process)

    def test_the_batch_script_of_the_document(self):
        expected = self.expected(3_000_000)
        document = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
        script = re.search(r"^```bash wordcount.sbatch\n(.*?)^```$", document, re.M | re.S).group(1)
        (self.path / "wordcount.sbatch").write_text(script)
        self.slurm("sbatch", "--wait", "--export=ALL,MILLRACE_REDUCERS=3", "wordcount.sbatch", "text", "out")
        self.assertEqual(self.parts("out"), expected)
        self.assert_nothing_left()

    def test_a_job_that_fails(self):
        self.write("text", b"a\n")
        (self.path / "out").mkdir()
        process = self.start_step("wordcount", "text", "-o", "out", *SMALL)
        status, out, err = self.finish(process)
        self.assertEqual((status, out), (1, b""), err)
        self.assertIn(b"millrace wordcount: ", err)
        self.assertIn(b"out", err)
        self.assert_nothing_left()

    def test_executors_are_killed(self):
        process, tasks = self.start_held()
        for rank in self.random.sample(range(1, 8), 2):
            send(tasks[rank][0], KILL)
        self.assert_goes_on(process)

    def test_a_task_that_slept_too_long_is_not_heard_any_more(self):
        # Nobody but Slurm could kill it: it goes on, ends what it has begun, and speaks to a driver that has given it up.
        process, tasks = self.start_held("--executor-timeout=5", "--events=events", "--no-backups")
        self.assertTrue(wait_for(lambda: len(list(self.path.glob("waiting.*"))) >= 8, 120), "not all tasks are busy")
        sleeper = tasks[self.random.randrange(1, 8)][0]
        send(sleeper, STOP)
        before = hung_up_on(sleeper)  # by others than the driver, on which all of them still wait
        self.assertTrue(wait_for(lambda: hung_up_on(sleeper) - before), "it was not given up")
        self.go()
        send(sleeper, CONT)
        self.finish(process)
        self.assert_complete()
        self.assert_nothing_left()
        lost = self.events("executor_lost")
        self.assertEqual(len(lost), 1)
        self.assertIn("sign of life", lost[0]["reason"])
        self.assert_nothing_counts_of(lost[0]["executor"])

    def test_slurm_takes_a_node_down(self):
        process, tasks = self.start_held()
        self.addCleanup(self.restore_nodes)
        self.assertTrue(any(node == "n3" for _, node in tasks.values()))
        self.slurm("scontrol", "update", "nodename=n3", "state=down", "reason=test")
        self.assert_goes_on(process)

    def test_a_node_is_lost_with_its_daemon(self):
        process, tasks = self.start_held()
        self.addCleanup(self.restore_nodes)
        self.addCleanup(self.cluster.start_node, "n3")
        lost = [pid for pid, node in tasks.values() if node == "n3"]
        self.assertTrue(lost)
        for pid in [self.cluster.slurmd_of("n3"), *lost]:
            send(pid, KILL)
        self.go()
        self.assertTrue(wait_for(lambda: (self.path / "out" / "_SUCCESS").exists(), 120), "the output is not complete")
        self.assert_complete()
        self.cluster.start_node("n3")
        self.finish(process)

    def test_cancelled(self):
        process, _ = self.start_held()
        self.slurm("scancel", "--partition=main")
        self.finish(process, 60)
        self.assertFalse((self.path / "out").exists())
        self.assertTrue(wait_for(lambda: not any(map(alive, self.seen)), 30), "tasks outlive their job")


class StrangersTest(SlurmCase):
    """Of those who connect to a run's ports, nobody without its credentials is told anything, and the run goes on."""

    def question(self, step, nonce, user=None):
        """What a task asks at the gate, as a munge credential of this user or another."""
        content = bytes([len(step)]) + step.encode() + struct.pack("<I", 1) + bytes([len(nonce)]) + nonce
        words = ["munge", f"--socket={self.environment['MILLRACE_MUNGE_SOCKET']}", "--restrict-uid=0"]
        made = subprocess.run(words, input=content, stdout=subprocess.PIPE, check=True, user=user)
        credential = made.stdout.strip()
        return struct.pack("<I", len(credential)) + credential

    def answer(self, port, message):
        """What the process at the port says until it hangs up, or for a while."""
        with socket.create_connection(("127.0.0.1", port), timeout=20) as stranger:
            out = b""
            try:
                stranger.sendall(message)
                stranger.shutdown(socket.SHUT_WR)
                while piece := stranger.recv(65536):
                    out += piece
            except OSError:  # hung up at once
                pass
            return out

    def test_the_gate_answers_its_own_user_alone(self):
        process, tasks = self.start_held()
        driver = tasks[0][0]
        environment = environment_of(driver)
        step = f"{environment['SLURM_JOB_ID']}.{environment['SLURM_STEP_ID']}"
        gate = wait_for(lambda: [port for port in gate_ports(step) if port in listening(driver)])
        self.assertEqual(len(gate), 1, f"{listening(driver)} of step {step}")
        nonce = bytes(self.random.randrange(256) for _ in range(32))
        # Those who say nothing keep nobody waiting: one after the other they would for half a minute.
        silent = [socket.create_connection(("127.0.0.1", gate[0]), timeout=20) for _ in range(10)]
        mine = self.answer(gate[0], self.question(step, nonce))
        for stranger in silent:
            stranger.close()
        self.assertIn(b"MUNGE:", mine)  # so that silence below means refusal
        self.assertEqual(self.answer(gate[0], self.question(step, nonce, user="nobody")), b"")
        self.assertEqual(self.answer(gate[0], self.question("1.77777", nonce)), b"")
        replayed = self.question(step, nonce)
        self.answer(gate[0], replayed)
        self.assertEqual(self.answer(gate[0], replayed), b"")
        self.assertEqual(self.answer(gate[0], b"\xff" * 100), b"")
        self.assertEqual(self.answer(gate[0], b"GET / HTTP/1.0\r\n\r\n"), b"")
        self.assert_goes_on(process)

    def test_noise_at_every_port_of_a_run(self):
        process, tasks = self.start_held()
        # The gate, the driver's messages, and what each executor serves blocks at.
        ports = wait_for(lambda: len(found := {port for pid, _ in tasks.values() for port in listening(pid)}) > 8 and found)
        self.assertTrue(ports)
        garbage = bytes(self.random.randrange(256) for _ in range(5000))
        threads = [threading.Thread(target=self.answer, args=(port, garbage)) for port in ports]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assert_goes_on(process)


class SubmitTest(SlurmCase):
    def submit(self, *words):
        return self.run_process("submit", "--slurm", "-N4", "-n8", "--cpus=1", *words)

    def test_prints_what_the_job_prints_and_returns_its_status(self):
        self.write("a text", b"a b a\n")
        run = self.submit("wordcount", "a text", *SMALL)
        self.assertEqual((run.returncode, run.stdout), (0, b"a\t2\nb\t1\n"), run.stderr)
        failed = self.submit("wordcount", "it's missing")
        self.assertEqual((failed.returncode, failed.stdout), (1, b""))
        self.assertIn(b"it's missing", failed.stderr)

    def test_detached(self):
        self.write("text", b"a b a\n")
        run = self.submit("--detach", "wordcount", "text", "-o", "out", *SMALL)
        self.assertRegex(run.stdout, rb"\A\d+\n\Z")
        self.assertTrue(wait_for(lambda: (self.path / "out" / "_SUCCESS").exists(), 60))

    def test_ctrl_c_without_a_terminal_cancels(self):
        self.write("text", b"a\n")
        process = self.start("submit", "--slurm", "-N2", "stream", "-input", "text", "-output", "out", "-mapper",
                             "sleep 300", "-reducer", "cat", *SMALL)
        self.assertTrue(wait_for(lambda: "R" in self.slurm("squeue", "-h", "-o", "%t"), 60))
        process.send_signal(INT)
        self.assertEqual(self.finish(process, 60)[0], 130)
        self.assert_nothing_left()

    def test_says_what_it_does_not_understand(self):
        for words in (["wordcount", "x"], ["--slurm"], ["--slurm", "-N0", "wordcount"], ["--slurm", "--nix", "wordcount"],
                      ["--slurm", "-N4", "-n2", "wordcount"], ["--slurm", "no-such-job"]):
            self.assertEqual(self.run_process("submit", *words).returncode, 2, words)


if __name__ == "__main__":
    run_tests()

"""Runs on hosts that ssh reaches: the same bytes, whatever is killed.  Usage: hosts_test.py MILLRACE [unittest arguments]"""
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import threading
import unittest
from pathlib import Path

from cluster_case import INT, KILL, MILLRACE, STOP, all_children_of, alive, send, wait_for
from hosts_case import HostsCase, descendants, why_not


class SameBytesTest(HostsCase):
    def assert_same(self, command, *inputs, options=()):
        for name, more in (("embedded", []), ("hosts", ["--hosts=a,b:2,c", *options])):
            run = self.run_process(command, *inputs, "-o", name, "--reducers=3", "--split=100K", *more)
            self.assertEqual((run.returncode, run.stdout, run.stderr), (0, b"", b""))
        self.assertEqual(self.parts("hosts"), self.parts("embedded"))
        self.assert_nothing_left()

    def test_word_count(self):
        self.write_text("text", 3_000_000)
        self.assert_same("wordcount", "text")

    def test_sort_that_spills(self):
        self.write_text("text", 6_000_000)
        self.assert_same("sort", "text", options=["--memory=2M"])

    def test_join(self):
        self.write("left", b"".join(b"%d\tleft %d\n" % (i * 7 % 50000, i) for i in range(50000)))
        self.write("right", b"".join(b"%d\tright %d\n" % (i * 3, i) for i in range(20000)))
        self.assert_same("join", "left", "right")

    def test_results_come_to_the_driver(self):
        self.write_text("text", 1_000_000)
        plain = self.run_process("grep", "w12", "text")
        run = self.run_process("grep", "w12", "text", "--hosts=a,b", "--split=100K")
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, plain.stdout, b""))


class ShippingTest(HostsCase):
    def run_from_a_path_that_hosts_do_not_see(self, *words):
        program = self.path / "program"
        shutil.copy(MILLRACE, program)
        process = subprocess.Popen([program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.path,
                                   env=self.environment)
        program.unlink()  # it runs already
        self.addCleanup(process.kill)
        return self.finish(process)

    def test_the_executable_goes_where_it_is_not_and_only_once(self):
        self.write_text("text", 500_000)
        self.assertEqual(self.run_process("wordcount", "text", "-o", "embedded").returncode, 0)
        arrived = {}
        for run in ("first", "second"):
            status, out, err = self.run_from_a_path_that_hosts_do_not_see("wordcount", "text", "-o", run, "--hosts=a,b")
            self.assertEqual((status, out, err), (0, b"", b""))
            self.assertEqual(self.parts(run), self.parts("embedded"))
            arrived[run] = {path: path.stat().st_ino for path in self.cached()}
        self.assertEqual(len(arrived["first"]), 2, "one for each host that took part")
        self.assertEqual(arrived["second"], arrived["first"], "sent again though it was there")
        for path in arrived["first"]:
            self.assertEqual(path.read_bytes(), Path(MILLRACE).read_bytes())
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o700)
            self.assertEqual(stat.S_IMODE(path.parent.stat().st_mode), 0o700)
        self.assert_nothing_left()

    def test_a_broken_copy_is_replaced_and_old_ones_go(self):
        self.write_text("text", 200_000)
        run = ("wordcount", "text", "-o", "out", "--overwrite", "--hosts=a")
        self.assertEqual(self.run_from_a_path_that_hosts_do_not_see(*run)[0], 0)
        copy, = self.cached()
        copy.write_bytes(copy.read_bytes()[:1000])
        old = copy.parents[1] / "0123456789"
        old.mkdir()
        (old / "program").write_bytes(b"old")
        os.utime(old, (1, 1))
        self.assertEqual(self.run_from_a_path_that_hosts_do_not_see(*run)[0], 0)
        self.assertEqual(copy.read_bytes(), Path(MILLRACE).read_bytes())
        self.assertFalse(old.exists())

    def test_nothing_is_sent_where_the_file_system_is_shared(self):
        self.write_text("text", 200_000)
        self.assertEqual(self.run_process("wordcount", "text", "-o", "out", "--hosts=a").returncode, 0)
        self.assertEqual(self.cached(), [])

    def test_a_host_that_keeps_nothing_says_so(self):
        (self.homes / "127.0.0.1").mkdir()
        (self.homes / "127.0.0.1" / ".cache").write_text("no directory")
        self.write_text("text", 1000)
        status, _, err = self.run_from_a_path_that_hosts_do_not_see("wordcount", "text", "--hosts=a")
        self.assertEqual(status, 1)
        self.assertRegex(err, rb"host a is left out: the program cannot be kept in \S+/\.cache/millrace/hosts")


class FailuresTest(HostsCase):
    def begin(self, *options, hosts="a,b,c", size=30_000_000):
        self.write_text("text", size)
        run = self.run_process("wordcount", "text", "-o", "quiet", "--reducers=3")
        self.assertEqual(run.returncode, 0, run.stderr)
        return self.start("wordcount", "text", "-o", "out", "--reducers=3", f"--hosts={hosts}", "--threads=1",
                          "--split=100K", *options)

    def assert_done(self, process):
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assertEqual(self.parts("out"), self.parts("quiet"))
        self.assert_nothing_left()
        return err

    def test_an_executor_is_killed(self):
        process = self.begin()
        victims = self.executors_on_hosts(3)
        self.assertTrue(send(self.random.choice(victims), KILL))
        self.assertTrue(wait_for(lambda: len(self.seen - set(victims) - set(self.on_hosts()["host"])) >= 1
                                 or process.poll() is not None), "it is not replaced")
        self.assert_done(process)

    def test_an_executor_sleeps_for_good(self):
        process = self.begin("--executor-timeout=2")
        victim = self.random.choice(self.executors_on_hosts(3))
        send(victim, STOP)
        self.assert_done(process)
        self.assertFalse(alive(victim), "a process that is stopped is left behind")

    def test_a_connection_of_ssh_is_killed(self):
        process = self.begin()
        self.executors_on_hosts(3)
        connections = all_children_of(self.sshd.pid)
        victim = self.random.choice(connections)
        executors = descendants(victim)
        send(victim, KILL)
        self.assertTrue(wait_for(lambda: not any(alive(pid) for pid in executors), 30), "they outlive their connection")
        self.assert_done(process)

    def test_the_process_of_a_host_is_killed(self):
        process = self.begin()
        self.executors_on_hosts(3)
        victim = self.random.choice(self.on_hosts()["host"])
        executors = descendants(victim)
        send(victim, KILL)
        self.assertTrue(wait_for(lambda: not any(alive(pid) for pid in executors), 30), "they outlive what started them")
        self.assert_done(process)

    def test_the_driver_is_killed(self):
        process = self.begin()
        self.executors_on_hosts(3)
        children = descendants(process.pid)
        process.kill()
        process.communicate()
        self.assertTrue(wait_for(lambda: not any(self.on_hosts().values()), 30), "executors outlive their driver")
        self.assertTrue(wait_for(lambda: not any(alive(pid) for pid in children), 30), "ssh outlives the driver")
        self.assertFalse((self.path / "out").exists())
        self.assertEqual([str(path) for path in self.homes.glob("*/tmp/*")], [])

    def test_ctrl_c(self):
        process = self.begin()
        self.executors_on_hosts(3)
        self.assertTrue(wait_for(lambda: list(self.path.glob(".out.*.tmp")) or process.poll() is not None))
        process.send_signal(INT)
        status, out, err = self.finish(process, 60)
        self.assertEqual((status, out), (130, b""), err)
        self.assertFalse((self.path / "out").exists())
        self.assert_nothing_left()

    def test_an_unknown_host_among_three_is_left_out(self):
        err = self.assert_done(self.begin(hosts="a,nowhere,c"))
        if b"left out" in err:  # else the run ended before that was certain
            self.assertRegex(err, rb"^millrace: host nowhere is left out: .*(resolve|name)")

    def test_no_host_at_all(self):
        self.write_text("text", 1000)
        run = self.run_process("wordcount", "text", "-o", "out", "--hosts=nowhere")
        self.assertEqual((run.returncode, run.stdout), (1, b""))
        self.assertRegex(run.stderr, rb"no host runs executors: nowhere: .*host\.invalid")
        self.assertFalse((self.path / "out").exists())

    def test_a_host_that_does_not_let_us_in(self):
        (self.ssh_folder / "authorized_keys").write_text("")
        self.write_text("text", 1000)
        run = self.run_process("wordcount", "text", "--hosts=a")
        self.assertEqual((run.returncode, run.stdout), (1, b""))
        self.assertIn(b"Permission denied", run.stderr)

    def test_no_ssh(self):
        self.write_text("text", 1000)
        run = self.run_process("wordcount", "text", "--hosts=a", "--ssh=/nowhere/ssh")
        self.assertEqual((run.returncode, run.stdout), (1, b""))
        self.assertIn(b"/nowhere/ssh cannot be started", run.stderr)


class UnsharedFilesTest(HostsCase):
    """Hosts see a part of this machine's files through `login`, which hides one directory from them."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL,
                                               check=False).returncode != 0:
            self.skipTest("only root can hide files")
        self.hidden = self.path / "hidden"
        self.hidden.mkdir()
        login = self.ssh_folder / "login"
        login.write_text(login.read_text().replace(
            "exec env", f"exec unshare --mount /bin/sh -c 'mount -t tmpfs none {self.hidden}; exec \"$@\"' - env"))

    def test_an_input_that_a_host_does_not_see(self):
        (self.hidden / "text").write_text("a b c\n")
        run = self.run_process("wordcount", self.hidden / "text", "--hosts=a")
        self.assertEqual((run.returncode, run.stdout), (1, b""))
        self.assertRegex(run.stderr.decode(), rf"{self.hidden}/text.*No such file.*\(on host a\)")

    def test_an_output_that_a_host_does_not_share(self):
        self.write_text("text", 1000)
        run = self.run_process("wordcount", "text", "-o", self.hidden / "out", "--hosts=a")
        self.assertEqual((run.returncode, run.stdout), (1, b""))
        self.assertRegex(run.stderr.decode(), rf"{self.hidden}/\.out\.\S+: is not to be seen here.*\(on host a\)")
        self.assertEqual(list(self.hidden.iterdir()), [])

    def test_a_directory_that_a_host_does_not_see(self):
        (self.hidden / "here").mkdir()
        (self.hidden / "here" / "text").write_text("a b c\n")
        run = subprocess.run([MILLRACE, "wordcount", "text", "--hosts=a"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             cwd=self.hidden / "here", env=self.environment, timeout=240, check=False)
        self.assertEqual((run.returncode, run.stdout), (1, b""))
        self.assertIn(f"host a is left out: it does not see the directory {self.hidden}/here", run.stderr.decode())


class SecrecyTest(HostsCase):
    def test_what_executors_say_is_encrypted(self):
        self.write_text("text", 5_000_000)
        confidential = b"a-word-that-stands-in-every-line"
        text = (self.path / "text").read_bytes().replace(b"\n", b" " + confidential + b"\n")
        (self.path / "text").write_bytes(text)
        heard = self.listen_to("wordcount", "text", "-o", "out", "--hosts=a,b,c", "--threads=1", "--split=200K",
                               "--reducers=3")
        self.assertGreater(len(heard), 10000)
        self.assertNotIn(confidential, heard)
        heard = self.listen_to("wordcount", "text", "-o", "plain", "--workers=3", "--threads=1", "--split=200K",
                               "--reducers=3")
        self.assertIn(confidential, heard, "this test would not hear it")
        heard = self.listen_to("wordcount", "text", "-o", "encrypted", "--workers=3", "--threads=1", "--split=200K",
                               "--reducers=3", "--tls")
        self.assertGreater(len(heard), 10000)
        self.assertNotIn(confidential, heard)
        for name in ("plain", "encrypted"):
            self.assertEqual(self.parts(name), self.parts("out"))

    def listen_to(self, *words):
        """All bytes of this run's processes on loopback, but for those of ssh."""
        try:
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        except (AttributeError, PermissionError):
            self.skipTest("only root can listen to the network")
        raw.bind(("lo", 0))
        raw.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)  # SO_RCVBUFFORCE
        raw.settimeout(0.2)
        heard = bytearray()
        over = threading.Event()

        def listen():
            while True:
                try:
                    packet = raw.recv(1 << 17)
                except TimeoutError:
                    if over.is_set():
                        return
                    continue
                header = 14 + (packet[14] & 15) * 4
                ports = int.from_bytes(packet[header:header + 2], "big"), int.from_bytes(packet[header + 2:header + 4], "big")
                if self.port not in ports:
                    heard.extend(packet[header + (packet[header + 12] >> 4) * 4:] if len(packet) > header + 12 else b"")

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            run = self.run_process(*words)
        finally:
            over.set()
            listener.join()
            raw.close()
        self.assertEqual(run.returncode, 0, run.stderr)
        return bytes(heard)

    def test_the_secret_is_nowhere_to_be_read(self):
        secret_file = self.ssh_folder / "heard"
        # A login that keeps what the driver sends: there the secret is, and so this test knows it.
        login = self.ssh_folder / "login"
        login.write_text(login.read_text().replace("exec env", f"tee {secret_file} | env"))
        self.write_text("text", 30_000_000)
        process = self.start("wordcount", "text", "-o", "out", "--hosts=a", "--split=100K", "--events=events",
                             "--report=report")
        self.executors_on_hosts(1)
        secret = wait_for(lambda: self.secret_in(secret_file.read_bytes()))
        self.assertEqual(len(secret), 32)
        shown = bytearray()
        for pid in [process.pid, *descendants(process.pid), *descendants(self.sshd.pid)]:
            for name in ("cmdline", "environ"):
                try:
                    shown += Path(f"/proc/{pid}/{name}").read_bytes()
                except OSError:
                    pass
        self.assertIn(b"MILLRACE_EXECUTOR", shown)
        status, out, err = self.finish(process)
        self.assertEqual(status, 0, err)
        for content in (shown, out, err, *(path.read_bytes() for path in self.path.rglob("*")
                                           if path.is_file() and path != secret_file)):
            for form in (secret, secret[:8], secret.hex().encode()):
                self.assertNotIn(form, content)

    @staticmethod
    def secret_in(heard):
        """The first field of the seat's message (kind 96), a string of 32 bytes with its length in front."""
        found = re.search(rb"[\x00-\xff]\x00\x00\x00\x60\x20", heard)
        return heard[found.end():found.end() + 32] if found else None

    def test_strangers_are_dropped(self):
        self.write_text("text", 30_000_000)
        process = self.start("wordcount", "text", "-o", "out", "--hosts=a,b", "--split=100K", "--threads=1")
        told = self.executors_on_hosts(2)
        ports = wait_for(lambda: (found := self.listening([process.pid, *told])) and len(found) >= 3 and found)
        self.assertGreaterEqual(len(ports), 3, "the driver and two executors listen")
        client_hello = bytes.fromhex("16030100c8010000c40303") + bytes(200)
        for address in ports:
            for greeting in (b"GET / HTTP/1.1\r\n\r\n" * 4, b"millrac1" + bytes(64), client_hello, bytes(4096)):
                with socket.create_connection(address, timeout=20) as stranger:
                    answer = bytearray()
                    try:
                        stranger.sendall(greeting)
                        while more := stranger.recv(4096):
                            answer += more
                    except ConnectionResetError:
                        pass
                    self.assertLessEqual(len(answer), 64, "more than a challenge and its proof")
        for address in ports:
            self.assertTrue(address[0].startswith("127."), f"{address} is open to others")
        status, _, err = self.finish(process)
        self.assertEqual(status, 0, err)
        self.assert_nothing_left()

    def listening(self, pids):
        inodes = {}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                host, port = fields[1].split(":")
                inodes[fields[9]] = (".".join(str(int(host[i:i + 2], 16)) for i in (6, 4, 2, 0)), int(port, 16))
        found = set()
        for pid in pids:
            for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
                try:
                    match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(descriptor))
                except OSError:
                    continue
                if match and match[1] in inodes:
                    found.add(inodes[match[1]])
        return sorted(found)


class UsageTest(HostsCase):
    def test_what_does_not_go_together(self):
        self.write("text", b"a\n")
        for options, said in ((["--hosts=a", "--workers=2"], b"exclude each other"),
                              (["--hosts=a", "--threads=0"], b"--threads 0"),
                              (["--hosts=-oProxyCommand=x"], b"does not name a host"),
                              (["--hosts=@nowhere"], b"nowhere")):
            run = self.run_process("wordcount", "text", *options)
            self.assertEqual((run.returncode, run.stdout), (2, b""), options)
            self.assertIn(said, run.stderr)

    def test_an_address_that_this_machine_does_not_have(self):
        self.write("text", b"a\n")
        run = self.run_process("wordcount", "text", "--hosts=a", "--listen=192.0.2.1")
        self.assertEqual((run.returncode, run.stdout), (1, b""))
        self.assertIn(b"cannot listen on 192.0.2.1", run.stderr)


if __name__ == "__main__":
    reason = why_not()
    if reason:
        print("skipped: " + reason, file=sys.stderr)
        sys.exit(77)
    unittest.main()

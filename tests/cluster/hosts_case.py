"""Hosts for the tests of --hosts: a real sshd on loopback addresses, of this user, with keys and a configuration of its own."""
import getpass
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from cluster_case import ClusterCase, alive, all_children_of, wait_for

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def why_not():
    """Why these tests cannot run here; None when they can."""
    for name in ("ssh", "ssh-keygen"):
        if shutil.which(name) is None:
            return f"there is no {name} (openssh-client)"
    return None if SSHD else "there is no sshd (openssh-server)"


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


def descendants(pid):
    found = []
    for child in all_children_of(pid):
        found += [child, *descendants(child)]
    return found


class HostsCase(ClusterCase):
    """Hosts a, b and c are addresses of this machine; each logs in to a home of its own, which holds a cache alone."""

    def setUp(self):
        super().setUp()
        self.ssh_folder = self.path / "ssh"
        self.ssh_folder.mkdir(mode=0o700)
        self.homes = self.path / "homes"
        self.homes.mkdir()
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.ssh_folder / key], check=True)
        self.port = free_port()
        self.start_sshd()
        self.write_client_configuration()
        self.environment["MILLRACE_SSH"] = f"ssh -F {self.ssh_folder}/config"

    def start_sshd(self):
        folder = self.ssh_folder
        (folder / "authorized_keys").write_text((folder / "user.pub").read_text())
        (folder / "authorized_keys").chmod(0o600)
        # The command stands for a machine of its own: its home, its temporary directory, nothing of the tester's. Nor may
        # the tester's shell, which sshd has run it, read what it finds in the tester's home.
        (folder / "login").write_text(f'''#!/bin/sh
name=${{SSH_CONNECTION#* * }}
name=${{name%% *}}
home={self.homes}/$name
mkdir -p "$home/tmp"
cd "$home"
exec env -i HOME="$home" TMPDIR="$home/tmp" PATH="$PATH" SSH_CONNECTION="$SSH_CONNECTION" /bin/sh -c "$SSH_ORIGINAL_COMMAND"
''')
        (folder / "login").chmod(0o755)
        (folder / "sshd_config").write_text(f'''
Port {self.port}
ListenAddress 127.0.0.1
ListenAddress 127.0.0.2
ListenAddress 127.0.0.3
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
MaxStartups 100
SetEnv HOME={self.homes}
ForceCommand {folder}/login
''')
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd insists on it
        with (folder / "sshd.log").open("wb") as log:
            self.sshd = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stdin=subprocess.DEVNULL,
                                         stderr=log)
        self.addCleanup(self.stop_sshd)
        self.assertTrue(wait_for(self.listens), (folder / "sshd.log").read_text())

    def listens(self):
        if self.sshd.poll() is not None:
            self.fail("sshd does not start: " + (self.ssh_folder / "sshd.log").read_text())
        try:
            socket.create_connection(("127.0.0.3", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def stop_sshd(self):
        for pid in descendants(self.sshd.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.sshd.kill()
        self.sshd.wait()

    def write_client_configuration(self):
        folder = self.ssh_folder
        text = "".join(f"Host {name}\n  HostName {address}\n" for name, address in
                       (("a", "127.0.0.1"), ("b", "127.0.0.2"), ("c", "127.0.0.3"), ("nowhere", "host.invalid")))
        text += f'''Host *
  Port {self.port}
  User {getpass.getuser()}
  IdentityFile {folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  StrictHostKeyChecking accept-new
'''
        (folder / "config").write_text(text)

    def on_hosts(self):
        """The processes of this test's executable that sshd started, by what they are: the one for a host, its executors."""
        found = {"host": [], "told": []}
        for pid in descendants(self.sshd.pid):
            try:
                environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            for role, pids in found.items():
                if f"MILLRACE_EXECUTOR={role}".encode() in environment:
                    pids.append(pid)
        self.seen.update(found["host"] + found["told"])
        return found

    def executors_on_hosts(self, count):
        return wait_for(lambda: (told := self.on_hosts()["told"]) and len(told) >= count and told, 60) or []

    def parts(self, directory):
        """Digests: how large files differ is of no use to anybody, and takes minutes to say."""
        return {name: hashlib.sha256(content).hexdigest() for name, content in super().parts(directory).items()}

    def cached(self):
        return sorted(path for path in self.homes.glob("*/.cache/millrace/hosts/*/*") if path.is_file())

    def assert_nothing_left(self):
        super().assert_nothing_left()
        self.assertTrue(wait_for(lambda: not any(self.on_hosts().values()), 20), self.on_hosts())
        self.assertEqual([str(path) for path in self.homes.glob("*/tmp/*")], [])
        self.assertEqual([str(path) for path in self.homes.glob("*/.cache/millrace/hosts/*/.new*")], [])

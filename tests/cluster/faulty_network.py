"""Machines of their own, as far as the network is concerned: network namespaces, each with one interface whose packets go
through this process. It loses them, delays them, and cuts machines off from each other, whatever the kernel has built in."""
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PACKET_BYTES = 9000


class CannotMake(Exception):
    """Why there can be no such network here."""


def ip(*words):
    done = subprocess.run(["ip", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise CannotMake(f"ip {' '.join(map(str, words))}: {done.stdout.strip()}")
    return done.stdout


class FaultyNetwork:
    """Machines are numbered from 1; machine N has the address 10.77.0.N."""

    def __init__(self, machines, seed):
        self._random = random.Random(seed)
        self._label = f"millrace-{os.getpid()}-"
        self._taps = {}
        self._cuts = set()
        self._loss = self._delay = 0.0
        self._waiting = []
        self._number = 0
        self._lock = threading.Lock()
        self._over, self._end = os.pipe()
        self.lost = self.passed = 0
        self._thread = threading.Thread(target=self._route)
        try:
            for machine in range(1, machines + 1):
                self._add(machine)
        except (OSError, CannotMake) as error:
            self._remove()
            raise CannotMake(str(error)) from error
        self._thread.start()

    def _add(self, machine):
        name = f"mr{os.getpid() % 100000}n{machine}"
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._taps[machine] = tap
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        ip("netns", "add", self.namespace(machine))
        ip("link", "set", name, "netns", self.namespace(machine))
        for words in (["addr", "add", self.address(machine) + "/24", "dev", name],
                      ["link", "set", name, "mtu", PACKET_BYTES, "up"], ["link", "set", "lo", "up"]):
            ip("-n", self.namespace(machine), *words)

    def namespace(self, machine):
        return self._label + str(machine)

    @staticmethod
    def address(machine):
        return f"10.77.0.{machine}"

    def machine_of(self, pid):
        return int(ip("netns", "identify", pid).strip().removeprefix(self._label))

    def cut(self, one, other):
        """From here on nothing comes from one to the other, either way."""
        with self._lock:
            self._cuts.add(frozenset((one, other)))

    def heal(self):
        with self._lock:
            self._cuts.clear()

    def trouble(self, loss, delay):
        """Every packet is lost with this probability, and else arrives after so many seconds."""
        with self._lock:
            self._loss, self._delay = loss, delay

    def close(self):
        os.write(self._end, b"x")
        self._thread.join()
        self._remove()

    def _remove(self):
        for machine, tap in self._taps.items():
            os.close(tap)
            subprocess.run(["ip", "netns", "del", self.namespace(machine)], stderr=subprocess.DEVNULL, check=False)
        os.close(self._over)
        os.close(self._end)

    def _route(self):
        while True:
            now = time.monotonic()
            while self._waiting and self._waiting[0][0] <= now:
                _, _, machine, packet = heapq.heappop(self._waiting)
                self._deliver(machine, packet)
            pause = self._waiting[0][0] - now if self._waiting else None
            ready, _, _ = select.select([self._over, *self._taps.values()], [], [], pause)
            if self._over in ready:
                return
            for machine, tap in self._taps.items():
                if tap in ready:
                    self._take(machine, tap)

    def _take(self, machine, tap):
        for _ in range(64):
            try:
                packet = os.read(tap, 65536)
            except BlockingIOError:
                return
            if packet[0] >> 4 != 4:  # none of ours: the kernel greets its neighbours in IPv6
                continue
            to = packet[19]
            with self._lock:
                if to not in self._taps or frozenset((machine, to)) in self._cuts or self._random.random() < self._loss:
                    self.lost += 1
                    continue
                self.passed += 1
                delay = self._delay
            if delay == 0.0:
                self._deliver(to, packet)
            else:
                self._number += 1
                heapq.heappush(self._waiting, (time.monotonic() + delay, self._number, to, packet))

    def _deliver(self, machine, packet):
        try:
            os.write(self._taps[machine], packet)
        except OSError:  # its queue is full: it loses the packet, as networks do
            self.lost += 1

"""Peers of a run that are none of it, speaking what processes of a run speak (docs/formats.md, "Messages between processes")."""
import hashlib
import hmac
import os
import socket
import struct
import threading

GREETING = b"millrac1"
REJOIN, LEAVE = 8, 41


def prove(secret, role, client, server):
    return hmac.new(secret, role + client + server, hashlib.sha512).digest()[:32]


def receive(stream, count):
    out = b""
    while len(out) < count:
        piece = stream.recv(count - len(out))
        if not piece:
            return None
        out += piece
    return out


def text(value):
    assert len(value) < 128
    return bytes([len(value)]) + value.encode()


def rejoin(address, secret, build):
    """Asks a driver to adopt an executor that does not exist: the payload of its answer, or None when there is none."""
    with socket.create_connection(address, timeout=20) as stream:
        client = os.urandom(32)
        stream.sendall(GREETING + client)
        server = receive(stream, 64)[:32]
        stream.sendall(prove(secret, b"c", client, server))
        join = text(build) + text("here") + text("") + text("127.0.0.1") + struct.pack("<HII", 1, os.getpid(), 0)
        payload = join + struct.pack("<IIQ", 4242, 1, 1 << 26) + b"\0\0"
        try:
            stream.sendall(struct.pack("<IB", len(payload), REJOIN) + payload)
            header = receive(stream, 5)
        except ConnectionError:
            return None
        if header is None:
            return None
        length, kind = struct.unpack("<IB", header)
        assert kind == LEAVE, kind
        return receive(stream, length)


class DriverThatKnowsNothing:
    """Takes calls, and answers the challenge with what is no proof."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.callers = 0
        self.said_after_proof = b""
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            with stream:
                stream.settimeout(20)
                if receive(stream, 40) is None:
                    continue
                self.callers += 1
                stream.sendall(os.urandom(64))
                try:
                    self.said_after_proof += stream.recv(4096)
                except ConnectionError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def driver_that_knows_nothing():
    return DriverThatKnowsNothing()

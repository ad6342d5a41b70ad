"""A server as a process: started alone on a core, watched through /proc, ended by its own id."""

import contextlib
import os
import re
import socket
import subprocess
import time
from pathlib import Path

SERVER_CORE = "0"
LOAD_CORE = "1"
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 15
#: A question for bench.example A, as a message.
PROBE = bytes.fromhex("4242010000010000000000000562656e6368076578616d706c650000010001")


class ServerFailed(Exception):
    """A server does not run, or not as it should; the text says what it said."""


class Server:
    """A running server; a context that ends it."""

    def __init__(self, peer, directory, upstream, port=None, core=SERVER_CORE, patience=START_SECONDS):
        self.patience = patience
        self.peer = peer
        self.directory = directory
        self.port = port or free_port()
        directory.mkdir(parents=True, exist_ok=True)
        self._log = directory / "log"
        command = ["taskset", "-c", core, *peer.prepare(directory, self.port, upstream)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def __enter__(self):
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _wait_until_ready(self):
        """Asks until there is an answer without an error."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ServerFailed(f"ended with {self._process.returncode}: {self._last_words()}")
            if self._answers():
                return
            time.sleep(0.02)
        raise ServerFailed(f"no answer after {self.patience} s: {self._last_words()}")

    def _answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, contextlib.suppress(OSError):
            asking.settimeout(0.3)
            asking.connect(("127.0.0.1", self.port))
            asking.send(PROBE)
            reply = asking.recv(512)
            return len(reply) > 12 and reply[3] & 15 == 0 and reply[7] > 0
        return False

    def _last_words(self):
        return " ".join(self._log.read_text(errors="replace").split())[-300:]

    def stop(self):
        """Ends it, gently at first."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def signal(self, number):
        """Sends it a signal."""
        self._process.send_signal(number)

    @property
    def pid(self):
        """Its process."""
        return self._process.pid

    @property
    def cpu_seconds(self):
        """User and system time of all its threads so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def resident_bytes(self):
        """Its resident memory now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


def free_port():
    """A port of the loopback that is free for UDP and TCP at the moment."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            stream.bind(("127.0.0.1", 0))
            port = stream.getsockname()[1]
            with contextlib.suppress(OSError):
                datagram.bind(("127.0.0.1", port))
                return port
    raise ServerFailed("no port is free for both UDP and TCP")

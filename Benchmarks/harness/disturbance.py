"""What else goes on while latency is measured: misses, and of Vireo all that an operator may ask of it."""

import os
import signal
import socket
import threading
import time

from .load import ask
from .server import LOAD_CORE

#: Misses a second.
MISS_RATE = 2_000
#: Seconds from one listing and reload to the next.
PAUSE = 0.25


class Disturbance:
    """A context in which a server has more to do than to answer from its cache."""

    def __init__(self, server, questions, seconds):
        self._server = server
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask_misses, args=(questions.new, seconds))]
        #: How often the cache was listed, which it was only of Vireo.
        self.listings = 0
        if server.peer.name == "vireo":
            self._threads.append(threading.Thread(target=self._operate))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def was_written_down(self):
        """Whether Vireo's cache came to be in its file, which it does a second after it is told to."""
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            if (self._server.directory / "cache.snapshot").exists():
                return True
            time.sleep(0.05)
        return False

    def _ask_misses(self, names, seconds):
        ask(self._server.port, names, "-c", 1, "-q", 50, "-n", 1, "-Q", MISS_RATE, seconds=seconds)

    def _operate(self):
        """Has the cache written down each second, listed, and the configuration read again."""
        # This thread is neither to take the server's core nor to hold up the load on the other.
        os.sched_setaffinity(0, {int(LOAD_CORE)})
        os.nice(19)
        config = self._server.directory / self._server.peer.config
        snapshot = f"cache: {{snapshot: {self._server.directory}/cache.snapshot, snapshot-interval: 1s, "
        config.write_text(config.read_text().replace("cache: {", snapshot))
        while not self._ended.wait(PAUSE):
            self._server.signal(signal.SIGHUP)
            self._list()

    def _list(self):
        """Takes a listing of the whole cache, as the command line does, without a program to start beside the load."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(30)
            control.connect(str(self._server.directory / "control.sock"))
            control.sendall(b"GET /v1/cache HTTP/1.0\r\nAccept: text/plain\r\n\r\n")
            is_good = control.recv(65536).startswith(b"HTTP/1.0 200 ")
            while control.recv(1 << 20):
                pass
            self.listings += is_good

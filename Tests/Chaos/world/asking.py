"""Those who ask: single questions, a steady prober that keeps account of each query, and dnsperf."""

import re
import selectors
import signal
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

ZONE = "chaos.example"
#: Where Vireo listens.
SERVER = ("127.0.0.1", 53)
#: What names of the zone hold, by the label above it.
ADDRESSES = {"long": "192.0.2.1", "short": "192.0.2.2"}
#: A whole question ends within 4.5 s; what has no answer after so long has none.
PATIENCE = 8.0


def query(name, number, qtype=1):
    """A query as it goes over the wire."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", qtype, 1)


@dataclass
class Reply:
    """What is read of a reply to a query for an address."""

    number: int
    rcode: int
    name: str
    address: str | None
    ttl: int | None


def read(message):
    """Reads a reply whose answer, if there is one, is one address under the name that was asked for."""
    number, flags, _, answers = struct.unpack_from("!HHHH", message)
    place, labels = 12, []
    while message[place]:
        labels.append(message[place + 1:place + 1 + message[place]].decode())
        place += 1 + message[place]
    place += 5
    address = ttl = None
    if answers:
        _, kind, _, ttl, length = struct.unpack_from("!HHHIH", message, place)
        if kind == 1 and length == 4:
            address = socket.inet_ntoa(message[place + 12:place + 16])
    return Reply(number, flags & 15, ".".join(labels), address, ttl)


def ask(name, within=PATIENCE, server=SERVER):
    """One question over UDP; nothing where no answer came."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(within)
        try:
            client.connect(server)
            client.send(query(name, 1))
            return read(client.recv(4_096))
        except OSError:
            return None


@dataclass
class Query:
    """One query of a prober, and what became of it."""

    name: str
    kind: str
    sent: float
    answered: float | None = None
    rcode: int | None = None

    @property
    def good(self):
        """Whether it was answered as it should be."""
        return self.answered is not None and self.rcode == 0

    @property
    def took(self):
        """Seconds until its answer."""
        return None if self.answered is None else self.answered - self.sent


@dataclass
class Account:
    """What became of some queries."""

    sent: int = 0
    answered: int = 0
    failed: int = 0
    slowest: float = 0
    bad: list = field(default_factory=list)

    @property
    def lost(self):
        """How many have no answer."""
        return self.sent - self.answered

    def __str__(self):
        return f"{self.sent} sent, {self.lost} lost, {self.failed} failed, slowest {self.slowest:.2f} s"


class Prober:
    """Asks steadily for names that were asked for before (`hit`) and for new ones (`miss`), so many of each a second."""

    HOT = 50

    def __init__(self, hits=100, misses=50, server=SERVER, word="m"):
        self.rates, self.server, self.word = {"hit": hits, "miss": misses}, server, word
        self.queries, self.wrong, self.doubled = [], [], 0
        self._open, self._ended, self._next = {}, threading.Event(), 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        """Warms the names that are to be hits, and begins."""
        for number in range(self.HOT):
            if not ask(self._hot(number), server=self.server):
                raise RuntimeError("no answer before anything was done")
        self._thread.start()
        return self

    def stop(self):
        """Ends when each query has an answer, or had its time."""
        self._ended.set()
        self._thread.join()
        self._socket.close()
        return self

    def _hot(self, number):
        return f"h{number}.{self.word}.long.{ZONE}"

    def _run(self):
        due = {kind: time.monotonic() for kind, rate in self.rates.items() if rate}
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            end = None
            while True:
                now = time.monotonic()
                if self._ended.is_set():
                    end = end or now + PATIENCE
                    if now > end or not self._open:
                        return
                    wait = 0.05
                else:
                    for kind in due:
                        # What was missed while this process did not run is not made up for.
                        if due[kind] < now - 0.5:
                            due[kind] = now
                        while due[kind] <= now:
                            self._send(kind)
                            due[kind] += 1 / self.rates[kind]
                    wait = max(0.0, min(due.values()) - now)
                if selector.select(wait):
                    self._receive()

    def _send(self, kind):
        self._next += 1
        number = self._next & 0xFFFF
        name = self._hot(self._next % self.HOT) if kind == "hit" else f"n{self._next}.{self.word}.long.{ZONE}"
        asked = Query(name, kind, time.monotonic())
        try:
            self._socket.sendto(query(name, number), self.server)
        except OSError:
            # The interface is away: nothing was sent.
            return
        self.queries.append(asked)
        self._open[number] = asked

    def _receive(self):
        while True:
            try:
                message = self._socket.recv(4_096)
            except BlockingIOError:
                return
            except OSError:
                # Nobody listens, which ICMP says.
                continue
            reply = read(message)
            asked = self._open.pop(reply.number, None)
            if asked is None:
                self.doubled += 1
                continue
            asked.answered, asked.rcode = time.monotonic(), reply.rcode
            if reply.name != asked.name or (reply.rcode == 0 and reply.address != ADDRESSES["long"]):
                self.wrong.append(f"{asked.name}: {reply}")

    def account(self, kind=None, since=0.0, until=float("inf")):
        """What became of queries of a kind that were sent in a time."""
        account = Account()
        for asked in self.queries:
            if (kind and asked.kind != kind) or not since <= asked.sent <= until:
                continue
            account.sent += 1
            if asked.answered is not None:
                account.answered += 1
                account.failed += asked.rcode != 0
                account.slowest = max(account.slowest, asked.took)
            if not asked.good:
                account.bad.append(asked)
        return account

    def well_after(self, moment, slow=None):
        """Seconds from a moment to the last query after it that went wrong, or took longer than `slow`."""
        bad = [asked.sent for asked in self.queries
               if asked.sent >= moment and (not asked.good or (slow and asked.took > slow))]
        return max(bad) - moment if bad else 0.0


def write_names(path, names):
    """Writes a file of questions for dnsperf."""
    path.write_text("".join(f"{name}.{ZONE} A\n" for name in names))
    return path


class DNSPerf:
    """dnsperf, under way."""

    def __init__(self, names, *options, seconds=600, server=SERVER):
        self._process = subprocess.Popen(
            ["dnsperf", "-s", server[0], "-p", str(server[1]), "-d", str(names), "-T", "1", "-l", f"{seconds:g}",
             *map(str, options)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def stop(self):
        """Ends it before its time."""
        self._process.send_signal(signal.SIGINT)
        return self.result()

    def result(self):
        """Waits for its end: queries sent and lost, and answers by rcode."""
        said = self._process.communicate()[0]
        figures = {label: re.search(rf"Queries {label}:\s+(\d+)", said) for label in ("sent", "lost")}
        if not all(figures.values()):
            raise RuntimeError(f"dnsperf says: {said[-300:]}")
        rcodes = re.search(r"Response codes:\s+(.*)", said)
        counts = Counter({code: int(count) for code, count in re.findall(r"([A-Z]+) (\d+)", rcodes.group(1) if rcodes else "")})
        return int(figures["sent"].group(1)), int(figures["lost"].group(1)), counts


def fill(path, names, *options):
    """Has each name asked for once: how many were answered well."""
    return DNSPerf(write_names(path, names), "-n", "1", "-c", "4", "-q", "50", "-t", "5", *options).result()[2]["NOERROR"]

#!/usr/bin/env python3
"""What clients over TCP, TLS and HTTPS cost that come, that stay, and that say nothing, beside dnsdist and Unbound, in one run.

Each server runs alone on core 0, with a certificate of this run's own (P-256), and answers one name by itself; the clients of this
script are on core 1. In each round all servers take their turn; medians are what to read.

    clients.py handshakes      CPU µs of a full and of a resumed handshake (TLS 1.3) with one query, and of a query on a connection
    clients.py idle            resident bytes for each connection that is open and idle: those that a server closed are no figure
    clients.py beside          Vireo's cached answers over UDP without, beside and after thousands of idle connections over TLS
"""

import argparse
import base64
import os
import resource
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from harness import machine
from harness.load import ask
from harness.server import LOAD_CORE, Server, ServerFailed, free_port

SERVERS = ("vireo", "dnsdist", "unbound")
NAME = "bench.example"
QUERY = bytes.fromhex("000101000001000000000000") + b"\5bench\7example\0" + bytes.fromhex("00010001")
FRAMED = len(QUERY).to_bytes(2, "big") + QUERY


class Answering:
    """A server that answers one name over all transports."""

    def __init__(self, name, directory, program):
        self.name, self.title, self.program, self.directory = name, name, program, directory
        self.tls, self.https = free_port(), free_port()
        self.pem, self.key = str(directory / "server.pem"), str(directory / "server.key")

    def prepare(self, directory, port, _):
        """Writes its configuration: the command that starts it."""
        config = directory / f"{self.name}.conf"
        text, command = getattr(self, f"_{self.name}")(directory, port)
        config.write_text(text)
        return [word.replace("CONFIG", str(config)) for word in command]

    def _vireo(self, _, port):
        text = (f'listen: ["127.0.0.1:{port}", "tls://127.0.0.1:{self.tls}", "https://127.0.0.1:{self.https}/dns-query"]\n'
                f'upstreams: ["127.0.0.1:9"]\nworkers: 1\nconnections: 20000\ncontrol: off\nlog: {{level: warning}}\n'
                f"tls: {{certificate: {self.pem}, key: {self.key}}}\nlocal: |\n  {NAME}. 300 IN A 192.0.2.1\n")
        return text, [self.program, "serve", "--config", "CONFIG"]

    def _dnsdist(self, _, port):
        pair = f"'{self.pem}', '{self.key}'"
        text = (f"setLocal('127.0.0.1:{port}')\naddTLSLocal('127.0.0.1:{self.tls}', {pair})\n"
                f"addDOHLocal('127.0.0.1:{self.https}', {pair}, '/dns-query', {{idleTimeout=600}})\nsetACL('127.0.0.0/8')\n"
                f"setTCPRecvTimeout(600)\naddAction('{NAME}', SpoofAction('192.0.2.1'))\nsetSecurityPollSuffix('')\n"
                "newServer({address='127.0.0.1:9', healthCheckMode='up'})\n")
        return text, ["dnsdist", "-C", "CONFIG", "--supervised", "--disable-syslog"]

    def _unbound(self, directory, port):
        text = (f"server:\n    interface: 127.0.0.1@{port}\n    interface: 127.0.0.1@{self.tls}\n"
                f"    interface: 127.0.0.1@{self.https}\n    tls-port: {self.tls}\n    https-port: {self.https}\n"
                f"    tls-service-pem: {self.pem}\n    tls-service-key: {self.key}\n    do-daemonize: no\n    num-threads: 1\n"
                "    incoming-num-tcp: 5000\n    tcp-idle-timeout: 600000\n    http-max-streams: 100\n"
                f'    local-data: "{NAME}. 300 IN A 192.0.2.1"\n    username: ""\n    chroot: ""\n    directory: "{directory}"\n'
                '    pidfile: ""\n    use-syslog: no\nremote-control:\n    control-enable: no\n')
        return text, ["unbound", "-d", "-c", "CONFIG"]


class Client:
    """One connection; says and reads what its transport wants."""

    def __init__(self, server, transport, session=None, source="127.0.0.1"):
        port = {"tcp": server.port, "tls": server.peer.tls, "https": server.peer.https}[transport]
        self.transport, self.socket, self.stream = transport, socket.socket(), 1
        self.socket.settimeout(20)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if transport != "tcp":
            context = CONTEXTS[transport]
            self.socket = context.wrap_socket(self.socket, session=session)

    def ask(self):
        """Asks once."""
        self.used = time.monotonic()
        if self.transport == "https":
            self.socket.sendall(http2_request(self.stream))
            self.stream += 2
            want = b"\5bench\7example"
        else:
            self.socket.sendall(FRAMED)
            want = b"\xc0\x0c\0\1"
        got = b""
        while want not in got:
            more = self.socket.recv(4096)
            if not more:
                raise ServerFailed("closed")
            got += more

    @property
    def is_open(self):
        """Whether the server has not closed it."""
        self.socket.setblocking(False)
        try:
            return len(self.socket.recv(4096)) > 0
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        finally:
            self.socket.settimeout(20)


def client_context(protocols):
    """What a client of TLS needs."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(protocols)
    return context


CONTEXTS = {"tls": client_context(["dot"]), "https": client_context(["h2"])}


class Crowd:
    """Connections from eight addresses, each of which asks now and then, as a server closes what is idle for long."""

    def __init__(self, server, transport):
        self.server, self.transport, self.members = server, transport, []

    def grow(self, count):
        """Opens connections until there are so many."""
        while len(self.members) < count:
            self.members.append(Client(self.server, self.transport, source=f"127.0.0.{2 + len(self.members) % 8}"))
            self.members[-1].ask()
            if len(self.members) % 200 == 0:
                self.refresh(3)

    def refresh(self, age):
        """Has those ask that have been silent for so many seconds."""
        for member in self.members:
            if time.monotonic() - member.used > age:
                member.ask()

    def close(self):
        """Closes all: how many were still open."""
        still = sum(member.is_open for member in self.members)
        for member in self.members:
            member.socket.close()
        return still


def http2_request(stream):
    """One request, before the first of them what a client says first (RFC 9113, 8484); its fields are literals."""
    def frame(kind, flags, stream, payload):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    def field(name, value):
        return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value

    path = b"/dns-query?dns=" + base64.urlsafe_b64encode(QUERY).rstrip(b"=")
    head = b"\x82\x87" + field(b":authority", b"dns.test") + field(b":path", path)
    first = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") if stream == 1 else b""
    return first + frame(1, 5, stream, head)


def spent(server):
    """CPU µs of a server's process so far."""
    tasks = Path(f"/proc/{server.pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e3


def handshakes(options, directory):
    """What coming costs."""
    found = {}
    for number in range(options.rounds):
        for name in options.servers:
            with Server(Answering(name, directory, options.program), directory / f"{name}-{number}", 0) as server:
                def come(session=None):
                    client = Client(server, "tls", session)
                    client.ask()
                    result = client.socket.session, client.socket.session_reused
                    client.socket.close()
                    return result

                session = come()[0]
                figures = []
                for resumes in (False, True):
                    before, resumed = spent(server), 0
                    for _ in range(options.count):
                        session, was_resumed = come(session if resumes else None)
                        resumed += was_resumed
                    if resumed != (options.count if resumes else 0):
                        raise ServerFailed(f"{name} resumed {resumed} of {options.count}")
                    figures.append((spent(server) - before) / options.count)
                client = Client(server, "tls")
                before = spent(server)
                for _ in range(options.count):
                    client.ask()
                figures.append((spent(server) - before) / options.count)
                found.setdefault(name, []).append(figures)
    for name, rounds in found.items():
        full, resumed, query = (statistics.median(each) for each in zip(*rounds))
        print(f"{name:8} full {full:6.0f} µs, resumed {resumed:6.0f} µs, a query on a connection {query:5.1f} µs")


def idle(options, directory):
    """What staying costs."""
    for transport in ("tcp", "tls", "https"):
        for name in options.servers:
            with Server(Answering(name, directory, options.program), directory / f"{name}-{transport}", 0) as server:
                crowd, resident = Crowd(server, transport), []
                for count in (200, 200 + options.count):
                    crowd.grow(count)
                    time.sleep(0.5)
                    resident.append(server.resident_bytes)
                each = (resident[1] - resident[0]) / options.count
                print(f"{transport:6} {name:8} {each:7.0f} bytes for each of {options.count}, "
                      f"{crowd.close()} of {200 + options.count} still open", flush=True)


def beside(options, directory):
    """Hits while thousands stay, each of whom asks once in five seconds, as an idle one would be closed."""
    names = directory / "names"
    names.write_text(f"{NAME} A\n")
    with Server(Answering("vireo", directory, options.program), directory / "vireo", 0) as server:
        def hits(when):
            before = spent(server)
            load = ask(server.port, names, "-c", 8, "-q", 200, seconds=options.seconds)
            cost = (spent(server) - before) / max(1, load.completed)
            print(f"{when}: {cost:.2f} µs a hit, {load.rate:.0f}/s, {load.lost} lost", flush=True)

        hits("without")
        crowd, resident = Crowd(server, "tls"), server.resident_bytes
        crowd.grow(options.count)
        print(f"{options.count} connections, {(server.resident_bytes - resident) / options.count:.0f} bytes each")
        done = threading.Event()

        def stay():
            while not done.wait(0.1):
                crowd.refresh(5)

        staying = threading.Thread(target=stay)
        staying.start()
        for _ in range(options.rounds):
            hits("beside")
        done.set()
        staying.join()
        print(f"{crowd.close()} of {options.count} still open")
        time.sleep(1)
        hits("after")


MODES = {mode.__name__: mode for mode in (handshakes, idle, beside)}


def main():
    """Measures what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=list(MODES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=SERVERS)
    parser.add_argument("--count", type=int, default=0, help="handshakes (500), or connections (2,000; beside: 10,000)")
    parser.add_argument("--seconds", type=float, default=3, help="how long each load lasts")
    parser.add_argument("--program", default=str(machine.PROJECT / ".build/release/vireo"), help="the vireo to measure")
    options = parser.parse_args()
    options.count = options.count or {"handshakes": 500, "idle": 2000, "beside": 10_000}[options.mode]
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="vireo-clients-") as name:
        directory = Path(name)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=dns.test", "-keyout", directory / "server.key", "-out", directory / "server.pem"],
            check=True, capture_output=True)
        MODES[options.mode](options, directory)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What asking upstreams costs over UDP, TCP, TLS and HTTPS, beside dnsdist and Unbound, in one run.

Each server runs alone on core 0; dnsperf, and the upstream of all (dnsdist in front of NSD, which speaks all four with a
certificate of this run's own), share core 1. Every name is asked once, so that each is a miss. In each round all servers take
their turn; medians are what to read. A server's cost is the user and system time of its process.

    upstreams.py cost          CPU µs for each miss, by server and transport
    upstreams.py sessions      handshakes and resumptions for 10,000 questions in five bursts, 11 s apart (TLS and HTTPS)
    upstreams.py connections   resident bytes for each kept connection, by transport
"""

import argparse
import contextlib
import re
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from harness import machine
from harness.load import ask, write_names
from harness.peers import UPSTREAM
from harness.server import LOAD_CORE, Server, ServerFailed, free_port

TRANSPORTS = ("udp", "tcp", "tls", "https")
SERVERS = ("vireo", "dnsdist", "unbound")
#: Connections that bytes are measured between.
FEW, MANY = 50, 200


def run(*command):
    """Runs a command that must succeed."""
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Front:
    """The upstream of all: dnsdist with every transport, in front of NSD."""

    name = "front"
    title = "front"

    def __init__(self, directory, authority):
        self.directory, self.authority = directory, authority
        self.ports = {transport: free_port() for transport in TRANSPORTS}
        self.ports["tcp"] = self.ports["udp"]
        self.web = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=dns.test"]
        run("openssl", "req", "-x509", "-days", "2", "-keyout", self.file("key"), "-out", self.file("pem"), *key,
            "-addext", "subjectAltName=DNS:dns.test,IP:127.0.0.1")

    def file(self, name):
        """A file of its own."""
        return str(self.directory / f"front.{name}")

    def prepare(self, directory, port, upstream):
        """Writes its configuration: the command that starts it."""
        config = directory / "front.conf"
        config.write_text(f"""
setLocal('127.0.0.1:{port}')
addLocal('0.0.0.0:{self.ports["udp"]}', {{maxInFlight=1000}})
setACL('127.0.0.0/8')
setSecurityPollSuffix('')
setMaxTCPClientThreads(4)
newServer{{address='127.0.0.1:{upstream}', sockets=4, checkName='bench.example.'}}
addTLSLocal('0.0.0.0:{self.ports["tls"]}', '{self.file("pem")}', '{self.file("key")}', {{maxInFlight=1000}})
addDOHLocal('0.0.0.0:{self.ports["https"]}', '{self.file("pem")}', '{self.file("key")}', {{'/dns-query'}})
webserver('127.0.0.1:{self.web}')
setWebserverConfig({{statsRequireAuthentication=false, acl='127.0.0.0/8'}})
""")
        return ["dnsdist", "-C", str(config), "--supervised", "--disable-syslog"]

    def sessions(self, transport):
        """New and resumed sessions of its listener for a transport so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/metrics", timeout=5) as page:
            text = page.read().decode()
        port, found = self.ports[transport], []
        for name in ("tlsnewsessions", "tlsresumptions"):
            values = re.findall(rf'dnsdist_frontend_{name}{{[^}}]*:{port}"[^}}]*}} (\d+)', text)
            found.append(sum(map(int, values)))
        return found


class Forwarder:
    """A server that forwards all over one transport."""

    def __init__(self, name, transport, front, program, domains=0):
        self.name, self.title, self.transport = name, name, transport
        self.front, self.program, self.domains = front, program, domains

    def prepare(self, directory, port, _):
        """Writes its configuration: the command that starts it."""
        config = directory / f"{self.name}.conf"
        text, command = getattr(self, f"_{self.name}")(directory, port)
        config.write_text(text)
        return [word.replace("CONFIG", str(config)) for word in command]

    def _place(self, host="127.0.0.1"):
        port = self.front.ports[self.transport]
        tail = f"#dns.test?ca={self.front.file('pem')}"
        return {"udp": f"{host}:{port}", "tcp": f"tcp://{host}:{port}", "tls": f"tls://{host}:{port}{tail}",
                "https": f"https://{host}:{port}/dns-query{tail}"}[self.transport]

    def _vireo(self, directory, port):
        rules = "".join(
            f'  - {{domain: d{number}.bench.example, upstreams: ["{self._place(f"127.0.1.{number + 1}")}"]}}\n'
            for number in range(self.domains))
        forward = f"forward:\n{rules}" if rules else ""
        text = (f'listen: ["127.0.0.1:{port}"]\nupstreams: ["{self._place()}"]\nworkers: 1\n'
                f'control: "{directory}/control.sock"\ncache: {{size: 512MiB}}\nlog: {{level: warning}}\n{forward}')
        return text, [self.program, "serve", "--config", "CONFIG"]

    def _dnsdist(self, _, port):
        more = {"udp": "sockets=4", "tcp": "tcpOnly=true"}.get(
            self.transport, f"tls='openssl', validateCertificates=true, caStore='{self.front.file('pem')}', subjectName='dns.test'")
        if self.transport == "https":
            more += ", dohPath='/dns-query'"
        address = f"127.0.0.1:{self.front.ports[self.transport]}"
        text = (f"setLocal('127.0.0.1:{port}')\nsetACL('127.0.0.0/8')\nsetSecurityPollSuffix('')\n"
                f"newServer{{address='{address}', checkName='bench.example.', {more}}}\n"
                "getPool(''):setCache(newPacketCache(2000000, {numberOfShards=16}))\n")
        return text, ["dnsdist", "-C", "CONFIG", "--supervised", "--disable-syslog"]

    def _unbound(self, directory, port):
        if self.transport == "https":
            raise ServerFailed("unbound asks nobody over HTTPS")
        server = {"udp": "", "tcp": "    tcp-upstream: yes\n",
                  "tls": f"    tls-cert-bundle: \"{self.front.file('pem')}\"\n"}[self.transport]
        place = f"127.0.0.1@{self.front.ports[self.transport]}" + ("#dns.test" if self.transport == "tls" else "")
        text = (f"server:\n    interface: 127.0.0.1@{port}\n    do-daemonize: no\n    num-threads: 1\n"
                "    module-config: \"iterator\"\n    do-not-query-localhost: no\n    msg-cache-size: 256m\n"
                "    rrset-cache-size: 256m\n    outgoing-range: 4096\n    num-queries-per-thread: 4096\n    so-rcvbuf: 0\n"
                "    outgoing-num-tcp: 100\n"
                f"    username: \"\"\n    chroot: \"\"\n    directory: \"{directory}\"\n    pidfile: \"\"\n    use-syslog: no\n"
                f"    verbosity: 0\n{server}remote-control:\n    control-enable: no\nforward-zone:\n    name: \".\"\n"
                f"    forward-addr: {place}\n")
        if self.transport == "tls":
            text += "    forward-tls-upstream: yes\n"
        return text, ["unbound", "-d", "-c", "CONFIG"]


@contextlib.contextmanager
def upstream(directory):
    """NSD and dnsdist before it, on the load's core."""
    zone = Path(__file__).resolve().parent / "peers/bench.example.zone"
    nsd = directory / "nsd"
    nsd.mkdir(parents=True)
    (nsd / zone.name).write_text(zone.read_text())
    port = free_port()
    authority = Server(UPSTREAM, nsd, port, port=port, core=LOAD_CORE)
    with authority:
        front = Front(directory / "front", port)
        with Server(front, directory / "front", port, core=LOAD_CORE):
            yield front


def cost(front, directory, options):
    """CPU µs for each miss."""
    names = write_names(directory / "new", "n", range(int(options.seconds * 60_000)))
    first = write_names(directory / "first", "f", range(2000))
    found = {}
    for number in range(options.rounds):
        for transport in options.transports:
            for name in SERVERS:
                try:
                    place = directory / f"{name}-{transport}-{number}"
                    with Server(Forwarder(name, transport, front, options.program), place, 0) as server:
                        ask(server.port, first, "-c", 1, "-q", 16, "-n", 1, seconds=20)
                        before = server.cpu_seconds
                        load = ask(server.port, names, "-c", 4, "-q", 100, "-n", 1, seconds=options.seconds)
                        spent = server.cpu_seconds - before
                    figure = (spent / max(1, load.completed) * 1e6, load.good / max(1, load.completed + load.lost), load.rate)
                    found.setdefault((transport, name), []).append(figure)
                except ServerFailed as reason:
                    if number == 0:
                        print(f"{transport:6} {name:8} left out: {reason}")
    for (transport, name), figures in found.items():
        costs = [f"{figure[0]:.1f}" for figure in figures]
        print(f"{transport:6} {name:8} CPU µs a miss {statistics.median(f[0] for f in figures):6.1f}  "
              f"(rounds {', '.join(costs)}), answered {statistics.median(f[1] for f in figures):.4f}, "
              f"{statistics.median(f[2] for f in figures):.0f}/s")


def sessions(front, directory, options):
    """Handshakes and resumptions."""
    for transport in ("tls", "https"):
        bursts = [write_names(directory / f"{transport}{number}", "s", range(2000 * number, 2000 * number + 2000))
                  for number in range(5)]
        before = front.sessions(transport)
        with Server(Forwarder("vireo", transport, front, options.program), directory / f"sessions-{transport}", 0) as server:
            good = 0
            for number, burst in enumerate(bursts):
                if number:
                    time.sleep(11)
                good += ask(server.port, burst, "-c", 4, "-q", 100, "-n", 1, seconds=20).good
        new, resumed = (now - then for now, then in zip(front.sessions(transport), before))
        print(f"{transport:6} vireo    {good} questions answered: {new} full handshakes, {resumed} resumptions")


def connections(front, directory, options):
    """Bytes of kept connections."""
    for transport in TRANSPORTS:
        place = directory / f"connections-{transport}"
        with Server(Forwarder("vireo", transport, front, options.program, MANY), place, 0) as server:
            resident = []
            for start, end in ((0, FEW), (FEW, MANY)):
                names = directory / f"{transport}-{end}"
                names.write_text("".join(f"x.d{number}.bench.example A\n" for number in range(start, end)))
                load = ask(server.port, names, "-c", 1, "-q", 10, "-n", 1, seconds=20)
                if load.good != end - start:
                    raise ServerFailed(f"{load.good} of {end - start} answered over {transport}")
                resident.append(server.resident_bytes)
        each = (resident[1] - resident[0]) / (MANY - FEW)
        print(f"{transport:6} vireo    {each / 1024:.1f} KiB for each of {MANY - FEW} upstreams that were asked, connections kept")


MODES = {mode.__name__: mode for mode in (cost, sessions, connections)}


def main():
    """Measures what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=list(MODES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--transports", nargs="+", choices=TRANSPORTS, default=TRANSPORTS, help="which ones `cost` measures")
    parser.add_argument("--seconds", type=float, default=2, help="how long each load lasts")
    parser.add_argument("--program", default=str(machine.PROJECT / ".build/release/vireo"), help="the vireo to measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vireo-upstreams-") as name, upstream(Path(name)) as front:
        MODES[options.mode](front, Path(name), options)


if __name__ == "__main__":
    main()

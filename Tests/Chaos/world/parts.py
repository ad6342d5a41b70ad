"""Processes of a scenario: Vireo, NSD and Redis."""

import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import time
import urllib.request

from .asking import ADDRESSES, SERVER, ZONE, ask


class Fault(Exception):
    """What ends a scenario: something that must come to be does not."""


def until(condition, what, within=20.0, pause=0.02):
    """Waits until a condition holds: the seconds that it took."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > within:
            raise Fault(f"not within {within:g} s: {what}")
        time.sleep(pause)
    return time.monotonic() - begun


class Process:
    """A program that runs until its scenario ends."""

    def __init__(self, name, directory, command, **more):
        self.name, self.log = name, directory / f"{name}.log"
        self._command, self._more, self.popen = command, more, None

    def start(self):
        """Starts it, or starts it again."""
        with self.log.open("a") as log:
            self.popen = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._more)
        return self

    @property
    def pid(self):
        """Its number."""
        return self.popen.pid

    @property
    def said(self):
        """All that it has said."""
        return self.log.read_text(errors="replace")

    @property
    def runs(self):
        """Whether it has not ended."""
        return self.popen.poll() is None

    def send(self, number):
        """Sends it a signal."""
        self.popen.send_signal(number)

    def hold(self):
        """Has it stand still."""
        self.send(signal.SIGSTOP)

    def go_on(self):
        """Has it go on."""
        self.send(signal.SIGCONT)

    def kill(self):
        """Kills it at once."""
        self.popen.kill()
        self.popen.wait()


class NSD(Process):
    """An authoritative server of one zone with names without end, at an address of its own."""

    def __init__(self, directory, number, address=None, **more):
        self.address = address or f"127.0.0.{number}"
        home = directory / f"nsd{number}"
        home.mkdir(exist_ok=True)
        wildcards = "".join(f"*.{label} {3_600 if label == 'long' else 1} A {address}\n" for label, address in ADDRESSES.items())
        big = "".join(f"big 3600 TXT \"{letter * 250}\"\n" for letter in "abcdefghijklmnopqrstuvwxyz")
        (home / "zone").write_text(
            f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n{wildcards}{big}")
        (home / "nsd.conf").write_text(
            f"server:\n  ip-address: {self.address}@53\n  username: \"\"\n  chroot: \"\"\n  database: \"\"\n  server-count: 1\n"
            f"  tcp-count: 500\n  rrl-ratelimit: 0\n  pidfile: \"{home}/pid\"\n  xfrdfile: \"{home}/xfrd\"\n  xfrdir: \"{home}\"\n"
            f"  zonelistfile: \"{home}/list\"\n  zonesdir: \"{home}\"\nremote-control:\n  control-enable: no\n"
            f"zone:\n  name: {ZONE}.\n  zonefile: zone\n")
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        # It has children of its own, which are to stand still with it.
        super().__init__(f"nsd{number}", directory, ["nsd", "-d", "-c", str(home / "nsd.conf")], env={**os.environ, "PATH": path},
                         start_new_session=True, **more)

    def send(self, number):
        os.killpg(self.pid, number)

    def ready(self):
        """Waits until it answers."""
        until(lambda: ask(f"ready.long.{ZONE}", 0.3, (self.address, 53)), f"an answer of {self.name}: {self.said[-300:]}")
        return self


class Redis(Process):
    """A redis-server with nothing on disk."""

    def __init__(self, directory, port=6_379):
        self._port = port
        super().__init__("redis", directory, [
            "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(directory)])

    def ask(self, *command):
        """What it says to a command."""
        done = subprocess.run(["redis-cli", "-p", str(self._port), "--raw", *command], capture_output=True, text=True, timeout=10)
        return done.stdout.strip()

    def ready(self):
        """Waits until it answers."""
        until(lambda: self.ask("PING") == "PONG", "an answer of Redis")
        return self


class Vireo(Process):
    """The built program."""

    def __init__(self, directory, program, settings, environment=None, limits=()):
        self._program, self.directory = program, directory
        self.config, self.control = directory / "vireo.yaml", directory / "control.sock"
        self._http = "127.0.0.1:9153"
        self.settings = settings
        self.write()

        def limit():
            for which, value in limits:
                resource.setrlimit(which, value)

        super().__init__("vireo", directory, [program, "serve", "--config", str(self.config)],
                         env={**os.environ, **(environment or {})}, preexec_fn=limit if limits else None)

    def write(self):
        """Writes its settings."""
        fixed = {"listen": f'["{SERVER[0]}:{SERVER[1]}"]', "user": "root", "workers": "2", "control": f'"{self.control}"',
                 "http": f'"{self._http}"'}
        self.config.write_text("".join(f"{key}: {value}\n" for key, value in {**fixed, **self.settings}.items()))

    def ready(self, within=30.0):
        """Waits until it answers, any rcode will do: the seconds since now."""
        def answers():
            if not self.runs:
                raise Fault(f"vireo ended with {self.popen.returncode}: {self.said[-600:]}")
            return ask("ready.invalid", 0.2)
        return until(answers, "an answer of vireo", within, pause=0.005)

    def tell(self, *command, within=30):
        """What a command of its command line prints."""
        done = subprocess.run([self._program, *command, "--control", str(self.control)], capture_output=True, text=True,
                              timeout=within)
        if done.returncode:
            raise Fault(f"vireo {' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def metrics(self):
        """All metrics, by name and labels as they are written."""
        with urllib.request.urlopen(f"http://{self._http}/metrics", timeout=20) as response:
            text = response.read().decode()
        return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.MULTILINE)}

    def metric(self, name):
        """A metric, all of its samples together."""
        return sum(value for key, value in self.metrics().items() if key.split("{")[0] == name)

    def answers_from(self, source):
        """How many answers came from a source."""
        return sum(value for key, value in self.metrics().items()
                   if key.startswith("vireo_dns_responses_total{") and f'source="{source}"' in key)

    @property
    def megabytes(self):
        """Memory that is resident."""
        return self._status("VmRSS") / 1_024

    @property
    def address_space(self):
        """Bytes of its address space."""
        return self._status("VmSize") * 1_024

    def _status(self, field):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return int(re.search(rf"{field}:\s+(\d+)", status.read()).group(1))

    @property
    def descriptors(self):
        """How many it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @property
    def cpu_seconds(self):
        """Processor time that it has taken."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def snapshot(self, file):
        """Waits for a snapshot that was begun from now on."""
        # The one that comes next may have been begun before.
        for _ in range(2):
            before = file.stat().st_ino if file.exists() else None
            until(lambda seen=before: file.exists() and file.stat().st_ino != seen, f"a snapshot: {self.said[-300:]}")

    def idle(self):
        """Whether no question is under way."""
        with contextlib.suppress(Fault, ValueError):
            return not json.loads(self.tell("ps", "--json"))["questions"]
        return False

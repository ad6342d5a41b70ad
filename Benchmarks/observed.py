#!/usr/bin/env python3
"""What it costs Vireo to be watched, each figure beside the same without, in turn, in one run; quote the ratios.

Vireo runs alone on core 0 with one worker, load and watchers on core 1. Medians of the rounds are what to read.

    observed.py tail       p50, p99 and p99.9 of cached answers: alone, scraped each second, and with ten pages open
    observed.py scrape     time and size of a scrape with 50 upstreams and 1,000,000 names in the cache
    observed.py log        CPU of cached answers at 100,000 a second without and with a log of all; what of it was dropped
"""

import argparse
import contextlib
import os
import re
import shutil
import statistics
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from harness import machine, peers
from harness.load import ask, write_names
from harness.server import LOAD_CORE, Server, ServerFailed, free_port

TOKEN = "observed-by-a-benchmark"
HOT_NAMES = 1_000
FILLING = ("-c", 4, "-q", 64, "-n", 1)


class Observed:
    """A Vireo that can be watched; `extra` are lines of its settings."""

    name = "vireo"

    def __init__(self, program, upstreams=1, extra=""):
        self.program, self.upstreams, self.extra, self.http = program, upstreams, extra, free_port()

    def prepare(self, directory, port, upstream):
        """Writes its configuration: the command that starts it."""
        # Each of 127.0.0.0/8 is an upstream of its own.
        addresses = ", ".join(f'"127.0.0.{number}:{upstream}"' for number in range(1, self.upstreams + 1))
        config = directory / "vireo.yaml"
        config.write_text(
            f'listen: ["127.0.0.1:{port}"]\nupstreams: [{addresses}]\nworkers: 1\ncontrol: off\ncache: {{size: 512MiB}}\n'
            f'http: "127.0.0.1:{self.http}"\nhttp-token: {TOKEN}\n{self.extra or "log: {level: warning}"}\n')
        return [self.program, "serve", "--config", str(config)]

    def open(self, path):
        """A request to what watches."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
        return urllib.request.urlopen(request, timeout=30)

    def scrape(self):
        """All metrics, as text."""
        with self.open("/metrics") as response:
            return response.read().decode()

    def value(self, metric):
        """One metric; all of its samples together."""
        samples = re.findall(rf"^{metric}(?:{{[^}}]*}})? (\S+)$", self.scrape(), re.MULTILINE)
        if not samples:
            raise ServerFailed(f"{metric} is not served")
        return sum(map(float, samples))


class Watching:
    """Somebody who watches in threads, until the context ends."""

    def __init__(self, *watchers):
        self.done, self.count = threading.Event(), 0
        self._threads = [threading.Thread(target=self._run, args=(watcher,), daemon=True) for watcher in watchers]

    def _run(self, watcher):
        with contextlib.suppress(OSError, ValueError):
            watcher(self)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self._threads:
            thread.join(timeout=5)


def scraper(vireo):
    """Scrapes each second."""
    def run(watching):
        while not watching.done.wait(1):
            vireo.scrape()
            watching.count += 1
    return run


def page(vireo):
    """Keeps a page open, and reads what it is sent."""
    def run(watching):
        with vireo.open("/v1/live") as events:
            while not watching.done.is_set() and events.readline():
                watching.count += 1
    return run


def tail(options, directory, upstream):
    """Cached answers at a fixed rate, alone and watched in turn."""
    hot = write_names(directory / "hot", "h", range(HOT_NAMES))
    vireo, found = Observed(options.program), {}
    with Server(vireo, directory / "tail", upstream) as server:
        ask(server.port, hot, *FILLING, seconds=30)
        ways = {"alone": (), "scraped": (scraper(vireo),), "ten pages": (page(vireo),) * 10}
        for _ in range(options.rounds):
            for way, watchers in ways.items():
                with Watching(*watchers) as watching:
                    load = ask(server.port, hot, "-c", 8, "-q", 200, "-Q", options.rate or 20_000,
                               seconds=options.seconds, latencies=True)
                if watchers and not watching.count:
                    raise ServerFailed(f"{way}: nothing was seen")
                found.setdefault(way, []).append([load.percentile(share) for share in (0.5, 0.99, 0.999)])
    medians = {way: [statistics.median(column) for column in zip(*rows)] for way, rows in found.items()}
    for way, figures in medians.items():
        ratios = ", ".join(f"{figure / base:.2f}" for figure, base in zip(figures, medians["alone"]))
        print(f"{way}: p50 {figures[0]:.0f}, p99 {figures[1]:.0f}, p99.9 {figures[2]:.0f} µs; beside alone {ratios}")


def scrape(options, directory, upstream):
    """Scrapes of a cache that is full of names, beside those of an empty one."""
    names = write_names(directory / "many", "m", range(options.names))
    vireo = Observed(options.program, upstreams=50)
    with Server(vireo, directory / "scrape", upstream) as server:
        def scrapes(when):
            times, size = [], 0
            for _ in range(max(5, options.rounds)):
                begun = time.monotonic()
                size = len(vireo.scrape())
                times.append((time.monotonic() - begun) * 1_000)
            print(f"{when}: {statistics.median(times):.1f} ms, {size:,} bytes, "
                  f"{vireo.value('vireo_cache_entries'):,.0f} entries, {vireo.scrape().count('vireo_upstream_up{')} upstreams")
            return statistics.median(times)

        empty = scrapes("empty")
        ask(server.port, names, *FILLING, seconds=600)
        print(f"ratio {scrapes('full') / empty:.2f}")


def log(options, directory, upstream):
    """Cached answers at a fixed rate, without a log and with one of all queries, in turn."""
    hot = write_names(directory / "hot", "h", range(HOT_NAMES))
    file = directory / "queries.log"
    plain = Observed(options.program)
    logging = Observed(options.program, extra=f"log: {{level: warning, queries: {{to: {file}}}}}")
    costs = {"without": [], "with": []}
    with Server(plain, directory / "plain", upstream) as one, Server(logging, directory / "logging", upstream) as other:
        for server in (one, other):
            ask(server.port, hot, *FILLING, seconds=30)
        for _ in range(options.rounds):
            for name, server in (("without", one), ("with", other)):
                before = server.cpu_seconds
                load = ask(server.port, hot, "-c", 8, "-q", 400, "-Q", options.rate or 100_000, seconds=options.seconds)
                costs[name].append((server.cpu_seconds - before) / max(1, load.completed) * 1e6)
                print(f"{name}: {load.rate:,.0f}/s, {load.lost} lost, {costs[name][-1]:.2f} µs of CPU each", flush=True)
        time.sleep(1)
        written, dropped = (logging.value(f"vireo_query_log_{what}_total") for what in ("written", "dropped"))
    print(f"ratio {statistics.median(costs['with']) / statistics.median(costs['without']):.2f}; "
          f"{written:,.0f} written, {dropped:,.0f} dropped, {file.stat().st_size / max(1, written):.0f} bytes each")


MODES = {mode.__name__: mode for mode in (tail, scrape, log)}


def run(description, modes, add_options):
    """Reads what is asked for, starts the upstream, and measures that; `add_options` names the options of these modes alone."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=list(modes))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10, help="how long each load lasts")
    add_options(parser)
    parser.add_argument("--program", default=str(machine.PROJECT / ".build/release/vireo"), help="the vireo to measure")
    options = parser.parse_args()
    machine.require("dnsperf", "nsd")
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    print(f"{machine.machine()}; {machine.revision()}; dnsperf {machine.dnsperf_version()}", flush=True)
    with tempfile.TemporaryDirectory(prefix=f"vireo-{options.mode}-") as name:
        directory, upstream = Path(name), free_port()
        (directory / "nsd").mkdir()
        shutil.copy(peers.TEMPLATES / "bench.example.zone", directory / "nsd")
        with Server(peers.UPSTREAM, directory / "nsd", upstream, port=upstream, core=LOAD_CORE):
            modes[options.mode](options, directory, upstream)


def _add_options(parser):
    parser.add_argument("--rate", type=int, default=0, help="queries a second (tail: 20,000, log: 100,000)")
    parser.add_argument("--names", type=int, default=1_000_000, help="names in the cache (scrape)")


if __name__ == "__main__":
    run(__doc__, MODES, _add_options)

#!/usr/bin/env python3
"""Vireo beside the caching forwarders that Debian has, one after the other, on this machine's loopback.

Each server runs alone on core 0; dnsperf, which asks, and NSD, which all of them ask, share core 1. In each round all
servers take their turn, so that what the machine does meanwhile falls on all alike; medians and their ratios are what
to read. A server's cost is the user and system time of its process, as the kernel counts it.
"""

import argparse
import datetime
import os
import signal
import statistics
import sys
import tempfile
from pathlib import Path

from harness import machine, peers, plot, record, tables
from harness.load import ask
from harness.modes import FILLING, MODES, Questions
from harness.server import LOAD_CORE, Server, ServerFailed, free_port


def arguments():
    """What is to be done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = ["vireo", *(peer.name for peer in peers.PEERS)]
    several = lambda allowed: lambda text: [_one_of(word, allowed) for word in text.split(",")]
    parser.add_argument("--modes", type=several(list(MODES)), default=list(MODES), help=f"of {','.join(MODES)}")
    parser.add_argument("--servers", type=several(known), default=known, help=f"of {','.join(known)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="how long each load lasts")
    parser.add_argument("--names", type=int, default=300_000, help="names that memory is measured with")
    parser.add_argument("--program", default=str(machine.PROJECT / ".build/release/vireo"), help="the vireo to measure")
    parser.add_argument("--dry", action="store_true", help="print only: leave README, results and picture as they are")
    options = parser.parse_args()
    if not (1 <= options.rounds <= 50 and 0.5 <= options.seconds <= 60 and 1000 <= options.names <= 2_000_000):
        parser.error("rounds: 1 to 50, seconds: 0.5 to 60, names: 1,000 to 2,000,000")
    return options


def _one_of(word, allowed):
    if word not in allowed:
        raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(allowed)}")
    return word


def participants(options):
    """Those of the chosen servers that are installed; says which are not."""
    chosen = []
    for peer in (peers.vireo(options.program), *peers.PEERS):
        if peer.name not in options.servers:
            continue
        if peer.is_installed:
            chosen.append(peer)
        elif peer.name == "vireo":
            raise SystemExit(f"bench: {options.program} is missing: run `make build`")
        else:
            print(f"bench: {peer.title} is not installed and left out (Debian: {peer.package}, or `make bench-deps`)")
    return chosen


def measure(mode, servers, questions, upstream, options, directory):
    """All rounds of a mode: by server's name its title and its medians, or why there are none."""
    outcome = {peer.name: {"title": peer.title} for peer in servers}
    figures = {peer.name: [] for peer in servers}
    for number in range(1 if mode == "memory" else options.rounds):
        for peer in servers:
            reason = dict(peer.left_out).get(mode)
            if reason or "left_out" in outcome[peer.name]:
                outcome[peer.name].setdefault("left_out", reason)
                continue
            print(f"\r{mode}, round {number + 1}: {peer.title:20}", end="", file=sys.stderr, flush=True)
            try:
                with Server(peer, Path(directory) / f"{mode}-{number}-{peer.name}", upstream) as server:
                    figures[peer.name].append(MODES[mode](server, questions, options))
            except ServerFailed as failure:
                print(f"\nbench: {peer.title}: {failure}", file=sys.stderr)
                outcome[peer.name]["left_out"] = "did not run"
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    for name, rounds in figures.items():
        if rounds:
            outcome[name].pop("left_out", None)
            outcome[name]["medians"] = {key: _median([entry[key] for entry in rounds]) for key in rounds[0]}
            outcome[name]["rounds"] = rounds
    return outcome


def _median(values):
    present = [value for value in values if value is not None]
    return statistics.median(present) if present else None


def entry(servers, options):
    """A mode's results with all that tells how they came about."""
    return {
        "servers": servers, "rounds": options.rounds, "seconds": options.seconds, "machine": machine.machine(),
        "date": datetime.date.today().isoformat(), "revision": machine.revision(),
        "command": "make bench" + (f" ARGS='{' '.join(sys.argv[1:])}'" if sys.argv[1:] else ""),
    }


def run(options, directory):
    """Measures, prints, and records what was measured."""
    servers = participants(options)
    results = record.load()
    versions = {peer.title: peer.version or machine.revision() for peer in (*servers, peers.UPSTREAM)}
    results["versions"] = {**results.get("versions", {}), **versions, "dnsperf": machine.dnsperf_version()}
    questions = Questions(directory, options)
    upstream = free_port()
    zone = peers.TEMPLATES / "bench.example.zone"
    (directory / "nsd").mkdir()
    (directory / "nsd" / zone.name).write_text(zone.read_text())
    with Server(peers.UPSTREAM, directory / "nsd", upstream, port=upstream, core=LOAD_CORE):
        ask(upstream, questions.hot, *FILLING, seconds=5)
        for mode in options.modes:
            outcome = measure(mode, servers, questions, upstream, options, directory)
            print(f"\n{mode}: {' '.join(MODES[mode].__doc__.split())}\n\n{tables.speed_table(mode, outcome)}", flush=True)
            results.setdefault("modes", {})[mode] = entry(outcome, options)
    if not options.dry:
        record.save(results)
        plot.draw(results)


def main():
    """Runs all of it in a directory that goes away with it."""
    options = arguments()
    machine.require("dnsperf", "nsd", "taskset")
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("bench: needs two cores, one for the server and one for the load")
    if (busy := os.getloadavg()[0]) > 0.5:
        print(f"bench: the load average is {busy:.1f}: what else runs will show in the figures", file=sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="vireo-bench-") as directory:
        run(options, Path(directory))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except ServerFailed as failure:
        sys.exit(f"bench: {failure}")

#!/usr/bin/env python3
"""The same work on Green, on gevent and on Swift tasks, and the least that an echo server costs on this machine."""

import argparse
import datetime
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from harness import machine, record, tables

TWIN = Path(__file__).resolve().parent / "green" / "gevent_twin.py"
#: Touched and given back before each program, so that none is the first to get memory which the machine's host has not
#: provided yet: 100,000 sleepers take up to this much.
WARMED_BYTES = 1 << 30


def figures(command):
    """Nanoseconds for each operation of a program's work, and the bytes of its sleepers."""
    warmed = bytearray(b"\1") * WARMED_BYTES
    del warmed
    found = {}
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        name, nanoseconds, size = line.rsplit(" ", 2)
        found[name] = float(nanoseconds)
        if size != "-":
            found[f"{name} bytes"] = float(size)
    return found


def processor_seconds(pid):
    """User and system time of a process."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def echo(server, load, port):
    """An echo server alone on core 0: nanoseconds of its processor for each round trip, and round trips a second."""
    process = subprocess.Popen(["taskset", "-c", "0", *server, str(port)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        before = processor_seconds(process.pid)
        asked = subprocess.run(["taskset", "-c", "1", *load, str(port)], check=True, capture_output=True, text=True)
        used = processor_seconds(process.pid) - before
        count = int(asked.stdout)
        return {"echo": used / count * 1e9, "echo rate": count / 5}
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def best(rounds):
    """The best of each figure over the rounds: what others did on the machine meanwhile makes figures worse, not better."""
    return {key: (max if key.endswith("rate") else min)(each[key] for each in rounds) for key in rounds[0]}


def measure(options):
    """All figures of all who take part, each the best over the rounds."""
    load = [options.bench, "load"]
    rounds = {"green": [], "gevent": [], "tasks": [], "floor": []}
    for index in range(options.rounds):
        print(f"round {index + 1} of {options.rounds}", file=sys.stderr)
        port = 18071 + 3 * index
        rounds["green"].append(figures([options.bench, "green"]) | echo([options.bench, "serve"], load, port))
        twin = [sys.executable, str(TWIN)]
        rounds["gevent"].append(figures(twin) | echo([*twin, "serve"], load, port + 1))
        rounds["tasks"].append(figures([options.bench, "tasks"]))
        rounds["floor"].append(echo([options.floor], load, port + 2))
    return {who: best(each) for who, each in rounds.items()}


def main():
    """Measures, prints the table, and writes it into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", help="the program green-bench")
    parser.add_argument("floor", help="the program of green/echo_floor.c")
    parser.add_argument("--rounds", type=int, default=3, help="how often each takes its turn")
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args()
    machine.require("taskset")
    import gevent  # pylint: disable=import-outside-toplevel # where it is missing, --help still works
    python = sys.version.split(maxsplit=1)[0]
    entry = {
        "date": datetime.date.today().isoformat(), "revision": machine.revision(), "machine": machine.machine(),
        "gevent": f"{gevent.__version__} on CPython {python}", "rounds": options.rounds, "figures": measure(options),
    }
    print(tables.SECTIONS["green"]({"green": entry}))
    if not options.dry:
        record.save({**record.load(), "green": entry})


if __name__ == "__main__":
    main()

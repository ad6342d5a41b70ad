"""Runs the same work on Green, on gevent and on Swift tasks, and prints the table of Benchmarks/README.md.

usage: compare.py GREEN-BENCH PYTHON-WITH-GEVENT
"""
import os
import platform
import signal
import socket
import subprocess
import sys
import time

TWIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gevent_twin.py")
ROWS = [
    ("spawn+join", "spawn with a closure, join"),
    ("spawn", "spawn with a closure, run to the end"),
    ("switch", "give way and go on (sleep(0))"),
    ("event", "Event: one set, one wait"),
    ("queue(1)", "Queue(1): one thing handed over"),
    ("sleeper", "start one of 100,000 sleepers"),
]


def figures(command):
    found = {}
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        name, nanoseconds, size = line.rsplit(" ", 2)
        found[name] = (float(nanoseconds), None if size == "-" else int(size))
    return found


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def echo(server, load, port):
    """Round trips a second, and nanoseconds of the server's processor for each."""
    process = subprocess.Popen(server + [str(port)])
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        before = processor_seconds(process.pid)
        count = int(subprocess.run(load + [str(port)], check=True, capture_output=True, text=True).stdout)
        used = processor_seconds(process.pid) - before
        return count / 5, used / count * 1e9
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}"


def main():
    bench, python = sys.argv[1:3]
    green = figures([bench, "green"])
    twin = figures([python, TWIN])
    tasks = figures([bench, "tasks"])
    version = subprocess.run([python, "-c", "import gevent, sys; print(gevent.__version__, 'on CPython', sys.version.split()[0])"],
                             capture_output=True, text=True).stdout.strip()
    print(f"{machine()}; gevent {version}\n")
    print("| nanoseconds each | Green | gevent | Swift tasks | gevent : Green | tasks : Green |")
    print("|---|---:|---:|---:|---:|---:|")

    def row(text, *values):
        mine = values[0]
        ratios = [f"{value / mine:.1f}" if value else "" for value in values[1:]]
        print("|", text, "|", " | ".join(number(v) if v else "" for v in values), "|", " | ".join(ratios), "|")

    for key, text in ROWS:
        row(text, green[key][0], twin[key][0], tasks[key][0])
    row("bytes in memory for a sleeper", green["sleeper"][1], twin["sleeper"][1], tasks["sleeper"][1])
    load = [bench, "load"]
    (rate, cost), (other_rate, other_cost) = echo([bench, "serve"], load, 18071), echo([python, TWIN, "serve"], load, 18072)
    row("echo over TCP, 1,000 connections: the server's processor time", cost, other_cost, None)
    print(f"\nEcho round trips a second, server on one core and client on the other: Green {rate:,.0f}, gevent {other_rate:,.0f}"
          f" ({rate / other_rate:.1f} times).")


main()

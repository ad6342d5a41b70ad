#!/usr/bin/env python3
"""What lists and groups cost Vireo, each figure beside the same without, in turn, in one run; quote the ratios.

Vireo runs alone on core 0 with one worker, load on core 1. Medians of the rounds are what to read.

    ruled.py cost       CPU of hits, misses and denied names with five lists and three groups, beside none
    ruled.py peers      memory and CPU that one list takes, in Vireo, dnsmasq and Unbound
    ruled.py refresh    p50, p99 and p99.9 of cached answers, alone and while one list of five is read again and again
"""

import statistics
import sys
import time
from pathlib import Path

from harness.load import ask, write_names
from harness.peers import PEERS
from harness.server import Server, ServerFailed
from observed import FILLING, HOT_NAMES, Observed, Watching, run

LISTS = 5
#: Names in lists; those of a prefix are in the zone that is asked, and denied.
DENIED = "d"


def write_lists(directory, names):
    """Files of names, one a line, as many in each; the first thousand of the first are such as are asked for."""
    directory.mkdir()
    for number in range(LISTS):
        with (directory / f"{number}.txt").open("w") as file:
            if number == 0:
                file.writelines(f"{DENIED}{name:07d}.bench.example\n" for name in range(HOT_NAMES))
            # Lengths as of published lists: 15 to 30 letters, thousands of domains.
            file.writelines(
                f"{'tracker-metrics-cdn'[:name % 16 + 3]}{name:x}.site{name * 2654435761 % 99991}.example{number}\n"
                for name in range(names))


def settings(directory):
    """The settings of such lists, and of groups: who asks is of none but the default one."""
    lists = ", ".join(f'l{number}: {{from: ["{directory}/{number}.txt"]}}' for number in range(LISTS))
    names = ", ".join(f"l{number}" for number in range(LISTS))
    return (
        f"log: {{level: warning}}\nlists: {{{lists}}}\ngroups:\n"
        f"  - {{name: kids, clients: [192.0.2.64/26], block: [{names}], safe-search: true}}\n"
        f"  - {{name: guests, clients: [198.51.100.0/24], block: [l0]}}\n"
        f"  - {{name: default, block: [{names}]}}\n")


def cost(options, directory, upstream):
    """CPU of each kind of answer, of one daemon without rules and of one with them, in turn."""
    write_lists(directory / "lists", options.names)
    plain, ruled = Observed(options.program), Observed(options.program, extra=settings(directory / "lists"))
    hot = write_names(directory / "hot", "h", range(HOT_NAMES))
    denied = write_names(directory / "denied", DENIED, range(HOT_NAMES))
    found, asked = {}, 0
    with Server(plain, directory / "plain", upstream) as one, Server(ruled, directory / "ruled", upstream) as other:
        await_lists(ruled, options.names * LISTS)
        ways = {"hit without": (one, hot), "hit with": (other, hot), "denied": (other, denied),
                "miss without": (one, None), "miss with": (other, None)}
        for server, names in ways.values():
            if names:
                ask(server.port, names, *FILLING, seconds=30)
        for _ in range(options.rounds):
            for way, (server, names) in ways.items():
                if not names:
                    names, asked = write_names(directory / "cold", "m", range(asked, asked + options.misses)), asked + options.misses
                once = ("-n", 1) if way.startswith("miss") else ()
                before = server.cpu_seconds
                load = ask(server.port, names, "-c", 4, "-q", 64, *once, seconds=options.seconds)
                found.setdefault(way, []).append((server.cpu_seconds - before) / max(1, load.completed) * 1e6)
    medians = {way: statistics.median(costs) for way, costs in found.items()}
    for way, cost in medians.items():
        spread = f"{min(found[way]):.2f} to {max(found[way]):.2f}"
        print(f"{way}: {cost:.2f} µs of CPU ({spread})")
    for kind in ("hit", "miss"):
        print(f"{kind} with lists beside without: {medians[f'{kind} with'] / medians[f'{kind} without']:.3f}")
    print(f"denied beside a hit with lists: {medians['denied'] / medians['hit with']:.3f}")


def await_lists(vireo, names):
    """Waits until so many names are in force."""
    deadline = time.monotonic() + 120
    while vireo.value("vireo_rules_names") < names:
        if time.monotonic() > deadline:
            raise ServerFailed("the lists are not in force")
        time.sleep(0.1)


def changer(vireo, file):
    """Adds a line to a list once the former one is in force."""
    def run(watching):
        rules = vireo.value("vireo_rules_names")
        while not watching.done.is_set():
            with file.open("a") as list_file:
                list_file.write(f"again{watching.count}.example\n")
            rules += 1
            while vireo.value("vireo_rules_names") < rules:
                if watching.done.wait(0.3):
                    return
            watching.count += 1
    return run


def refresh(options, directory, upstream):
    """Cached answers at a fixed rate, alone and while a list is read again, in turn."""
    write_lists(directory / "lists", options.names)
    hot = write_names(directory / "hot", "h", range(HOT_NAMES))
    vireo, found = Observed(options.program, extra=settings(directory / "lists")), {}
    with Server(vireo, directory / "refresh", upstream) as server:
        await_lists(vireo, options.names * LISTS)
        ask(server.port, hot, *FILLING, seconds=30)
        ways = {"alone": (), "refreshed": (changer(vireo, directory / "lists" / "1.txt"),)}
        times = 0
        for _ in range(options.rounds):
            for way, watchers in ways.items():
                with Watching(*watchers) as watching:
                    load = ask(server.port, hot, "-c", 8, "-q", 200, "-Q", options.rate, seconds=options.seconds, latencies=True)
                times += watching.count
                found.setdefault(way, []).append([load.percentile(share) for share in (0.5, 0.99, 0.999)])
    if not times:
        raise ServerFailed("no list was read again")
    medians = {way: [statistics.median(column) for column in zip(*rows)] for way, rows in found.items()}
    for way, figures in medians.items():
        ratios = ", ".join(f"{figure / base:.2f}" for figure, base in zip(figures, medians["alone"]))
        print(f"{way}: p50 {figures[0]:.0f}, p99 {figures[1]:.0f}, p99.9 {figures[2]:.0f} µs; beside alone {ratios}")
    print(f"a list of {options.names:,} names was read again {times} times")


def settled(server):
    """The resident memory of a server once it has not changed for a second."""
    former, since, deadline = server.resident_bytes, time.monotonic(), time.monotonic() + 30
    while time.monotonic() - since < 1 and time.monotonic() < deadline:
        time.sleep(0.1)
        resident = server.resident_bytes
        if resident != former:
            former, since = resident, time.monotonic()
    return former


class Listed:
    """A peer that is given a list as lines of its own configuration; `line` makes one of a name."""

    def __init__(self, peer, names=None, line=None, head=""):
        self.peer, self.name, self.names, self.line, self.head = peer, peer.name, names, line, head

    def prepare(self, directory, port, upstream):
        """Writes its configuration: the command that starts it."""
        command = self.peer.prepare(directory, port, upstream)
        if self.names:
            with self.names.open() as names, (directory / self.peer.config).open("a") as config:
                config.write(self.head)
                config.writelines(self.line(name.strip()) for name in names)
        return command


def peers(options, directory, upstream):
    """What each takes for one list of names, less what it takes without."""
    if not options.list:
        sys.exit("--list wants a file of names, as `measure-rules 1000000 names` writes them")
    with options.list.open() as names:
        count = len({name.strip() for name in names})
    file = options.list.resolve()
    lines = {"dnsmasq": ("", lambda name: f"address=/{name}/\n"),
             "unbound": ("\nserver:\n", lambda name: f'  local-zone: "{name}" always_nxdomain\n')}
    known = {peer.name: peer for peer in PEERS if peer.is_installed}
    ways = {"Vireo": [Observed(options.program),
                      Observed(options.program, extra=f'log: {{level: warning}}\nlists: {{l: {{from: ["{file}"]}}}}\n'
                               "groups: [{name: default, block: [l]}]\n")]}
    for name, (head, line) in lines.items():
        if name in known:
            ways[known[name].title] = [Listed(known[name]), Listed(known[name], file, line, head)]
    for title, servers in ways.items():
        found = []
        for number, server in enumerate(servers):
            with Server(server, directory / f"{server.name}-{number}", upstream, patience=300) as running:
                if title == "Vireo" and number == 1:
                    await_lists(server, count)
                found.append((settled(running), running.cpu_seconds))
        taken, cpu = (after - before for before, after in zip(*found))
        print(f"{title}: {taken / count:.1f} bytes a name, {count / max(cpu, 0.01):,.0f} names a second, "
              f"{taken / (1 << 20):.0f} MiB")


MODES = {mode.__name__: mode for mode in (cost, peers, refresh)}


def _add_options(parser):
    parser.add_argument("--rate", type=int, default=20_000, help="queries a second (refresh)")
    parser.add_argument("--names", type=int, default=1_000_000, help="names in each of five lists")
    parser.add_argument("--list", type=Path, help="names, one a line, as `measure-rules 1000000 names` writes them (peers)")
    parser.add_argument("--misses", type=int, default=100_000, help="names that are asked for the first time, each round (cost)")


if __name__ == "__main__":
    run(__doc__, MODES, _add_options)

#!/usr/bin/env python3
"""Faults of the real system against the built program, with what was lost and how long it took until all was well.

Each scenario runs in network, mount and process namespaces of its own, so that nothing of it outlives it: it needs root, or the
right to make namespaces. Names pick scenarios; without one all run. VIREO_BINARY is the program, or the release build.

    chaos.py                    the long form, about 40 minutes; mixed traffic takes 30 of them
    chaos.py --short            the short form, about a minute
    chaos.py --list             what there is, and what is promised
    chaos.py loss interface     two of them
    chaos.py mixed --seconds 60 mixed traffic for a minute, as `make test-sanitize` runs it
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from scenarios import SCENARIOS  # noqa: E402  pylint: disable=wrong-import-position
from world.judging import World  # noqa: E402  pylint: disable=wrong-import-position

PROJECT = Path(__file__).resolve().parents[2]
NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
TOOLS = ["nsd", "redis-server", "redis-cli", "dnsperf", "ip", "unshare", "nsenter", "prlimit", "mount", "cc"]
#: A scenario that does not end is ended.
LONGEST = {True: 180, False: 900}


def inside(options):
    """Runs one scenario in namespaces that were made for it, and writes what it found as a line of JSON."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    world = World(options.program, options)
    outcome, begun = world.outcome, time.monotonic()
    try:
        SCENARIOS[options.inside](world)
        world.judge_end()
    except Exception:  # pylint: disable=broad-except
        outcome.faults.append(traceback.format_exc())
    if outcome.faults and options.logs and world.vireo:
        shutil.copy(world.vireo.log, Path(options.logs) / f"{options.inside}.log")
    with contextlib.suppress(OSError):
        world.close()
    print(json.dumps({**outcome.as_dict(), "took": time.monotonic() - begun}), flush=True)


def run(name, options):
    """Runs a scenario in a process of its own: what it found."""
    command = [*NAMESPACES, sys.executable, __file__, "--inside", name, "--program", options.program, "--rate", str(options.rate),
               "--seconds", str(options.seconds), "--folder", options.folder, "--stop-within", str(options.stop_within)]
    command += ["--short"] * options.short + ["--logs", options.logs] * bool(options.logs)
    limit = LONGEST[options.short] + max(options.seconds, 0 if options.short else 1_800)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            said, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            said, errors = process.communicate()
            errors += f"it did not end within {limit} s"
    try:
        found = json.loads(said.strip().rsplit("\n", 1)[-1])
    except ValueError:
        found = {"sent": 0, "lost": 0, "failed": 0, "well": None, "before": None, "after": None, "notes": [], "took": 0,
                 "faults": [f"no result: {errors.strip()[-800:]}"]}
    print(f"chaos: {name}: {'FAULT' if found['faults'] else 'good'} in {found['took']:.0f} s", file=sys.stderr, flush=True)
    return found


def show(results):
    """The table, and then what was not as promised."""
    def figure(value, form):
        return "-" if value is None else format(value, form)

    print(f"{'scenario':<15}{'queries':>9}{'lost':>7}{'failed':>8}{'well after':>12}{'memory MB':>15}  verdict")
    for name, found in results.items():
        memory = f"{figure(found['before'], '.1f')} → {figure(found['after'], '.1f')}"
        well = figure(found["well"], ".2f") + (" s" if found["well"] is not None else "")
        print(f"{name:<15}{found['sent']:>9}{found['lost']:>7}{found['failed']:>8}{well:>12}{memory:>15}  "
              f"{'FAULT' if found['faults'] else 'good'}")
        for note in found["notes"]:
            print(f"{'':<15}{note}")
    for name, found in results.items():
        for fault in found["faults"]:
            print(f"\n{name}: {SCENARIOS[name].promise}\n  but: {fault}")


def main():
    """Runs what was picked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--short", action="store_true", help="the short form")
    parser.add_argument("--list", action="store_true", help="what there is")
    parser.add_argument("--jobs", type=int, default=0, help="so many at once (short form: 4, else 1)")
    parser.add_argument("--seconds", type=int, default=0, help="how long mixed traffic lasts")
    parser.add_argument("--rate", type=int, default=2_000, help="queries a second of mixed traffic")
    parser.add_argument("--stop-within", type=float, default=10, help="seconds that it may take to stop")
    parser.add_argument("--logs", default="", help="where the logs of what failed are put")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help=argparse.SUPPRESS)
    parser.add_argument("--program", default=os.environ.get("VIREO_BINARY") or str(PROJECT / ".build/release/vireo"))
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return inside(options)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    unknown = [name for name in options.names if name not in SCENARIOS]
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if options.list or unknown:
        print("\n".join(f"{name:<15}{scenario.promise}" for name, scenario in SCENARIOS.items()))
        return f"no such scenario: {', '.join(unknown)}" if unknown else None
    if missing or not os.access(options.program, os.X_OK):
        return f"missing: {', '.join(missing) or options.program}"
    if subprocess.run([*NAMESPACES, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        print("chaos: skipped: this process may not make namespaces", file=sys.stderr)
        return None if options.short else 1
    names = options.names or list(SCENARIOS)
    with ThreadPoolExecutor(options.jobs or (4 if options.short else 1)) as pool:
        results = dict(zip(names, pool.map(lambda name: run(name, options), names)))
    show(results)
    return 1 if any(found["faults"] for found in results.values()) else None


if __name__ == "__main__":
    sys.exit(main())

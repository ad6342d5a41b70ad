"""What the program Measure says: instructions under callgrind, and hit ratios."""

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

from .machine import PROJECT

MEASURE = PROJECT / ".build/release/Measure"
NAMES = PROJECT / "Tests/Resources/names.txt"

#: What is measured: a walk, less what it does besides.
WALKS = (
    ("hit: a query read, looked up and answered", "hit", "fill"),
    ("hit of a query with EDNS, answered with EDNS", "hit-edns", "fill-edns"),
    ("hit where three groups have five lists", "ruled-hit", "fill"),
    ("the same with EDNS", "ruled-hit-edns", "fill-edns"),
    ("denied by a list", "blocked", "fill"),
    ("the same with EDNS, told by which", "blocked-edns", "fill-edns"),
    ("of a hit: reading the query", "read", "fill"),
    ("store: a reply to a new name checked, rewritten and kept", "store", "key"),
)
#: How often a walk is taken in one process and in another: multiples of the names in turn.
FEW, MANY = 2_000, 12_000


def _total(program, walk, times):
    """All instructions of a process that takes a walk so many times."""
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={program}.out",
               str(program), "instructions", walk, str(times)]
    # Hashes of the standard library would be seeded anew for each process.
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False,
                         env={**os.environ, "SWIFT_DETERMINISTIC_HASHING": "1"})
    found = re.search(r"Collected\s*:\s*(\d+)", run.stderr)
    if run.returncode != 0 or not found:
        raise SystemExit(f"bench: {walk} under callgrind: {run.stderr.strip()[-500:]}")
    return int(found.group(1))


def instructions():
    """Instructions for each walk, by its description."""
    with tempfile.TemporaryDirectory(prefix="vireo-bench-") as directory:
        # Debian's valgrind gives up on DWARF 5 as Swift writes it; the names of functions are all it needs.
        program = Path(directory) / "Measure"
        subprocess.run(["strip", "--strip-debug", "-o", program, MEASURE], check=True)
        needed = dict.fromkeys(name for _, walk, besides in WALKS for name in (walk, besides))
        each = {name: (_total(program, name, MANY) - _total(program, name, FEW)) / (MANY - FEW) for name in needed}
    return {title: each[walk] - each[besides] for title, walk, besides in WALKS}


def hit_ratio(requests):
    """Hit ratios for each size, and what a cache without bounds would have."""
    with NAMES.open() as names:
        run = subprocess.run([str(MEASURE), "hit-ratio", str(requests)], stdin=names, capture_output=True, text=True,
                             timeout=900, check=False)
    if run.returncode != 0:
        raise SystemExit(f"bench: Measure: {run.stderr.strip()}")
    *sizes, bound = map(json.loads, run.stdout.splitlines())
    return {"sizes": sizes, **bound}

#!/usr/bin/env python3
"""What comes out the same on every machine: instructions for each walk, or the cache's hit ratio."""

import argparse
import datetime
import subprocess

from harness import machine, measure, record, tables


def main():
    """Measures one of the two, prints it, and writes it into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["instructions", "hit-ratio"])
    parser.add_argument("--requests", type=int, default=1_000_000, help="questions of the trace for hit-ratio")
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args()
    entry = {"date": datetime.date.today().isoformat(), "revision": machine.revision()}
    if options.what == "instructions":
        machine.require("valgrind", "strip")
        version = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        entry.update(counts=measure.instructions(), valgrind=version)
    else:
        entry.update(measure.hit_ratio(options.requests))
    key = options.what.replace("-", "_")
    print(tables.SECTIONS[options.what]({key: entry}))
    if not options.dry:
        record.save({**record.load(), key: entry})


if __name__ == "__main__":
    main()

"""A wall clock that is set."""

import os
import struct
import subprocess
import time
from pathlib import Path

from world.asking import ZONE, Prober, ask
from world.parts import until

from . import scenario

HOUR = 3_600


@scenario("clock", "a clock that is set forward and back changes no TTL, loses nothing, and keeps nothing beyond its time")
def clock(world):
    """The clock is set by a day and more, also while the program is down."""
    outcome = world.outcome
    shim, file = world.directory / "clock.so", world.directory / "clock"
    source = Path(__file__).resolve().parent.parent / "clock.c"
    subprocess.run([os.environ.get("CC", "cc"), "-O1", "-shared", "-fPIC", "-o", str(shim), str(source), "-ldl"], check=True)
    file.write_bytes(struct.pack("=q", 0))

    def set_clock(hours):
        with file.open("r+b") as opened:
            opened.write(struct.pack("=q", hours * HOUR * 1_000_000_000))

    world.upstreams()
    snapshot = world.directory / "cache.snapshot"
    preload = " ".join(filter(None, [str(shim), os.environ.get("LD_PRELOAD")]))
    vireo = world.serve(f'snapshot: "{snapshot}", snapshot-interval: 1s',
                        environment={"LD_PRELOAD": preload, "CHAOS_CLOCK": str(file)})
    world.measure()
    prober = Prober().start()
    begun = time.monotonic()
    ask(f"kept.long.{ZONE}")
    gaps = []

    def judge(when):
        aged = time.monotonic() - begun
        reply = ask(f"kept.long.{ZONE}")
        left = reply.ttl if reply else None
        # A second of rounding on each side.
        outcome.check(left is not None and 3_600 - aged - 3 <= left <= 3_600 - aged + 2, f"{when}: TTL {left}, {aged:.0f} s old")
        # One second of life is over after two, whatever the clock says.
        before = vireo.answers_from("upstream")
        ask(f"brief.short.{ZONE}")
        time.sleep(2.1)
        ask(f"brief.short.{ZONE}")
        outcome.check(vireo.answers_from("upstream") >= before + 2, f"{when}: an answer outlived its second")

    for hours in world.length([30, -72], [30, -72, 24 * 400, -24 * 365 * 20, 0]):
        set_clock(hours)
        judge(f"set by {hours} h")
        seen = snapshot.stat().st_ino if snapshot.exists() else None
        until(lambda seen=seen: snapshot.exists() and snapshot.stat().st_ino != seen, "a snapshot")
        # Down, and the clock is another when it starts: nothing may live longer than it would have.
        stop = time.monotonic()
        vireo.kill()
        set_clock(-hours // 2)
        vireo.start()
        vireo.ready()
        gaps.append((stop - 1, time.monotonic()))
        shown = vireo.metric("vireo_settings_loaded_timestamp_seconds")
        outcome.check(abs(shown - time.time() - (-hours // 2) * HOUR) < 60, "the clock of the program was not set")
        reply = ask(f"kept.long.{ZONE}")
        outcome.check(reply and reply.rcode == 0 and reply.ttl <= 3_600, f"after a start with another clock: {reply}")
        begun = min(begun, time.monotonic() - (3_600 - reply.ttl)) if reply and reply.ttl else begun
        if reply and reply.ttl > 3_600 - (time.monotonic() - begun) + 2:
            # It was asked anew, which is right as well.
            begun = time.monotonic() - (3_600 - reply.ttl)
    prober.stop()
    bad = [asked for asked in prober.account().bad if not any(start <= asked.sent <= end for start, end in gaps)]
    outcome.check(not bad, f"{len(bad)} queries went wrong while it ran")
    outcome.count(prober)
    outcome.well = max(end - start - 1 for start, end in gaps)

"""What the system refuses: descriptors, memory, room on a disk."""

import contextlib
import resource
import socket
import subprocess
import time

from world.asking import SERVER, ZONE, DNSPerf, Prober, ask, fill, write_names
from world.networks import run
from world.parts import until

from . import scenario


def connections(count, sources=1):
    """So many idle connections, from some addresses of this machine."""
    opened = []
    for number in range(count):
        client = socket.socket()
        client.bind((f"127.1.{number % sources}.1", 0))
        client.settimeout(10)
        client.connect(SERVER)
        opened.append(client)
    return opened


def close(opened):
    """Closes them."""
    for client in opened:
        with contextlib.suppress(OSError):
            client.close()


def set_limit(vireo, name, value):
    """Sets a soft limit of the running program."""
    run("prlimit", f"--pid={vireo.pid}", f"--{name}={value}:")


@scenario("no-descriptors", "without descriptors hits go on, misses are answered if only with a failure, nothing spins")
def no_descriptors(world):
    """Out of descriptors: by clients, and at once."""
    outcome = world.outcome
    world.upstreams()
    vireo = world.serve(limits=[(resource.RLIMIT_NOFILE, (100, 100))])
    world.measure()
    prober = Prober().start()
    time.sleep(0.5)
    crowd = connections(300)
    # What connects over the limit waits in the kernel.
    time.sleep(world.length(2, 10))
    taken = vireo.descriptors
    close(crowd)
    until(lambda: vireo.descriptors < 80, "descriptors that are free again", 30)
    set_limit(vireo, "nofile", 20)
    begun, cpu = time.monotonic(), vireo.cpu_seconds
    crowd = connections(20)
    time.sleep(world.length(2, 10))
    spent = (vireo.cpu_seconds - cpu) / (time.monotonic() - begun)
    close(crowd)
    set_limit(vireo, "nofile", 100)
    mended = time.monotonic()
    time.sleep(2)
    prober.stop()
    hits = prober.account("hit")
    outcome.count(prober, mended)
    outcome.check(not outcome.lost, f"{prober.account()}")
    outcome.check(not hits.failed, f"hits failed: {hits}")
    outcome.check(outcome.well < 2, f"{outcome.well:.1f} s until all was well")
    outcome.check(spent < 0.5, f"{spent * 100:.0f} % of a core without a descriptor left")
    outcome.note(f"{taken} of 100 descriptors taken by clients; {spent * 100:.0f} % of a core while none was left")


@scenario("no-memory", "under a limit of its address space it serves on, or ends and is well again when it is started anew")
def no_memory(world):
    """RLIMIT_AS, while connections and a cache want more."""
    outcome, upstreams = world.outcome, world.upstreams()
    vireo = world.serve("size: 512MiB")
    names = write_names(world.directory / "many", (f"a{number}.long" for number in range(world.length(50_000, 400_000))))
    world.measure()
    prober = Prober().start()
    for room in (world.length([4, 0], [64, 16, 4, 1, 0])):
        set_limit(vireo, "as", vireo.address_space + (room << 20))
        load = DNSPerf(names, "-n", "1", "-c", "4", "-q", "100", "-t", "5", seconds=world.length(3, 15))
        # Questions that wait need stacks, and connections need buffers.
        for upstream in upstreams:
            upstream.hold()
        with contextlib.suppress(OSError):
            close(connections(500))
        time.sleep(1)
        for upstream in upstreams:
            upstream.go_on()
        sent, lost, _ = load.result()
        outcome.sent, outcome.lost = outcome.sent + sent, outcome.lost + lost
        if not vireo.runs:
            break
    ended = not vireo.runs
    if not ended:
        outcome.note(f"ran on, {vireo.megabytes:.0f} MB")
        set_limit(vireo, "as", "unlimited")
    else:
        outcome.note(f"ended with {vireo.popen.returncode} at {room} MB: {vireo.said.strip()[-100:]}")
        vireo.start()
        vireo.ready()
    mended = time.monotonic()
    time.sleep(1)
    prober.stop()
    outcome.count(prober, mended)
    hits = prober.account("hit")
    # Where all stacks wait and there is no room for another, hits are dropped as well until one is free: once in six runs, for a second.
    outcome.check(ended or hits.lost + hits.failed < hits.sent / 3, f"hits: {hits}")
    outcome.check(outcome.well < 3, f"{outcome.well:.1f} s until all was well")


@scenario("disk-full", "a full disk leaves the last snapshot whole, is said once, and the next that fits is written")
def disk_full(world):
    """A snapshot that finds no room."""
    outcome = world.outcome
    world.upstreams()
    disk = world.directory / "disk"
    disk.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=4m", "none", str(disk))
    file, ballast = disk / "cache.snapshot", disk / "ballast"
    vireo = world.serve(f'snapshot: "{file}", snapshot-interval: 1s')
    count = 5_000
    names = [f"d{number}.long" for number in range(count)]
    outcome.check(fill(world.directory / "names", names) == count, "the cache could not be filled")
    vireo.snapshot(file)
    world.measure()
    prober = Prober().start()
    subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=64k"], check=False, capture_output=True)
    until(lambda: "snapshot not written" in vireo.said, "word of the full disk")
    whole, number = file.read_bytes(), file.stat().st_ino
    time.sleep(world.length(2, 10))
    outcome.check(file.read_bytes() == whole and file.stat().st_ino == number, "the last snapshot is another one")
    outcome.check(vireo.said.count("snapshot not written") == 1, "the full disk was said more than once")
    outcome.check(sorted(path.name for path in disk.iterdir()) == ["ballast", "cache.snapshot"], "something was left on the disk")
    # A crash now: the last whole one is read.
    vireo.kill()
    down = time.monotonic()
    vireo.start()
    vireo.ready()
    up = time.monotonic()
    entries = vireo.metric("vireo_cache_entries")
    outcome.check(entries >= count, f"{entries:.0f} of {count} names back")
    number = file.stat().st_ino
    ballast.unlink()
    outcome.well = until(lambda: file.stat().st_ino != number, "a snapshot once there is room")
    time.sleep(0.3)
    prober.stop()
    outcome.count(prober)
    bad = [asked for asked in prober.account().bad if not down - 1 <= asked.sent <= up]
    outcome.check(not bad, f"{len(bad)} queries went wrong while it ran")
    outcome.note(f"{entries:.0f} names back from the file before; written {outcome.well:.1f} s after there was room")
    outcome.check(ask(f"d1.long.{ZONE}") is not None, "no answer at the end")

"""Everything at once, for a long time."""

import contextlib
import random
import threading
import time

from world.asking import ZONE, DNSPerf, Prober, write_names
from world.parts import Fault, until

from . import scenario
from .limits import close, connections


class Trouble(threading.Thread):
    """Reloads, flushes, connections that come and go, upstreams and a Redis that stop: something each second or two."""

    def __init__(self, world, upstreams, redis, pause):
        super().__init__(daemon=True)
        self._world, self._upstreams, self._redis, self._pause = world, upstreams, redis, pause
        self.ended, self.counts, self.faults = threading.Event(), {}, []
        self._chance, self._levels = random.Random(1), 0

    def run(self):
        deeds = [self.reload, self.flush, self.flush_name, self.stop_redis, self.kill_redis, self.stop_upstream, self.crowd,
                 self.look]
        while not self.ended.wait(self._pause * (0.5 + self._chance.random())):
            deed = self._chance.choice(deeds)
            self.counts[deed.__name__] = self.counts.get(deed.__name__, 0) + 1
            try:
                deed()
            except (Fault, OSError) as error:
                self.faults.append(f"{deed.__name__}: {error}")

    def reload(self):
        """Other settings are read."""
        vireo = self._world.vireo
        self._levels += 1
        vireo.settings["timeout"] = "1s" if self._levels % 2 else "2s"
        vireo.settings["policy"] = ("ordered", "fastest", "parallel")[self._levels % 3]
        vireo.write()
        vireo.tell("reload")

    def flush(self):
        """All is flushed."""
        with contextlib.suppress(Fault):
            # It fails where Redis is away, which it says.
            self._world.vireo.tell("cache", "flush", "--all")

    def flush_name(self):
        """A name is flushed."""
        with contextlib.suppress(Fault):
            self._world.vireo.tell("cache", "flush", f"hot1.long.{ZONE}")

    def stop_redis(self):
        """Redis stands still for a second."""
        self._redis.hold()
        time.sleep(1)
        self._redis.go_on()

    def kill_redis(self):
        """Redis is killed, and started empty."""
        self._redis.kill()
        time.sleep(0.5)
        self._redis.start()

    def stop_upstream(self):
        """One of the upstreams stands still for a second."""
        upstream = self._chance.choice(self._upstreams)
        upstream.hold()
        time.sleep(1)
        upstream.go_on()

    def crowd(self):
        """Connections come, and go without a word."""
        close(connections(200))

    def look(self):
        """Somebody looks."""
        vireo = self._world.vireo
        vireo.metrics()
        for what in (("upstreams",), ("ps",), ("cache", "stats"), ("slow",)):
            vireo.tell(*what)


@scenario("mixed", "mixed traffic with reloads, flushes, and parts that stop and die: nothing lost, memory flat")
def mixed(world):
    """Hits, misses, UDP and TCP, and all kinds of trouble."""
    outcome, options = world.outcome, world.options
    seconds = options.seconds or world.length(25, 1_800)
    upstreams = world.upstreams()
    redis = world.redis()
    snapshot = world.directory / "cache.snapshot"
    vireo = world.serve(f'size: 8MiB, redis: "redis://127.0.0.1:6379", snapshot: "{snapshot}", snapshot-interval: 5s, '
                        "serve-stale: 1h, prefetch: true")
    world.measure()
    hot = write_names(world.directory / "hot", [f"hot{number}.long" for number in range(500)]
                      + [f"hot{number}.short" for number in range(500)])
    # More than the cache holds.
    cold = write_names(world.directory / "cold", (f"cold{number}.long" for number in range(200_000)))
    prober = Prober(word="p").start()
    loads = {"UDP": DNSPerf(hot, "-Q", options.rate, "-c", "8", "-t", "6", seconds=seconds),
             "UDP misses": DNSPerf(cold, "-Q", options.rate // 4, "-c", "4", "-t", "6", seconds=seconds),
             "TCP": DNSPerf(hot, "-m", "tcp", "-Q", options.rate // 4, "-c", "8", "-t", "6", seconds=seconds)}
    trouble = Trouble(world, upstreams, redis, 1.0 if world.short else 3.0)
    trouble.start()
    sizes = watch(world, seconds)
    trouble.ended.set()
    trouble.join()
    until(lambda: redis.ask("PING") == "PONG", "Redis")
    prober.stop()
    for name, load in loads.items():
        sent, lost, codes = load.result()
        outcome.sent, outcome.lost, outcome.failed = outcome.sent + sent, outcome.lost + lost, outcome.failed + codes["SERVFAIL"]
        outcome.check(not lost, f"{name}: {lost} of {sent} lost")
    outcome.count(prober)
    outcome.check(not prober.account().lost, f"{prober.account()}")
    outcome.check(not trouble.faults, f"{trouble.faults[:5]}")
    judge_memory(outcome, sizes)
    troubles = sum(trouble.counts.values())
    world.most_lines += 5 * troubles
    outcome.note(f"{seconds} s, {troubles} troubles; {vireo.descriptors} descriptors")


def watch(world, seconds):
    """Its memory, twice a second."""
    sizes, end = [], time.monotonic() + seconds
    while time.monotonic() < end and world.vireo.runs:
        sizes.append(world.vireo.megabytes)
        time.sleep(0.5)
    return sizes


def judge_memory(outcome, sizes):
    """The last third of the time needs no more than the one before, a little apart."""
    third = len(sizes) // 3
    middle, last = max(sizes[third:-third]), max(sizes[-third:])
    outcome.check(last <= middle * 1.1 + 4, f"memory grows: {middle:.1f} MB in the middle, {last:.1f} MB at the end")
    outcome.note(f"at most {max(sizes[:third]):.1f}, {middle:.1f}, {last:.1f} MB in each third")

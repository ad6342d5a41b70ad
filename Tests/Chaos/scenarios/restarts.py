"""kill -9 and a new start under load."""

import random
import time

from world.asking import Prober, fill
from world.parts import until

from . import scenario

#: A query that is under way when the program is killed was sent no longer ago.
UNDER_WAY = 1.0


def kill_and_start(world, prober, rounds, settle):
    """Kills it at moments that nobody chose, and starts it at once: the longest time until it answered."""
    vireo, outcome, longest = world.vireo, world.outcome, 0.0
    chance = random.Random(1)
    gaps = []
    for _ in range(rounds):
        time.sleep(settle + chance.random())
        begun = time.monotonic()
        vireo.kill()
        vireo.start()
        longest = max(longest, vireo.ready())
        gaps.append((begun - UNDER_WAY, time.monotonic()))
    time.sleep(0.5)
    prober.stop()
    bad = [asked for asked in prober.account().bad if not any(start <= asked.sent <= end for start, end in gaps)]
    outcome.check(not bad, f"{len(bad)} queries went wrong while it ran")
    outcome.count(prober)
    outcome.well = longest
    outcome.check(longest < 10, f"{longest:.1f} s until it answered")


def judge_return(world, upstreams, names, tier, where):
    """All names are there again, from one tier of the cache, while no upstream answers."""
    for upstream in upstreams:
        upstream.hold()
    outcome, count = world.outcome, len(names)
    found = fill(world.directory / "names", names)
    outcome.check(found == count, f"{found} of {count} came back")
    outcome.check(world.vireo.answers_from(tier) >= count, f"they did not come from {where}")
    outcome.note(f"{found} of {count} names back from {where}")


@scenario("kill-snapshot", "kill -9 under load: what the last snapshot had is there again, and only queries of the gap are lost")
def kill_snapshot(world):
    """The cache comes back from its file."""
    count = world.length(3_000, 50_000)
    upstreams, outcome = world.upstreams(), world.outcome
    file = world.directory / "cache.snapshot"
    vireo = world.serve(f'snapshot: "{file}", snapshot-interval: 1s')
    names = [f"s{number}.long" for number in range(count)]
    outcome.check(fill(world.directory / "names", names) == count, "the cache could not be filled")
    world.measure()
    prober = Prober().start()
    vireo.snapshot(file)
    kill_and_start(world, prober, world.length(3, 20), settle=0.5)
    judge_return(world, upstreams, names, "memory", "the file")


@scenario("kill-redis", "kill -9 under load: what Redis has is answered from there, without an upstream")
def kill_redis(world):
    """The cache comes back from Redis."""
    count = world.length(1_000, 20_000)
    upstreams, outcome = world.upstreams(), world.outcome
    redis = world.redis()
    world.serve('redis: "redis://127.0.0.1:6379", redis-timeout: 1s')
    names = [f"s{number}.long" for number in range(count)]
    outcome.check(fill(world.directory / "names", names) == count, "the cache could not be filled")
    until(lambda: int(redis.ask("DBSIZE")) >= count, "all names in Redis")
    world.measure()
    prober = Prober().start()
    kill_and_start(world, prober, world.length(2, 20), settle=0.3)
    judge_return(world, upstreams, names, "redis", "Redis")

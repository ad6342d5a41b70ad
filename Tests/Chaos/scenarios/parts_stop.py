"""Upstreams and Redis that stand still, and go on."""

import time

from world.asking import ZONE, Prober, ask
from world.parts import until

from . import scenario


@scenario("upstreams-stop", "SIGSTOP of one upstream loses nothing; of all, hits go on, misses fail within 5 s, and recover at once")
def upstreams_stop(world):
    """SIGSTOP and SIGCONT of each upstream, then of both."""
    upstreams, outcome = world.upstreams(), world.outcome
    world.serve()
    world.measure()
    prober = Prober().start()
    pause = world.length(3, 10)
    time.sleep(1)
    for upstream in upstreams:
        begun = time.monotonic()
        upstream.hold()
        time.sleep(pause)
        upstream.go_on()
        time.sleep(1)
        account = prober.account(since=begun, until=begun + pause)
        outcome.note(f"{upstream.name} stopped: usual pace after {prober_pace(prober, begun, begun + pause):.1f} s, "
                     f"slowest {account.slowest:.1f} s")
    alone = time.monotonic()
    for upstream in upstreams:
        upstream.hold()
    time.sleep(world.length(5, 20))
    for upstream in upstreams:
        upstream.go_on()
    mended = time.monotonic()
    time.sleep(world.length(2, 5))
    prober.stop()
    one, hits = prober.account(until=alone - 5), prober.account("hit")
    outcome.check(not one.lost and not one.failed, f"while one upstream stood still: {one}")
    outcome.check(not hits.lost and not hits.failed, f"hits: {hits}")
    outcome.check(not prober.account().lost, f"misses without an answer: {prober.account('miss')}")
    outcome.check(prober.account().slowest < 6, f"a question is to end within 4.5 s: {prober.account()}")
    # Questions that were sent in the last moments of the fault may find the upstream well.
    outcome.count(prober, mended)
    outcome.check(outcome.well < 3, f"{outcome.well:.1f} s until all was well")


def prober_pace(prober, since, end, slow=0.2):
    """Seconds from a moment to the last query sent before `end` that took long or went wrong."""
    late = [asked.sent for asked in list(prober.queries)
            if since <= asked.sent <= end and asked.answered is not None and asked.took > slow]
    return max(late) - since if late else 0.0


@scenario("redis-stops", "a Redis that stands still or dies loses nothing, and is used again when it is back")
def redis_stops(world):
    """SIGSTOP, SIGCONT and kill -9 of Redis."""
    outcome = world.outcome
    world.upstreams()
    redis = world.redis()
    world.serve('redis: "redis://127.0.0.1:6379"')
    world.measure()
    prober = Prober().start()

    def used(word):
        """Waits until a new answer gets to Redis."""
        tries = iter(range(10_000))

        def stored():
            name = f"{word}{next(tries)}.long.{ZONE}"
            ask(name)
            time.sleep(0.1)
            return redis.ask("EXISTS", f"vireo:1:{name}.:A:IN") == "1"
        return until(stored, "an answer in Redis", 30)

    used("first")
    redis.hold()
    time.sleep(world.length(3, 20))
    redis.go_on()
    stopped = used("stopped")
    redis.kill()
    time.sleep(world.length(2, 20))
    redis.start()
    redis.ready()
    killed = used("killed")
    time.sleep(0.5)
    prober.stop()
    outcome.count(prober)
    outcome.well = max(stopped, killed)
    outcome.check(not outcome.lost and not outcome.failed, f"{prober.account()}")
    outcome.check(prober.account().slowest < 2, f"waited for Redis: {prober.account()}")
    outcome.note(f"used again {stopped:.1f} s after SIGCONT, {killed:.1f} s after a restart; "
                 f"slowest answer {prober.account().slowest:.2f} s")

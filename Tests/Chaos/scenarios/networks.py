"""A network that loses packets, and an interface that goes and comes."""

import os
import time

from world.asking import Prober
from world.networks import FarNetwork, LossyLink, run
from world.parts import NSD

from . import scenario


def far_upstreams(world, network):
    """Two upstreams on the other side."""
    return [world.add(network.place(NSD(world.directory, number, f"10.9.0.{number}"))) for number in (2, 3)]


@scenario("loss", "where 30 % of packets are lost each way, each query is answered, and 98 of 100 new names are found")
def loss(world):
    """Packets are lost between Vireo and its upstreams."""
    outcome, network = world.outcome, FarNetwork()
    if not os.access("/dev/net/tun", os.W_OK):
        return outcome.note("skipped: there is no /dev/net/tun")
    link = LossyLink(network)
    far_upstreams(world, network)
    world.serve(upstreams='["10.9.0.2", "10.9.0.3"]')
    world.measure()
    prober = Prober().start()
    link.share, before = 0.3, link.dropped + link.passed
    time.sleep(world.length(10, 120))
    # What is under way is to end on the same network.
    link.share, mended = 0.0, time.monotonic()
    time.sleep(2)
    prober.stop()
    misses = prober.account("miss", until=mended)
    outcome.count(prober, mended)
    outcome.check(not outcome.lost, f"{prober.account()}")
    outcome.check(not prober.account("hit").failed, f"hits: {prober.account('hit')}")
    outcome.check(misses.failed <= 0.02 * misses.sent, f"misses: {misses}")
    outcome.check(outcome.well < 3, f"{outcome.well:.1f} s until all was well")
    took = sorted(asked.took for asked in prober.queries if asked.kind == "miss" and asked.sent < mended and asked.answered)
    outcome.note(f"{link.dropped} of {link.dropped + link.passed - before} packets lost; {misses.failed} of {misses.sent} misses "
                 f"failed, half took under {took[len(took) // 2]:.2f} s, 99 of 100 under {took[len(took) * 99 // 100]:.2f} s")
    return None


@scenario("interface", "an interface goes, comes, and is made anew: hits go on, misses fail in time, all is well once it is there")
def interface(world):
    """The way to the upstreams goes and comes."""
    outcome, network = world.outcome, FarNetwork()
    network.pair()
    far_upstreams(world, network)
    world.serve(upstreams='["10.9.0.2", "10.9.0.3"]')
    world.measure()
    prober = Prober().start()
    away = world.length(2, 10)
    ways = []

    def gone(way, take, bring):
        time.sleep(1)
        take()
        time.sleep(away)
        bring()
        ways.append((way, time.monotonic()))
        time.sleep(2)

    gone("down and up", lambda: run("ip", "link", "set", "near", "down"), lambda: run("ip", "link", "set", "near", "up"))
    gone("deleted and made anew", lambda: run("ip", "link", "del", "near"), network.pair)
    gone("address taken and given", lambda: run("ip", "addr", "flush", "dev", "near"),
         lambda: run("ip", "addr", "add", "10.9.0.1/24", "dev", "near"))
    prober.stop()
    outcome.count(prober)
    hits = prober.account("hit")
    outcome.check(not outcome.lost, f"{prober.account()}")
    outcome.check(not hits.failed, f"hits: {hits}")
    outcome.check(prober.account().slowest < 6, f"a question is to end within 4.5 s: {prober.account()}")
    for way, moment in ways:
        late = [asked.sent for asked in prober.account(since=moment, until=moment + 2).bad]
        well = max(late) - moment if late else 0.0
        outcome.well = max(outcome.well or 0.0, well)
        outcome.note(f"{way}: {well:.1f} s")
        outcome.check(well < 1.8, f"{way}: still failing 2 s later")

"""The work of green-bench on gevent, line by line the same."""
import resource
import sys
import time

import gevent
from gevent.event import Event
from gevent.queue import Queue
from gevent.server import StreamServer


def report(name, seconds, count, size=None):
    print(name, round(seconds / count * 1e9, 1), "-" if size is None else int(size / count), flush=True)


def best(body, runs=3):
    found = float("inf")
    for _ in range(runs):
        begin = time.perf_counter()
        body()
        found = min(found, time.perf_counter() - begin)
    return found


def nothing():
    pass


def spawn_and_join():
    count = 20_000

    def one_by_one():
        for _ in range(count):
            gevent.spawn(nothing).join()

    def many():
        for _ in range(count // 100):
            for _ in range(100):
                gevent.spawn(nothing)
            gevent.sleep(0)

    report("spawn+join", best(one_by_one), count)
    report("spawn", best(many), count)


def switches():
    count = 50_000

    def yields():
        for _ in range(count):
            gevent.sleep(0)

    def body():
        other = gevent.spawn(yields)
        yields()
        other.join()

    report("switch", best(body), 2 * count)


def events():
    count = 20_000

    def body():
        ping, pong = Event(), Event()

        def answer():
            for _ in range(count):
                ping.wait()
                ping.clear()
                pong.set()

        other = gevent.spawn(answer)
        for _ in range(count):
            ping.set()
            pong.wait()
            pong.clear()
        other.join()

    report("event", best(body), 2 * count)


def queue():
    count = 20_000

    def body():
        places = Queue(1)

        def fill():
            for index in range(count):
                places.put(index)

        other = gevent.spawn(fill)
        for _ in range(count):
            places.get()
        other.join()

    report("queue(1)", best(body), count)


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def sleepers():
    count = 100_000
    before = resident()
    begin = time.perf_counter()
    greenlets = [gevent.spawn(gevent.sleep, 3600) for _ in range(count)]
    gevent.sleep(0)
    while not all(g.started and g.gr_frame is not None for g in greenlets[-1:]):
        gevent.sleep(0)
    took = time.perf_counter() - begin
    report("sleeper", took, count, resident() - before)


def serve(port):
    def echo(socket, _):
        while True:
            data = socket.recv(4096)
            if not data:
                return
            socket.sendall(data)

    StreamServer(("127.0.0.1", port), echo, backlog=1024).serve_forever()


if sys.argv[1:2] == ["serve"]:
    serve(int(sys.argv[2]))
else:
    spawn_and_join()
    switches()
    events()
    queue()
    sleepers()

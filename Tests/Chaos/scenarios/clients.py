"""Clients that take places, and read nothing."""

import contextlib
import signal
import socket
import struct
import subprocess
import time

from world.asking import SERVER, ZONE, DNSPerf, Prober, query, write_names
from world.parts import until

from . import scenario
from .limits import close, connections


@scenario("idle-tcp", "5,000 idle TCP connections cost little memory, and hold nobody up")
def idle_tcp(world):
    """Connections on which nothing is asked."""
    outcome, count = world.outcome, 5_000
    world.upstreams()
    vireo = world.serve()
    world.measure()
    prober = Prober().start()
    crowd = connections(count, sources=8)
    until(lambda: vireo.metric("vireo_client_connections") >= count, "all connections")
    each = (vireo.megabytes - outcome.before) * 1_024 / count
    if world.short:
        close(crowd)
    gone = until(lambda: vireo.metric("vireo_client_connections") == 0, "connections that are closed", 180, 0.2)
    time.sleep(0.5)
    close(crowd)
    prober.stop()
    outcome.count(prober)
    outcome.check(not outcome.lost and not outcome.failed, f"{prober.account()}")
    outcome.check(each < 16, f"{each:.1f} kB for each connection")
    outcome.note(f"{each:.1f} kB each; {'closed by the clients' if world.short else 'closed for idleness'} in {gone:.1f} s; "
                 f"slowest answer {prober.account().slowest:.2f} s")


@scenario("deaf-clients", "clients that ask without end and read nothing are let go; nobody waits for them, memory is bounded")
def deaf_clients(world):
    """Streams that are only written to, and a log that nobody reads."""
    outcome = world.outcome
    world.upstreams()
    vireo = world.serve()
    world.measure()
    prober = Prober().start()
    message = query(f"big.{ZONE}", 7, 16)
    burst = (struct.pack("!H", len(message)) + message) * 500
    deaf = []
    for _ in range(40):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(SERVER)
        client.setblocking(False)
        deaf.append(client)
    # The log that nobody reads.
    reader = subprocess.Popen([world.program, "queries", "--control", str(vireo.control)], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    reader.send_signal(signal.SIGSTOP)
    load = DNSPerf(write_names(world.directory / "names", (f"q{number}.long" for number in range(1_000))), "-Q", "3000", "-c", "4")
    begun, most = time.monotonic(), 0.0
    while time.monotonic() - begun < world.length(4, 20):
        for client in deaf:
            with contextlib.suppress(OSError):
                client.send(burst)
        most = max(most, vireo.megabytes)
        time.sleep(0.05)
    sent, lost, _ = load.stop()
    reader.kill()
    reader.wait()
    held = vireo.metric("vireo_client_connections")
    gone = until(lambda: vireo.metric("vireo_client_connections") == 0, "deaf clients that are let go", 60, 0.2)
    close(deaf)
    prober.stop()
    outcome.count(prober)
    outcome.sent, outcome.lost = outcome.sent + sent, outcome.lost + lost
    outcome.well = gone
    outcome.check(not outcome.lost and not outcome.failed, f"{lost} of {sent} of dnsperf lost, {prober.account()}")
    outcome.check(most - outcome.before < 64, f"{most - outcome.before:.0f} MB more")
    outcome.note(f"at most {most - outcome.before:.0f} MB more; {held:.0f} of {len(deaf)} still there at the end, gone after {gone:.1f} s")

"""What is measured of one server in one round."""

from .disturbance import Disturbance
from .load import ask, write_names
from .server import ServerFailed

#: Names that are asked again and again, and how they are asked while the cache is filled: gently, so that none is lost.
HOT_NAMES = 5000
FILLING = ("-c", "1", "-q", "16", "-n", "1")
#: The rate at which latency is measured, in questions a second.
LATENCY_RATE = 20_000
#: The most misses that a round of one second asks for.
MISSES_PER_SECOND = 60_000


class Questions:
    """The files of questions, made once for all servers."""

    def __init__(self, directory, options):
        self.hot = write_names(directory / "hot", "h", range(HOT_NAMES))
        self.first = write_names(directory / "first", "f", range(HOT_NAMES))
        self.new = write_names(directory / "new", "n", range(int(options.seconds * MISSES_PER_SECOND)))
        self.many = write_names(directory / "many", "m", range(options.names)) if "memory" in options.modes else None


def _cost(server, run):
    """Runs a load: what it says, and the server's time for each answer in µs."""
    before = server.cpu_seconds
    load = run()
    spent = server.cpu_seconds - before
    answers = max(1, load.completed)
    return load, {
        "cpu_us": spent / answers * 1e6,
        "rate": load.rate,
        "answered": load.good / max(1, load.completed + load.lost),
    }


def hit(server, questions, options):
    """Cached answers over UDP: cost at the highest rate, then latency at a fixed one."""
    ask(server.port, questions.hot, *FILLING, seconds=30)
    _, figures = _cost(server, lambda: ask(server.port, questions.hot, "-c", 4, "-q", 200, seconds=options.seconds))
    return {**_latency(server, questions, options), **figures}


def _latency(server, questions, options):
    """How long cached answers take at a fixed rate."""
    paced = ask(
        server.port, questions.hot, "-c", 4, "-q", 200, "-Q", LATENCY_RATE, seconds=options.seconds, latencies=True)
    shares = (("p50_us", 0.5), ("p99_us", 0.99), ("p999_us", 0.999))
    return {
        **{name: paced.percentile(share) for name, share in shares},
        "answered": paced.good / max(1, paced.completed + paced.lost),
    }


def busy(server, questions, options):
    """Latency of cached answers while misses go on, and while Vireo is also listed, written down and reloaded."""
    ask(server.port, questions.hot, *FILLING, seconds=30)
    with Disturbance(server, questions, options.seconds) as disturbance:
        figures = _latency(server, questions, options)
    if server.peer.name == "vireo":
        if not disturbance.listings:
            raise ServerFailed("its cache could not be listed")
        if not disturbance.was_written_down():
            raise ServerFailed("its cache was not written down")
    return figures


def miss(server, questions, options):
    """Names never asked before, each forwarded to the upstream."""
    ask(server.port, questions.first, *FILLING, seconds=30)
    _, figures = _cost(server, lambda: ask(server.port, questions.new, "-c", 4, "-q", 100, "-n", 1, seconds=options.seconds))
    return figures


def tcp(server, questions, options):
    """Cached answers over 100 connections that are kept."""
    ask(server.port, questions.hot, *FILLING, seconds=30)
    _, figures = _cost(
        server, lambda: ask(server.port, questions.hot, "-m", "tcp", "-c", 100, "-q", 400, seconds=options.seconds))
    return figures


def memory(server, questions, options):
    """Resident memory when idle, and what each further name adds to it."""
    idle = server.resident_bytes
    ask(server.port, questions.first, *FILLING, seconds=30)
    before = server.resident_bytes
    load, figures = _cost(server, lambda: ask(server.port, questions.many, "-c", 4, "-q", 64, "-n", 1, seconds=180))
    return {
        "bytes_per_name": (server.resident_bytes - before) / max(1, load.good),
        "idle_bytes": idle,
        "names": load.good,
        "answered": figures["answered"],
    }


MODES = {mode.__name__: mode for mode in (hit, busy, miss, tcp, memory)}

"""Questions: files of names, and dnsperf that asks them."""

import re
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass

from .server import LOAD_CORE, ServerFailed


@dataclass
class Load:
    """What a run of dnsperf says."""

    completed: int
    lost: int
    good: int
    rate: float
    #: Seconds that single answers took, sorted; only where they were asked for.
    latencies: list

    def percentile(self, share):
        """The latency in µs that `share` of the answers stay under."""
        if not self.latencies:
            return None
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))] * 1e6


def write_names(path, prefix, names):
    """Writes a file of questions, for the names that the numbers of a range make."""
    with path.open("w") as file:
        file.writelines(f"{prefix}{number:07d}.bench.example A\n" for number in names)
    return path


def ask(port, names, *options, seconds, latencies=False):
    """Lets dnsperf ask on the other core, for a bounded time."""
    command = ["taskset", "-c", LOAD_CORE, "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(names), "-T", "1",
               "-t", "2", "-l", f"{seconds:g}", *(["-v"] if latencies else []), *map(str, options)]
    # Into a file: a pipe that is not read in time would hold dnsperf up, and that would look like a slow server.
    with tempfile.TemporaryFile("w+") as output:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT) as dnsperf:
            # A wait with a time limit would look twenty times a second, and often from the server's core.
            limit = threading.Timer(seconds + 30, dnsperf.kill)
            limit.start()
            try:
                status = dnsperf.wait()
            finally:
                limit.cancel()
                dnsperf.kill()
        output.seek(0)
        said = output.read()
    if status == -signal.SIGKILL:
        raise ServerFailed(f"dnsperf did not end {seconds + 30:g} s after its start")
    times = sorted(float(time) for time in re.findall(r"^> NOERROR \S+ \S+ ([\d.]+)$", said, re.MULTILINE))

    def figure(label):
        found = re.search(rf"^\s*{label}:\s+([\d.]+)", said, re.MULTILINE)
        if not found:
            raise ServerFailed(f"dnsperf said nothing of {label!r}: {said.strip()[-300:]}")
        return float(found.group(1))

    good = re.search(r"NOERROR (\d+)", said)
    return Load(
        completed=int(figure("Queries completed")), lost=int(figure("Queries lost")),
        good=int(good.group(1)) if good else 0, rate=figure("Queries per second"), latencies=times)

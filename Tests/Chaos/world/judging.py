"""What a scenario found: figures, and what was not as promised."""

import contextlib
import signal
import subprocess
import tempfile
from pathlib import Path

from .parts import NSD, Fault, Redis, Vireo, until


class Outcome:
    """The line of a scenario in the table."""

    def __init__(self):
        self.sent = self.lost = self.failed = 0
        self.well = None
        self.before = self.after = None
        self.notes, self.faults = [], []

    def check(self, holds, promise):
        """Says so where a promise does not hold."""
        if not holds:
            self.faults.append(promise)
        return holds

    def note(self, text):
        """A figure for the table."""
        self.notes.append(text)

    def count(self, prober, moment=None, slow=None):
        """Takes over what a prober saw; `moment` is when all was mended."""
        account = prober.account()
        self.sent += account.sent
        self.lost += account.lost
        self.failed += account.failed
        if moment is not None:
            self.well = max(self.well or 0.0, prober.well_after(moment, slow))
        self.check(not prober.wrong, f"answers that are not true: {prober.wrong[:3]}")
        self.check(not prober.doubled, f"{prober.doubled} answers to queries that had one, or to none")

    def as_dict(self):
        """For the process that prints the table."""
        return vars(self)


class World:
    """A scenario's network, folder and processes."""

    def __init__(self, program, options):
        self.program, self.options, self.outcome = program, options, Outcome()
        self._folder = tempfile.TemporaryDirectory(prefix="vireo-chaos-", dir=options.folder)
        self.directory = Path(self._folder.name)
        #: A log with more lines says the same again and again.
        self.most_lines = 200
        self._processes, self.vireo, self._descriptors = [], None, 0

    @property
    def short(self):
        """Whether this is the short form."""
        return self.options.short

    def length(self, short, long):
        """A figure of the short form or of the long one."""
        return short if self.short else long

    def add(self, process):
        """Starts a process, and waits until it serves."""
        self._processes.append(process)
        process.start()
        process.ready()
        return process

    def upstreams(self, count=2):
        """So many servers at 127.0.0.2 and so on."""
        return [self.add(NSD(self.directory, number)) for number in range(2, 2 + count)]

    def redis(self):
        """A Redis."""
        return self.add(Redis(self.directory))

    def serve(self, cache="", environment=None, limits=(), **settings):
        """Starts Vireo."""
        settings = {"upstreams": '["127.0.0.2", "127.0.0.3"]', "cache": "{" + (cache or "size: 64MiB") + "}", **settings}
        self.vireo = self.add(Vireo(self.directory, self.program, settings, environment, limits))
        return self.vireo

    def measure(self):
        """Takes down what it uses before anything is done to it."""
        self.outcome.before = self.vireo.megabytes
        self._descriptors = self.vireo.descriptors

    def judge_end(self):
        """It is as at the beginning, and ends when it is told to."""
        vireo, outcome = self.vireo, self.outcome
        if vireo is None:
            # The scenario was skipped.
            return
        if not outcome.check(vireo.runs, f"vireo ended: {vireo.said[-600:]}"):
            return
        with contextlib.suppress(Fault):
            until(vireo.idle, "idle", 10, 0.1)
        outcome.check(vireo.idle(), "questions are under way although nobody asks")
        outcome.after = vireo.megabytes
        lines = vireo.said.count("\n")
        outcome.check(lines < self.most_lines, f"{lines} lines in its log: {vireo.said[-600:]}")
        # Sockets to upstreams are kept for a while.
        limit = self._descriptors + 40
        with contextlib.suppress(Fault):
            until(lambda: vireo.descriptors <= limit, "descriptors", 30, 0.2)
        outcome.check(vireo.descriptors <= limit, f"{vireo.descriptors} descriptors, {self._descriptors} before")
        vireo.send(signal.SIGTERM)
        try:
            status = vireo.popen.wait(self.options.stop_within)
            outcome.check(status == 0, f"it ended with {status}: {vireo.said[-600:]}")
        except subprocess.TimeoutExpired:
            outcome.check(False, "it did not end when it was told to")

    def close(self):
        """Ends what still runs."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if process.popen:
                    process.send(signal.SIGKILL)
                    process.popen.wait()
        self._folder.cleanup()

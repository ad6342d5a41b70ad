"""Networks between Vireo and its upstream: a pair of interfaces that can go and come, and a link that loses packets."""

import ctypes
import fcntl
import os
import random
import select
import struct
import subprocess
import threading

from .parts import until

CLONE_NEWNET = 0x4000_0000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x4004_54CA, 0x0001, 0x1000


def run(*command):
    """Runs a command that must not fail."""
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


class FarNetwork:
    """Another network namespace, in which servers can be."""

    def __init__(self):
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL)
        ours = os.readlink("/proc/self/ns/net")
        until(lambda: os.readlink(f"/proc/{self._holder.pid}/ns/net") != ours, "another network")
        self.prefix = ["nsenter", "--net", f"--target={self._holder.pid}"]
        self.run("ip", "link", "set", "lo", "up")

    @property
    def pid(self):
        """A process in it."""
        return self._holder.pid

    def run(self, *command):
        """Runs a command there."""
        run(*self.prefix, *command)

    def place(self, process):
        """Has a process run there when it is started."""
        process._command = [*self.prefix, *process._command]  # pylint: disable=protected-access
        return process

    def pair(self):
        """Makes the interfaces `near`, with 10.9.0.1 here, and `far`, with 10.9.0.2 and 10.9.0.3 there."""
        run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(self.pid))
        run("ip", "addr", "add", "10.9.0.1/24", "dev", "near")
        run("ip", "link", "set", "near", "up")
        for address in ("10.9.0.2/24", "10.9.0.3/24"):
            self.run("ip", "addr", "add", address, "dev", "far")
        self.run("ip", "link", "set", "far", "up")


class LossyLink:
    """A link between here (10.9.0.1) and a far network (10.9.0.2 and 10.9.0.3) that loses a share of the packets each way.

    Two tunnel interfaces and a thread between them do what `tc netem loss` does, in kernels that are built without it as well.
    """

    def __init__(self, far, seed=1):
        self.share, self.passed, self.dropped = 0.0, 0, 0
        self._random = random.Random(seed)
        self._ours = self._open("near", None)
        self._theirs = self._open("far", far.pid)
        run("ip", "addr", "add", "10.9.0.1/24", "dev", "near")
        run("ip", "link", "set", "near", "up")
        for address in ("10.9.0.2/24", "10.9.0.3/24"):
            far.run("ip", "addr", "add", address, "dev", "far")
        far.run("ip", "link", "set", "far", "up")
        threading.Thread(target=self._carry, daemon=True).start()

    @staticmethod
    def _open(name, pid):
        """A tunnel interface in the network of a process; a thread of its own goes there to make it."""
        opened = []

        def make():
            if pid:
                with open(f"/proc/{pid}/ns/net", "rb") as network:
                    if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), CLONE_NEWNET):
                        return
            tunnel = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
            opened.append(tunnel)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if not opened:
            raise OSError(f"no tunnel interface {name}")
        return opened[0]

    def _carry(self):
        other = {self._ours: self._theirs, self._theirs: self._ours}
        while True:
            for tunnel in select.select(list(other), [], [])[0]:
                try:
                    packet = os.read(tunnel, 65_536)
                    if self._random.random() < self.share:
                        self.dropped += 1
                    else:
                        os.write(other[tunnel], packet)
                        self.passed += 1
                except BlockingIOError:
                    continue
                except OSError:
                    return

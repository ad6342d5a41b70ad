"""The servers that are measured: what each is called, where Debian has it, and how it is started."""

import getpass
import shutil
import string
import subprocess
from dataclasses import dataclass
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parent.parent / "peers"


@dataclass(frozen=True)
class Peer:
    """A server: `command` may name ${config}, ${directory} and whatever its configuration may."""

    name: str
    title: str
    package: str
    config: str
    command: tuple
    #: The modes it takes no part in, each with the reason.
    left_out: tuple = ()

    @property
    def is_installed(self):
        """Whether its program is there."""
        return shutil.which(self.command[0]) is not None

    @property
    def version(self):
        """The version of its Debian package, or nothing."""
        if not self.package or shutil.which("dpkg-query") is None:
            return ""
        found = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Version}", self.package], capture_output=True, text=True, check=False)
        return found.stdout.strip() if found.returncode == 0 else ""

    def prepare(self, directory, port, upstream):
        """Writes its configuration into `directory`: the command that starts it."""
        values = {"port": port, "upstream": upstream, "directory": directory, "user": getpass.getuser()}
        config = directory / self.config
        config.write_text(string.Template((TEMPLATES / self.config).read_text()).substitute(values))
        return [string.Template(word).substitute(values, config=config) for word in self.command]


def vireo(program):
    """Vireo itself, as built."""
    return Peer("vireo", "Vireo", "", "vireo.yaml", (program, "serve", "--config", "${config}"))


PEERS = (
    Peer("unbound", "Unbound", "unbound", "unbound.conf", ("unbound", "-d", "-c", "${config}")),
    Peer("dnsdist", "dnsdist", "dnsdist", "dnsdist.conf", ("dnsdist", "-C", "${config}", "--supervised", "--disable-syslog")),
    Peer("recursor", "PowerDNS Recursor", "pdns-recursor", "recursor.conf", ("pdns_recursor", "--config-dir=${directory}")),
    Peer("kresd", "Knot Resolver", "knot-resolver", "kresd.conf", ("kresd", "-n", "-c", "${config}", "${directory}")),
    Peer("named", "BIND", "bind9", "named.conf", ("named", "-f", "-4", "-n", "1", "-c", "${config}")),
    Peer(
        "dnsmasq", "dnsmasq", "dnsmasq-base", "dnsmasq.conf", ("dnsmasq", "--conf-file=${config}"),
        (("tcp", "forks for each connection, 20 at most"), ("memory", "keeps 10,000 names at most"))),
)

UPSTREAM = Peer("nsd", "NSD", "nsd", "nsd.conf", ("nsd", "-d", "-c", "${config}"))

"""The machine and the tools, named as results need them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

#: The top of the project.
PROJECT = Path(__file__).resolve().parent.parent.parent


def machine():
    """CPU, cores, kernel and system, in a line."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    system = re.search(r'^PRETTY_NAME="(.+)"', Path("/etc/os-release").read_text(), re.MULTILINE)
    kernel = os.uname().release.split("-")[0]
    cores = os.cpu_count()
    return (f"{model.group(1) if model else os.uname().machine}, {cores} cores, "
            f"Linux {kernel}, {system.group(1) if system else 'unknown system'}")


def revision():
    """The commit that is measured; a plus says that there were changes besides."""
    def git(*words):
        return subprocess.run(["git", "-C", PROJECT, *words], capture_output=True, text=True, check=False).stdout.strip()

    commit = git("rev-parse", "--short", "HEAD")
    # What the runs themselves write does not count.
    changed = git("status", "--porcelain", "--untracked-files=no", "--", "Sources", "Package.swift")
    return (commit or "unknown") + ("+" if changed else "")


def dnsperf_version():
    """The version of dnsperf."""
    said = subprocess.run(["dnsperf", "-h"], capture_output=True, text=True, check=False)
    found = re.search(r"Version (\S+)", said.stdout + said.stderr)
    return found.group(1) if found else "unknown"


def require(*programs):
    """Ends the run where a program is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise SystemExit(f"bench: {', '.join(missing)} not found: run `make bench-deps`")

"""What was measured, kept in results.json and written into the README between markers."""

import json
import re

from .machine import PROJECT
from .tables import SECTIONS

RESULTS = PROJECT / "Benchmarks" / "results.json"
README = PROJECT / "Benchmarks" / "README.md"


def load():
    """What was measured before."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def save(results):
    """Keeps all results and writes the README's tables anew."""
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    text = README.read_text()
    for name, render in SECTIONS.items():
        if (body := render(results)) is not None:
            text = replace(text, name, body)
    README.write_text(text)


def replace(text, name, body):
    """The text with what stands between the markers of a section replaced."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(f"({re.escape(begin)}\n).*?({re.escape(end)})", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"bench: {README.name} has no markers for {name!r}")
    return pattern.sub(lambda found: f"{found[1]}{body}\n{found[2]}", text)

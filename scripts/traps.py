#!/usr/bin/env python3
"""Lists the arithmetic that can trap in modules that read strangers' bytes, and compares it with what was reviewed.

    scripts/traps.py [MODULE…]            says what is new or gone since scripts/traps.txt was reviewed; ends with 1 for anything new
    scripts/traps.py [MODULE…] --accept   writes the list anew, after each new line was looked at

An arithmetic trap is a crash that a stranger can cause. The compiler knows where they are: each check that is left after
optimisation is a `cond_fail` of its intermediate language (SIL), with its place in the source. Sums and differences of Int are not
listed: most of what is summed has at most 48 bits where it comes from outside (lengths, offsets, TTLs, counts); where it has 64, as
times in Redis values, guards bound it first. Listed is all else: arithmetic in other integers, products, and conversions to
integers that are smaller or have no sign. Bounds of arrays and ranges are not listed: those are what fuzzing tries.

It needs the modules of a debug build (`swift build`) of this folder.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

MODULES = [
    "DNSWire", "Belief", "NameRules", "AnswerCache", "GreenRedis", "GreenHTTP", "GreenHTTP2", "Upstream", "Resolver", "Daemon",
]
REVIEWED = pathlib.Path("scripts/traps.txt")
FEATURES = ["ExistentialAny", "MemberImportVisibility", "InternalImportsByDefault"]


def intermediate(module):
    """The optimised SIL of a module, with places in the source."""
    maps = [*pathlib.Path("Sources").glob("C*/module.modulemap"), pathlib.Path(".build/debug/CGreen.build/module.modulemap")]
    package = os.environ.get("PACKAGE_NAME", pathlib.Path.cwd().name.lower())
    with tempfile.NamedTemporaryFile(suffix=".sil") as output:
        command = [os.environ.get("SWIFT", "swift") + "c", "-emit-sil", "-O", "-wmo", "-g", "-Xllvm", "-sil-print-debuginfo"]
        command += ["-module-name", module, "-package-name", package, "-swift-version", "6", "-I", ".build/debug/Modules"]
        command += [word for name in FEATURES for word in ("-enable-upcoming-feature", name)]
        command += ["-enable-experimental-feature", "Lifetimes", "-suppress-warnings"]
        command += [word for path in maps if path.exists() for word in ("-Xcc", f"-fmodule-map-file={path}")]
        command += ["-Xcc", "-ISources/CGreen/include", "-o", output.name]
        command += sorted(str(path) for path in pathlib.Path("Sources", module).rglob("*.swift"))
        subprocess.run(command, check=True)
        return pathlib.Path(output.name).read_text()


def scopes(text):
    """The scopes of a module: place, where it was inlined, and what is around it."""
    found = {}
    for match in re.finditer(r"^sil_scope (\d+) \{ (.*) \}$", text, re.M):
        place = re.search(r'loc (?:\* )?"([^"]+)":(\d+)', match[2])
        inlined = re.search(r"inlined_at (\d+)", match[2])
        parent = re.search(r"parent (\d+)", match[2])
        found[match[1]] = (place and place.groups(), inlined and inlined[1], parent and parent[1])
    return found


def source(place, scope, known):
    """The line of our own that a check belongs to: the standard library's are followed to where they are used."""
    for _ in range(60):
        if place and place[0].startswith("Sources/"):
            return place
        if scope not in known:
            return None
        around, inlined, parent = known[scope]
        if inlined:
            place, scope = known.get(inlined, (None,))[0], inlined
        else:
            place, scope = around, parent
    return None


def checks(text):
    """Each check with its kind: the arithmetic that overflows, or what the check says."""
    arithmetic = {}
    for line in text.splitlines():
        if line.startswith("sil "):
            arithmetic = {}
        elif match := re.match(r'\s*(%\d+) = builtin "([a-z]+)_with_overflow_Int(\d+)"', line):
            arithmetic[match[1]] = f"{match[2]} {match[3]}"
        elif match := re.match(r"\s*(%\d+) = tuple_extract (%\d+)", line):
            arithmetic[match[1]] = arithmetic.get(match[2])
        elif match := re.match(r"\s*\(%\d+, (%\d+)\) = destructure_tuple (%\d+)", line):
            arithmetic[match[1]] = arithmetic.get(match[2])
        elif match := re.search(
            r'cond_fail (%\d+), "([^"]*)"(?:, loc (?:\* )?"([^"]+)":(\d+):\d+)?(?:, scope (\d+))?', line
        ):
            kind = arithmetic.get(match[1]) or match[2]
            yield kind, (match[3], match[4]) if match[3] else None, match[5]


def is_listed(kind):
    """Whether a kind of check is one to review."""
    if re.match(r"[us](add|sub|mul) \d+$", kind):
        return kind not in ("sadd 64", "ssub 64")
    return kind.startswith(("Not enough bits", "Negative value is not", "Division", "arithmetic overflow"))


def found(module):
    """The lines of a module that can trap so."""
    text = intermediate(module)
    known = scopes(text)
    for kind, place, scope in checks(text):
        line = source(place, scope, known) if is_listed(kind) else None
        if line and line[1] != "0":
            words = pathlib.Path(line[0]).read_text().splitlines()[int(line[1]) - 1]
            yield f"{line[0]}: {' '.join(words.split())}"


def main():
    """Compares, or writes the list."""
    os.chdir(pathlib.Path(__file__).parent.parent)
    modules = [word for word in sys.argv[1:] if word in MODULES] or MODULES
    lines = sorted({line for module in modules for line in found(module)})
    reviewed = set(REVIEWED.read_text().splitlines()) if REVIEWED.exists() else set()
    others = {line for line in reviewed if line.split("/")[1] not in modules}
    if "--accept" in sys.argv:
        REVIEWED.write_text("".join(line + "\n" for line in sorted(others.union(lines))))
        return 0
    reviewed -= others
    for line in sorted(reviewed - set(lines)):
        print(f"gone: {line}")
    new = [line for line in lines if line not in reviewed]
    for line in new:
        print(f"new: {line}")
    print(f"{len(lines)} lines can trap in arithmetic, {len(new)} of them not reviewed")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())

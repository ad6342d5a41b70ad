"""Results as tables, for the terminal and the README alike: plain Markdown."""


def _number(value, digits=0, unit=1.0):
    return "–" if value is None else f"{value / unit:,.{digits}f}"


def _ratio(value, reference):
    return f"{value / reference:.2f}" if value is not None and reference else "–"


def _column(title, key, digits=0, unit=1.0):
    return title, lambda figures, _: _number(figures.get(key), digits, unit)


def _ratio_column(key):
    return "× Vireo", lambda figures, vireo: _ratio(figures.get(key), vireo and vireo.get(key))


_ANSWERED = ("answered", lambda figures, _: f"{100 * figures['answered']:.2f} %")
_COST = (_column("CPU µs per query", "cpu_us", 2), _ratio_column("cpu_us"), _column("queries/s", "rate"))

#: The columns of each mode.
COLUMNS = {
    "hit": (*_COST, _column("p50 µs", "p50_us"), _column("p99 µs", "p99_us"), _column("p99.9 µs", "p999_us"), _ANSWERED),
    "busy": (
        _column("p50 µs", "p50_us"), _column("p99 µs", "p99_us"), _column("p99.9 µs", "p999_us"), _ratio_column("p999_us"),
        _ANSWERED),
    "miss": (*_COST, _ANSWERED),
    "tcp": (*_COST, _ANSWERED),
    "memory": (
        _column("bytes per name", "bytes_per_name"), _ratio_column("bytes_per_name"),
        _column("idle MiB", "idle_bytes", 1, 2**20), _column("names", "names"), _ANSWERED),
}


def table(head, rows):
    """A Markdown table: the first column to the left, the others to the right, padded to be read as it is."""
    widths = [max(len(row[index]) for row in (head, *rows)) for index in range(len(head))]

    def line(cells):
        padded = [cell.ljust(width) if index == 0 else cell.rjust(width)
                  for index, (cell, width) in enumerate(zip(cells, widths, strict=True))]
        return "| " + " | ".join(padded) + " |"

    dashes = ["-" * (width + 2) if index == 0 else "-" * (width + 1) + ":" for index, width in enumerate(widths)]
    rule = "|" + "|".join(dashes) + "|"
    return "\n".join((line(head), rule, *map(line, rows)))


def speed_table(mode, servers):
    """The table of a mode: servers by their titles, as they stand."""
    columns = COLUMNS[mode]
    vireo = servers.get("vireo", {}).get("medians")
    rows = []
    for server in servers.values():
        if "medians" in server:
            rows.append((server["title"], *(render(server["medians"], vireo) for _, render in columns)))
        else:
            rows.append((server["title"], server["left_out"], *("" for _ in columns[1:])))
    return table(("", *(title for title, _ in columns)), rows)


def caption(mode, entry):
    """When and how a mode was measured."""
    how = f"median of {entry['rounds']} × {entry['seconds']:g} s in turn" if mode != "memory" else "filled once"
    return f"`{entry['command']}`: {how}; {entry['date']}, revision {entry['revision']}, on {entry['machine']}."


def speed(mode):
    """The section of a mode."""
    def render(results):
        entry = results.get("modes", {}).get(mode)
        return entry and speed_table(mode, entry["servers"]) + "\n\n" + caption(mode, entry)

    return render


def versions(results):
    """The section that names what took part."""
    return results.get("versions") and ", ".join(f"{title} {version}" for title, version in results["versions"].items()) + "."


def instructions(results):
    """The section of instruction counts."""
    entry = results.get("instructions")
    if not entry:
        return None
    rows = [(what, f"{count:,.0f}") for what, count in entry["counts"].items()]
    return (table(("", "instructions"), rows)
            + f"\n\n`make bench-instructions`: {entry['valgrind']}, {entry['date']}, revision {entry['revision']}.")


def hit_ratio(results):
    """The section of hit ratios."""
    entry = results.get("hit_ratio")
    if not entry:
        return None
    rows = [(_size(row["bytes"]), f"{row['entries']:,}", _percent(row["sieve"]), _percent(row["lru"])) for row in entry["sizes"]]
    rows.append(("unlimited", f"{entry['distinct']:,}", _percent(entry["unlimited"]), _percent(entry["unlimited"])))
    return (table(("cache", "entries", "Vireo (SIEVE)", "LRU"), rows)
            + f"\n\n`make bench-hit-ratio`: {entry['requests']:,} questions, the second half counted; "
            + f"{entry['date']}, revision {entry['revision']}.")


#: What is compared with gevent and Swift tasks, in the order of the table.
GREEN = {
    "bare": "switch of stacks alone",
    "spawn+join": "spawn with a closure, join",
    "start": "start without a handle (Hub.start), run to the end",
    "spawn": "spawn with a closure, run to the end",
    "switch": "give way and go on (sleep(0))",
    "event": "Event: one set, one wait",
    "queue(1)": "Queue(1): one thing handed over",
    "sleeper": "start one of 100,000 sleepers",
    "sleeper bytes": "bytes in memory for a sleeper",
    "parked": "register a silent connection that has no greenlet",
    "parked bytes": "bytes in memory for such a connection",
    "late": "how late a sleep of 1 ms ends, the median",
    "echo": "echo over TCP, 1,000 connections: the server's processor time",
}


def green(results):
    """The section of Green beside gevent and Swift tasks."""
    entry = results.get("green")
    if not entry:
        return None
    mine, twin, tasks, floor = (entry["figures"][who] for who in ("green", "gevent", "tasks", "floor"))

    def times(other, own):
        return f"{other / own:.1f}" if other and own else ""

    def number(value):
        return "" if value is None else _number(value, 0 if value >= 100 else 1)

    rows = []
    for key, what in GREEN.items():
        own, other, task = mine.get(key), twin.get(key), tasks.get(key)
        rows.append((what, number(own), number(other), number(task), times(other, own), times(task, own)))
    head = ("nanoseconds each", "Green", "gevent", "Swift tasks", "gevent : Green", "tasks : Green")
    return (table(head, rows)
            + f"\n\nThe echo's floor, a C program that only reads and writes, takes {number(floor['echo'])} ns of processor time for"
            + f" each round trip on this machine: {times(mine['echo'], floor['echo'])} times that is Green's, and gevent's is"
            + f" {times(twin['echo'], floor['echo'])} times that, the most that anything could be cheaper than gevent here."
            + f" Round trips a second: {_number(floor['echo rate'])} / {_number(mine['echo rate'])} / {_number(twin['echo rate'])}"
            + f" (floor, Green, gevent).\n\n`make bench-green`: gevent {entry['gevent']}; best of {entry['rounds']} rounds in turn;"
            + f" {entry['date']}, revision {entry['revision']}, on {entry['machine']}.")


def _size(count):
    return f"{count // 2**20} MiB" if count >= 2**20 else f"{count // 2**10} KiB"


def _percent(share):
    return f"{100 * share:.2f} %"


def picture(results):
    """The section that shows the picture, once there is one."""
    return "![CPU time for cached answers and misses, and memory for each name](figures.png)" if results.get("modes") else None


#: The README's sections between markers.
SECTIONS = {
    "picture": picture,
    "versions": versions,
    **{mode: speed(mode) for mode in COLUMNS},
    "instructions": instructions,
    "hit-ratio": hit_ratio,
    "green": green,
}

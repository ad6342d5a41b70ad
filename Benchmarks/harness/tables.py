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
}

"""The figures as a picture, drawn by gnuplot."""

import shutil
import subprocess

from .machine import PROJECT

PICTURE = PROJECT / "Benchmarks" / "figures.png"
PANELS = (
    ("hit", "cpu_us", "cached answer over UDP: CPU µs"),
    ("tcp", "cpu_us", "cached answer over TCP: CPU µs"),
    ("miss", "cpu_us", "forwarded miss: CPU µs"),
    ("memory", "bytes_per_name", "memory: bytes per cached name"),
)
#: The colours of bars.
OWN, OTHERS = 0x2E8B57, 0x9AA5B1
HEAD = """set terminal pngcairo size 1200,800 font "sans,11" background "#ffffff"
set output "{picture}"
set multiplot layout 2,2
set style fill solid noborder
set boxwidth 0.7
set yrange [0:*]
set offsets 0.5, 0.5, graph 0.1, 0
unset key
set border 3
set tics nomirror out scale 0.5
set xtics rotate by 25 right
set grid y lc rgb "#dddddd"
"""


def draw(results):
    """Draws what there is; says why where it cannot."""
    if shutil.which("gnuplot") is None:
        print("bench: gnuplot not found, so no picture: run `make bench-deps`")
        return
    script = [HEAD.format(picture=PICTURE)]
    for mode, key, title in PANELS:
        servers = results.get("modes", {}).get(mode, {}).get("servers", {})
        bars = [(name, server["title"], server["medians"][key]) for name, server in servers.items() if "medians" in server]
        if not bars:
            continue
        rows = "\n".join(
            f'{place} "{label}" {value:.3f} {OWN if name == "vireo" else OTHERS} "{value:.{0 if value >= 100 else 1}f}"'
            for place, (name, label, value) in enumerate(bars))
        script.append(f"""$bars << END
{rows}
END
set title "{title}"
plot $bars using 1:3:4:xtic(2) with boxes lc rgb variable, $bars using 1:3:5 with labels offset 0,0.6
""")
    subprocess.run(["gnuplot"], input="".join(script), text=True, check=True, timeout=60)
    print(f"drawn: {PICTURE.relative_to(PROJECT)}")

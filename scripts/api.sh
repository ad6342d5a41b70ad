#!/bin/sh
# The public API of the libraries, against the one that was recorded (docs/api). `scripts/api.sh check BUILD` says what is there no
# more, or has changed; `scripts/api.sh record BUILD` writes it anew. BUILD is a folder of a build, such as .build/debug.
# `swift package diagnose-api-breaking-changes TAG` says more, and builds the tag for it.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."
action=${1:?check or record}
build=${2:-.build/debug}
modules=${API_MODULES:-Green GreenTLS GreenRedis GreenHTTP GreenHTTP2 GreenDNS DNSWire}
tools=$(dirname "$(readlink -f "$(command -v "${SWIFT:-swift}")")")
[ -x "$tools/swift-symbolgraph-extract" ] || exit 0
command -v python3 >/dev/null 2>&1 || exit 0

maps=$(find -L "$build" Sources -maxdepth 2 -name module.modulemap -not -path '*Tests*' | sed 's/^/-Xcc -fmodule-map-file=/')
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

# One line for each declaration, with the name that it is found by.
lines() {
    python3 - "$@" <<'PY'
import json
import sys

found = set()
for path in sys.argv[1:]:
    for symbol in json.load(open(path))["symbols"]:
        # What other modules' protocols give to each type that conforms is theirs.
        if "::SYNTHESIZED::" in symbol["identifier"]["precise"]:
            continue
        text = " ".join("".join(part["spelling"] for part in symbol["declarationFragments"]).split())
        found.add(".".join(symbol["pathComponents"]) + "\t" + text)
print("\n".join(sorted(found)))
PY
}

for module in $modules; do
    # shellcheck disable=SC2086 # the maps are words
    "$tools/swift-symbolgraph-extract" -module-name "$module" -I "$build/Modules" $maps -minimum-access-level public \
        -target "$("$tools/swiftc" -print-target-info | sed -n 's/.*"triple": "\(.*\)",/\1/p' | head -n 1)" \
        -output-dir "$directory" >"$directory/log" 2>&1 || { cat "$directory/log"; exit 1; }
    lines "$directory/$module"[.@]*symbols.json >"$directory/$module.txt"
    if [ "$action" = record ]; then
        cp "$directory/$module.txt" "docs/api/$module.txt"
    elif [ ! -f "docs/api/$module.txt" ]; then
        echo "docs/api/$module.txt: is missing: run make api"
    else
        comm -23 "docs/api/$module.txt" "$directory/$module.txt" | sed "s/^/$module, gone or changed (say so in CHANGELOG.md, then make api): /"
    fi
done

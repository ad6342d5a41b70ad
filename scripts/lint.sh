#!/bin/sh
# Everything that can be judged without running the tests. Says all it finds, then fails if there was anything.
# shellcheck disable=SC2317 # functions are called by name, through check
set -u
cd "$(dirname "$0")/.." || exit 1
swift=${SWIFT:-swift}
failed=0

# Runs a named check; whatever it prints is a finding.
check() {
    name=$1
    shift
    findings=$("$@" 2>&1)
    if [ -n "$findings" ]; then
        printf 'lint: %s\n%s\n' "$name" "$findings" | head -n 60 >&2
        failed=1
    else
        echo "lint: $name: good"
    fi
}

# Files of the project, whether committed yet or not.
files() {
    git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do [ ! -f "$file" ] || echo "$file"; done
}

formatting() {
    files '*.swift' | xargs "$swift" format lint --strict --parallel
}

# The word may stand in comments that say why there is none.
unsafe_outside() {
    files 'Sources/DNSWire/*.swift' 'Sources/Belief/*.swift' 'Sources/NameRules/*.swift' 'Sources/Observation/*.swift' \
        | xargs -r grep -nE '^[^/]*\bunsafe\b|@unsafe'
    files 'Sources/AnswerCache/*.swift' | grep -v '/BlockStore' | xargs -r grep -nE '^[^/]*\bunsafe\b|@unsafe'
}

unexplained_sharing() {
    files 'Sources/*.swift' | xargs awk '
        FNR == 1 { reason = -9; wanted = 0 }
        wanted && FNR > wanted + 3 { print place; wanted = 0 }
        /SAFETY:/ { reason = FNR; wanted = 0 }
        /^[^\/]*(@unchecked Sendable|nonisolated\(unsafe\))/ && FNR - reason > 3 {
            wanted = FNR; place = FILENAME ":" FNR ": no SAFETY: line near it"
        }'
}

unfinished() {
    files 'Sources/*' 'Tests/*.swift' 'Benchmarks/*.swift' 'Benchmarks/*.py' scripts Makefile config systemd '*.md' | grep -v '^scripts/lint.sh$' \
        | xargs grep -nE '\b(TODO|FIXME|XXX)\b'
}

home_paths() {
    files '*.swift' '*.c' '*.h' '*.md' '*.yaml' Makefile scripts systemd | grep -v '^scripts/lint.sh$' \
        | xargs grep -nE '(^|[^A-Za-z0-9_./])/(home|root|Users|work)/'
}

long_files() {
    files 'Sources/*.swift' 'Sources/*.c' 'Sources/*.h' 'Benchmarks/*.swift' | xargs -r wc -l \
        | awk '$2 != "total" && $1 > 500 { print $2 ": " $1 " lines, at most 500" }'
    files 'Tests/*.swift' | xargs -r wc -l \
        | awk '$2 != "total" && $1 > 700 { print $2 ": " $1 " lines, at most 700" }'
}

# A function ends where a brace stands alone under its first letter.
long_functions() {
    # shellcheck disable=SC2016 # awk's own $0
    files 'Sources/*.swift' 'Tests/*.swift' 'Benchmarks/*.swift' | xargs awk '
        FNR == 1 { start = 0 }
        /^ *[a-z@() ]*(func |init[?]?[(<]|deinit )/ && !/[{].*[}]$/ { match($0, /^ */); indent = RLENGTH; start = FNR }
        start && /^ *[}]$/ {
            match($0, /^ */)
            if (RLENGTH == indent) {
                if (FNR - start > 60) print FILENAME ":" start ": a function of " FNR - start " lines, at most 60"
                start = 0
            }
        }'
}

scripts_checked() {
    files 'scripts/*.sh' '.ci/run' | while read -r file; do
        sh -n "$file"
        if command -v shellcheck >/dev/null 2>&1; then shellcheck "$file"; fi
        [ -x "$file" ] || echo "$file: is not executable"
    done
}

# Warnings are errors: VIREO_STRICT makes Package.swift ask for that, in our own targets only.
warnings() {
    log=$(mktemp)
    VIREO_STRICT=1 "$swift" build --build-tests >"$log" 2>&1 </dev/null || grep -E 'error:|warning:' "$log" || tail -n 30 "$log"
    rm -f "$log"
}

units() {
    command -v systemd-analyze >/dev/null 2>&1 || { echo "no systemd-analyze here: units are not judged" >&2; return 0; }
    directory=$(mktemp -d)
    sed -e "s|@bindir@|/bin|g; s|@sysconfdir@|/etc|g; s|/bin/vireo|/bin/true|g" systemd/vireo.service >"$directory/vireo.service"
    cp systemd/vireo.socket systemd/vireo-tls.socket "$directory"
    systemd-analyze verify --man=no "$directory"/vireo.service "$directory"/*.socket 2>&1 | grep -E 'vireo[a-z-]*\.(service|socket)'
    # Ten times the exposure: as it is installed, and where systemd opens the ports.
    exposure 15 "$directory/vireo.service"
    mkdir "$directory/vireo.service.d"
    cp systemd/socket-activated.conf "$directory/vireo.service.d"
    systemd-analyze verify --man=no "$directory"/vireo.service 2>&1 | grep -E 'vireo[a-z-]*\.(service|socket)'
    exposure 12 "$directory/vireo.service"
    rm -rf "$directory"
}

exposure() {
    systemd-analyze security --offline=true --no-pager --threshold="$1" "$2" >/dev/null 2>&1 \
        || echo "systemd-analyze security: more than $1 tenths"
}

example_configuration() {
    .build/debug/vireo check config/vireo.yaml 2>&1 | grep -v ': good$'
}

# The build without warnings has made what this reads.
public_api() {
    scripts/api.sh check .build/debug
}

check "layout of Swift files" formatting
check "unsafe code where there must be none" unsafe_outside
check "sharing without a reason" unexplained_sharing
check "unfinished work" unfinished
check "paths of one machine" home_paths
check "length of files" long_files
check "length of functions" long_functions
check "scripts" scripts_checked
check "systemd units" units
check "a build without warnings" warnings
check "the public API of the libraries" public_api
check "the example configuration" example_configuration
exit $failed

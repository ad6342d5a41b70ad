#!/bin/bash
# Fuzzing with libFuzzer and AddressSanitizer.
#
#   scripts/fuzz.sh run TARGET|all SECONDS    tries a target, or each for so long; what ends it is kept in Fuzzing/crashes/TARGET
#   scripts/fuzz.sh keep TARGET|all           puts the smallest inputs that reach most into Fuzzing/corpus/TARGET
#   scripts/fuzz.sh list                      names the targets
#
# What was reached before stays in .build-fuzz/found, from which the next run goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=.build-fuzz
program=$scratch/release/fuzz
# So many inputs of so many bytes are kept for each target at most.
most_inputs=40
most_bytes=1000

# A greenlet has a stack of its own, which AddressSanitizer's fake stacks do not know; the reports of Swift's own crash handler
# would come where libFuzzer's are expected.
export ASAN_OPTIONS="detect_leaks=0 detect_stack_use_after_return=0 ${ASAN_OPTIONS:-}"
export SWIFT_BACKTRACE=enable=no

build() {
    # Debian's gold cannot link what is instrumented so; the toolchain's own linker can.
    VIREO_ONLY=fuzz ${SWIFT:-swift} build -c release --product fuzz --scratch-path $scratch \
        -Xswiftc -sanitize=fuzzer,address -Xswiftc -use-ld=lld -Xswiftc -enable-testing
}

targets() { if [ "$1" = all ]; then $program; else echo "$1"; fi; }

run() {
    local target found failed=0
    for target in $(targets "$1"); do
        found=$scratch/found/$target
        mkdir -p "$found" "Fuzzing/corpus/$target" "Fuzzing/crashes/$target"
        echo "== $target"
        FUZZ_TARGET=$target $program "$found" "Fuzzing/corpus/$target" "Fuzzing/crashes/$target" -max_total_time="$2" \
            -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1 \
            -artifact_prefix="Fuzzing/crashes/$target/" </dev/null >"$scratch/$target.log" 2>&1 || failed=1
        grep -E 'cov: .*(DONE|INITED)|broken promise|Fatal error|ERROR: |Test unit written|number_of_executed_units' \
            "$scratch/$target.log" | cut -c1-200 | tail -6 || true
        rmdir --ignore-fail-on-non-empty "Fuzzing/crashes/$target"
    done
    return $failed
}

keep() {
    local target folder small merged
    for target in $(targets "$1"); do
        small=$(mktemp -d) merged=$(mktemp -d)
        mkdir -p "$scratch/found/$target" "Fuzzing/corpus/$target"
        for folder in "$scratch/found/$target" "Fuzzing/corpus/$target"; do
            find "$folder" -type f -size "-${most_bytes}c" -exec cp -t "$small" {} +
        done
        FUZZ_TARGET=$target $program -set_cover_merge=1 "$merged" "$small" </dev/null >"$scratch/$target.log" 2>&1
        rm -f "Fuzzing/corpus/$target"/*
        # Those that reach most come first from a set cover; of as many as there may be, the smallest are kept.
        find "$merged" -type f -printf '%s %p\n' | sort -n | sed -n "1,${most_inputs}p" | cut -d' ' -f2 \
            | xargs -r cp -t "Fuzzing/corpus/$target"
        rm -r "$small" "$merged"
        echo "$target: $(find "Fuzzing/corpus/$target" -type f | wc -l) inputs"
    done
}

# Who calls it wrongly is told so before anything is built.
case "${1:-} $#" in
"run 3") [[ $3 =~ ^[1-9][0-9]*$ ]] ;;
"keep 2" | "list 1") ;;
*) false ;;
esac || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }

build
case $1 in
run) run "$2" "$3" ;;
keep) keep "$2" ;;
list) $program ;;
esac

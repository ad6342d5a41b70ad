#!/usr/bin/env python3
"""Makes the code for names: the lengths of Huffman codes for each character after each other, as a Swift file.

    python3 Benchmarks/name_code.py < Tests/Resources/names.txt > Sources/NameRules/Table/NameCode+Lengths.swift
"""

import heapq
import random
import sys

SYMBOLS = "abcdefghijklmnopqrstuvwxyz0123456789-_"
ESCAPE, NEXT, END, START = 38, 39, 40, 39
LONGEST = 12
WORDS = """www ads ad adserver track tracking tracker analytics metrics smetrics stats stat cdn static pixel api m app
click clicks log logs events telemetry beacon data img images media banner banners pop promo email mail go link links t
s1 s2 ad1 ad2 a b c d e us eu uk de web server srv host cloud shop login secure pay news blog""".split()


def synthetic(names, rng):
    """Names as block lists have them: two in five as they are, others with labels before them, or made by machines."""
    for name in names:
        yield name
        for _ in range(2):
            kind = rng.random()
            if kind < 0.45:
                yield rng.choice(WORDS) + rng.choice(["", "", "", "-" + rng.choice(WORDS), str(rng.randrange(100))]) + "." + name
            elif kind < 0.6:
                yield "".join(rng.choice("0123456789abcdef") for _ in range(rng.randrange(6, 14))) + "." + name
            elif kind < 0.8:
                other = rng.choice(names).split(".")[0]
                yield rng.choice(["-", "", ""]).join([name.split(".")[0], other]) + "." + name.split(".", 1)[1]
            elif kind < 0.95:
                yield rng.choice(WORDS) + rng.choice(["-", ""]) + name
            else:
                yield "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randrange(7, 16))) + ".com"


def lengths(counts):
    """Lengths of a Huffman code, none above LONGEST: what is rare is taken for a little less rare until that holds."""
    floor = 1
    while True:
        heap = [(max(count, floor), index, [index]) for index, count in enumerate(counts) if count is not None]
        result = [0] * len(counts)
        heapq.heapify(heap)
        while len(heap) > 1:
            first, second = heapq.heappop(heap), heapq.heappop(heap)
            for symbol in first[2] + second[2]:
                result[symbol] += 1
            heapq.heappush(heap, (first[0] + second[0], min(first[1], second[1]), first[2] + second[2]))
        if max(result) <= LONGEST:
            return result
        floor *= 2


def main():
    """Counts, and writes the file."""
    names = [line.strip().lower() for line in sys.stdin if line.strip()]
    counts = [[[1] * 41 for _ in range(40)] for _ in range(3)]
    for name in synthetic(names, random.Random(7)):
        labels = name.split(".")[::-1]
        for number, label in enumerate(labels):
            before = START
            for letter in label:
                symbol = SYMBOLS.index(letter) if letter in SYMBOLS else ESCAPE
                counts[min(number, 2)][before][symbol] += 1
                before = symbol
            counts[min(number, 2)][before][END if number + 1 == len(labels) else NEXT] += 1
    rows = []
    for depth in range(3):
        for before in range(40):
            row = counts[depth][before]
            if before == START:
                row[NEXT] = None
                row[END] = None if depth else 1
            rows.append("".join("%x" % length for length in lengths(row)))
    print("// Made by Benchmarks/name_code.py.\n")
    print("/// How long the codes are.")
    print("extension NameCode {")
    print("    /// A row for each character before (a label's start last): first those for top-level labels, then those for")
    print("    /// second-level ones, then those for all others. In it a hexadecimal digit for each symbol: the bits of its code,")
    print("    /// 0 for none.")
    print("    static let lengths: [StaticString] = [")
    for row in rows:
        print('        "%s",' % row)
    print("    ]\n}")


if __name__ == "__main__":
    main()

/// Addresses as text.
package enum AddressText {
    /// An IPv4 address in dotted decimal.
    package static func ipv4(_ address: UInt32) -> String {
        "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
    }

    /// Reads dotted decimal: four numbers without leading zeroes.
    package static func ipv4(_ text: Substring) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                part.utf8.count == 1 || part.utf8.first != 0x30, let number = UInt8(part)
            else { return nil }
            address = address << 8 | UInt32(number)
        }
        return address
    }

    /// An IPv6 address as RFC 5952 wants it: lower case, the longest run of zeroes cut, mapped IPv4 in dots.
    package static func ipv6(high: UInt64, low: UInt64) -> String {
        let groups = (0..<8).map { index in
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index % 4)))
        }
        if high == 0, low >> 32 == 0xFFFF { return "::ffff:" + ipv4(UInt32(truncatingIfNeeded: low)) }
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(1, best.count) { best = start..<end }
            start = max(end, start + 1)
        }
        func joined(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        return best.isEmpty ? joined(0..<8) : joined(0..<best.lowerBound) + "::" + joined(best.upperBound..<8)
    }

    /// Reads any legal text form of an IPv6 address (RFC 4291 2.2), zone identifiers excepted.
    package static func ipv6(_ text: Substring) -> (high: UInt64, low: UInt64)? {
        let halves: [Substring]
        if let gap = firstGap(text) {
            halves = [text[..<gap], text[text.index(gap, offsetBy: 2)...]]
        } else {
            halves = [text]
        }
        guard let left = groups(halves[0], mayEndInIPv4: halves.count == 1),
            let right = halves.count == 2 ? groups(halves[1], mayEndInIPv4: true) : []
        else { return nil }
        let known = left.count + right.count
        guard halves.count == 2 ? known <= 7 : known == 8 else { return nil }
        let all = left + [UInt16](repeating: 0, count: 8 - known) + right
        let high = all[..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        let low = all[4...].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        return (high, low)
    }

    /// Where the first `::` is.
    private static func firstGap(_ text: Substring) -> Substring.Index? {
        var previous: Substring.Index?
        for index in text.indices {
            if text[index] == ":", let previous, text[previous] == ":" { return previous }
            previous = index
        }
        return nil
    }

    /// The groups between colons; the last may be an IPv4 address, worth two.
    private static func groups(_ text: Substring, mayEndInIPv4: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, mayEndInIPv4, part.contains("."), let address = ipv4(part) {
                groups += [UInt16(truncatingIfNeeded: address >> 16), UInt16(truncatingIfNeeded: address)]
            } else {
                guard (1...4).contains(part.utf8.count), part.allSatisfy(\.isHexDigit), let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups
    }
}

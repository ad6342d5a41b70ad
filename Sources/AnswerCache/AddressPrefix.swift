internal import DNSWire
package import Green

/// A range of addresses, as `192.0.2.0/24`, `2001:db8::/32`, or one address.
package struct AddressPrefix: Hashable, Sendable {
    /// The first address of the range, or any other of it, in network order.
    private let bytes: [UInt8]
    /// How many leading bits all addresses of the range share.
    package let length: Int

    /// The addresses that share the first `length` bits of `address`; all of them where it has fewer.
    package init(_ address: IPAddress, length: Int) {
        bytes = address.bytes
        self.length = max(0, min(length, bytes.count * 8))
    }

    /// Which kind of addresses these are.
    package var family: IPAddress.Family { bytes.count == 4 ? .v4 : .v6 }

    /// The first and the last address of the range as `IPAddress.number` has them.
    package var numbers: ClosedRange<UInt128> {
        var number = family == .v4 ? UInt128(UInt64.max) << 64 : 0
        for (index, byte) in bytes.enumerated() { number |= UInt128(byte) << UInt128(8 * (bytes.count - 1 - index)) }
        let free = UInt128(bytes.count * 8 - length)
        let mask = free == 128 ? UInt128.max : (1 << free) - 1
        return number & ~mask...number | mask
    }

    /// Reads a range; nil for anything else. Bits after the prefix are not looked at.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first), address.scope == 0 else { return nil }
        bytes = address.bytes
        if parts.count == 1 {
            length = bytes.count * 8
        } else {
            let digits = parts[1]
            guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
                let length = Int(digits), length <= bytes.count * 8
            else { return nil }
            self.length = length
        }
    }

    /// The range as it is usually written, where it was given with bits set after the prefix; nil where it was not.
    package var networkOfHostBits: String? {
        var masked = bytes
        for index in masked.indices {
            let kept = min(8, max(0, length - 8 * index))
            masked[index] &= kept == 0 ? 0 : 0xFF << UInt8(8 - kept)
        }
        guard masked != bytes else { return nil }
        func word(_ range: Range<Int>) -> UInt64 { masked[range].reduce(0) { $0 << 8 | UInt64($1) } }
        let isFour = masked.count == 4
        let address =
            isFour
            ? IPAddress(v4: UInt32(truncatingIfNeeded: word(0..<4))) : IPAddress(v6High: word(0..<8), low: word(8..<16))
        return "\(address)/\(length)"
    }

    /// Whether an address in network order, as an A or AAAA record holds it, is in the range.
    package func contains(_ address: Span<UInt8>) -> Bool {
        guard address.count == bytes.count else { return false }
        for index in 0..<length / 8 where address[index] != bytes[index] { return false }
        let rest = length % 8
        return rest == 0 || (address[length / 8] ^ bytes[length / 8]) >> (8 - rest) == 0
    }

    /// Whether an address record in a message's answer section lies in the range.
    func isAnswered(by message: Span<UInt8>) -> Bool {
        do throws(WireError) {
            var cursor = try MessageView(message).records()
            while let record = try cursor.next(), record.section == .answer {
                if record.type == .a || record.type == .aaaa, contains(record.rdata) { return true }
            }
        } catch {
            // What was checked before can be read.
        }
        return false
    }
}

extension AddressPrefix: CustomStringConvertible {
    /// As it was given, or as another instance reads it to the same range.
    package var description: String {
        let isFour = bytes.count == 4
        let groups =
            isFour
            ? bytes.map { "\($0)" } : (0..<8).map { String(UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]), radix: 16) }
        return "\(groups.joined(separator: isFour ? "." : ":"))/\(length)"
    }
}

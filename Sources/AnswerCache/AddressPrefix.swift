internal import DNSWire
internal import Green

/// A range of addresses, as `192.0.2.0/24`, `2001:db8::/32`, or one address.
package struct AddressPrefix: Hashable, Sendable {
    /// The first address of the range, or any other of it, in network order.
    private let bytes: [UInt8]
    /// How many leading bits all addresses of the range share.
    private let length: Int

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

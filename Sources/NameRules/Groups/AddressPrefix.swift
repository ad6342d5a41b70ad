internal import DNSWire

/// An address, IPv4 as an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2).
package struct IPAddress: Hashable, Comparable, Sendable {
    /// The first 64 bits.
    package var high: UInt64
    /// The last 64 bits.
    package var low: UInt64

    /// An IPv6 address.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// An IPv4 address, first byte highest.
    package init(ipv4: UInt32) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(ipv4))
    }

    /// Reads either kind of address.
    package init?(_ text: Substring) {
        if let address = AddressText.ipv4(text) {
            self.init(ipv4: address)
        } else if text.utf8.count <= 45, text.utf8.contains(0x3A), let address = AddressText.ipv6(text) {
            self.init(high: address.high, low: address.low)
        } else {
            return nil
        }
    }

    /// Whether it is an IPv4 address.
    package var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// Whether it is one that hosts files block names with: none (0.0.0.0, ::) or the host itself (127.0.0.0/8, ::1).
    package var isNullOrLoopback: Bool {
        if isIPv4 { return low & 0xFFFF_FFFF == 0 || low >> 24 & 0xFF == 127 }
        return high == 0 && low <= 1
    }

    /// By their bits.
    package static func < (left: IPAddress, right: IPAddress) -> Bool { (left.high, left.low) < (right.high, right.low) }
}

/// A prefix of addresses: an IPv4 one has 96 bits more than its text says.
package struct AddressPrefix: Hashable, Comparable, Sendable {
    /// The first address, its last bits zero.
    package let address: IPAddress
    /// How many bits count: 0 to 128.
    package let length: Int

    /// The prefix of an address.
    package init(_ address: IPAddress, length: Int) {
        self.length = min(max(length, 0), 128)
        let highMask = self.length >= 64 ? UInt64.max : ~(UInt64.max >> UInt64(self.length))
        let lowMask = self.length >= 128 ? UInt64.max : self.length > 64 ? ~(UInt64.max >> UInt64(self.length - 64)) : 0
        self.address = IPAddress(high: address.high & highMask, low: address.low & lowMask)
    }

    /// Reads `192.0.2.0/24`, `2001:db8::/32`, or an address alone.
    package init?(_ text: Substring) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { return nil }
        let isIPv4 = !first.utf8.contains(0x3A)
        var length = 128
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                let number = Int(parts[1]), number <= (isIPv4 ? 32 : 128)
            else { return nil }
            length = isIPv4 ? number + 96 : number
        }
        self.init(address, length: length)
    }

    /// Whether an address is in it.
    package func contains(_ other: IPAddress) -> Bool {
        let high = other.high ^ address.high
        if length <= 64 { return length == 0 || high &>> UInt64(truncatingIfNeeded: 64 &- length) == 0 }
        return high == 0 && (other.low ^ address.low) &>> UInt64(truncatingIfNeeded: 128 &- length) == 0
    }

    /// By length, then by address.
    package static func < (left: AddressPrefix, right: AddressPrefix) -> Bool {
        (left.length, left.address) < (right.length, right.address)
    }
}

extension AddressPrefix: CustomStringConvertible {
    /// As settings write it: an address, and how many bits count where not all do.
    package var description: String {
        let isIPv4 = address.isIPv4 && length >= 96
        let first =
            isIPv4
            ? RecordData.A(address: UInt32(truncatingIfNeeded: address.low)).description
            : RecordData.AAAA(high: address.high, low: address.low).description
        return length == 128 ? first : "\(first)/\(isIPv4 ? length - 96 : length)"
    }
}

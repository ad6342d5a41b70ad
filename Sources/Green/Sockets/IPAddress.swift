internal import CGreen
internal import Glibc

/// An IPv4 or IPv6 address, with the scope that a link-local IPv6 address needs.
public struct IPAddress: Sendable, Hashable {
    /// The kind of an address.
    public enum Family: Sendable, Hashable {
        case v4
        case v6
    }

    /// Which kind this is.
    public let family: Family
    /// The upper 64 bits of an IPv6 address, in host order; 0 for IPv4.
    public let high: UInt64
    /// The lower 64 bits of an IPv6 address, or the 32 bits of an IPv4 address, in host order.
    public let low: UInt64
    /// The interface number of a link-local IPv6 address, else 0.
    public let scope: UInt32

    /// An IPv4 address from its 32 bits in host order.
    public init(v4 bits: UInt32) {
        self.family = .v4
        self.high = 0
        self.low = UInt64(bits)
        self.scope = 0
    }

    /// An IPv6 address from its two halves in host order.
    public init(v6High high: UInt64, low: UInt64, scope: UInt32 = 0) {
        self.family = .v6
        self.high = high
        self.low = low
        self.scope = scope
    }

    /// Reads `192.0.2.1`, `2001:db8::1` or `fe80::1%eth0`; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        // The system's functions read up to a NUL.
        guard let host = parts.first, !host.isEmpty, !text.utf8.contains(0) else { return nil }
        var v4 = in_addr()
        if parts.count == 1, unsafe inet_pton(AF_INET, String(host), &v4) == 1 {
            self.init(v4: UInt32(bigEndian: v4.s_addr))
            return
        }
        var v6 = in6_addr()
        guard unsafe inet_pton(AF_INET6, String(host), &v6) == 1 else { return nil }
        var scope: UInt32 = 0
        if parts.count == 2 {
            scope = unsafe UInt32(parts[1]) ?? if_nametoindex(String(parts[1]))
            guard scope != 0 else { return nil }
        }
        let halves = unsafe withUnsafeBytes(of: &v6) { bytes in
            unsafe (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        self.init(v6High: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1), scope: scope)
    }

    /// The address with these bytes in network order; nil where they are neither 4 nor 16.
    public init?(bytes: [UInt8]) {
        func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self.init(v4: UInt32(word(bytes[...])))
        case 16: self.init(v6High: word(bytes[..<8]), low: word(bytes[8...]))
        default: return nil
        }
    }

    /// `127.0.0.1`.
    public static let loopback = IPAddress(v4: 0x7F00_0001)
    /// `0.0.0.0`.
    public static let any = IPAddress(v4: 0)
    /// `::1`.
    public static let loopbackV6 = IPAddress(v6High: 0, low: 1)
    /// `::`.
    public static let anyV6 = IPAddress(v6High: 0, low: 0)

    /// Whether this is the unspecified address, on which a listener answers for all of the machine's.
    public var isWildcard: Bool { high == 0 && low == 0 }

    /// Whether this is in 127.0.0.0/8 or is `::1`.
    public var isLoopback: Bool {
        family == .v4 ? low >> 24 == 127 : high == 0 && low == 1
    }

    /// The address as one number, for tables of ranges: an IPv6 address is itself, IPv4 lies above all of those that a host
    /// can have (`ff00::/8` and what is above are groups).
    public var number: UInt128 {
        UInt128(family == .v4 ? .max : high) << 64 | UInt128(low)
    }

    /// The address that `number` made a number of.
    package init(number: UInt128) {
        let (high, low) = (UInt64(truncatingIfNeeded: number >> 64), UInt64(truncatingIfNeeded: number))
        self = high == .max ? IPAddress(v4: UInt32(truncatingIfNeeded: low)) : IPAddress(v6High: high, low: low)
    }

    /// The address as its 4 or 16 bytes in network order.
    public var bytes: [UInt8] {
        switch family {
        case .v4: (0..<4).map { UInt8(truncatingIfNeeded: low >> (24 - 8 * $0)) }
        case .v6: (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> (56 - 8 * ($0 % 8))) }
        }
    }
}

extension IPAddress: CustomStringConvertible {
    /// The usual text of the address (RFC 5952 for IPv6).
    public var description: String {
        let capacity = Int(INET6_ADDRSTRLEN)
        let text = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
            unsafe inet_ntop(family == .v4 ? AF_INET : AF_INET6, bytes, buffer.baseAddress!, socklen_t(capacity))
            return unsafe String(cString: buffer.baseAddress!)
        }
        return scope == 0 ? text : "\(text)%\(scope)"
    }
}

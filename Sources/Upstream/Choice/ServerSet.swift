/// Some of the servers of a plan.
struct ServerSet: Hashable {
    private var bits: UInt16 = 0

    /// No server.
    init() {}

    /// The first `count` servers, 16 at most.
    init(first count: Int) {
        bits = ~0 >> UInt16(16 - count)
    }

    private init(bits: UInt16) {
        self.bits = bits
    }

    /// Whether there is none.
    var isEmpty: Bool { bits == 0 }

    /// Whether a server is among them.
    func contains(_ server: Int) -> Bool { bits & Self.bit(server) != 0 }

    /// Puts a server in.
    mutating func insert(_ server: Int) { bits |= Self.bit(server) }

    /// Takes a server out.
    mutating func remove(_ server: Int) { bits &= ~Self.bit(server) }

    /// Puts all of another set in.
    mutating func formUnion(_ other: ServerSet) { bits |= other.bits }

    /// Those that are not in another set.
    func subtracting(_ other: ServerSet) -> ServerSet { ServerSet(bits: bits & ~other.bits) }

    /// The first after `server`, going round.
    func following(_ server: Int) -> Int? {
        guard bits != 0 else { return nil }
        let after = bits & ~(((1 as UInt16) << UInt16(server + 1)) &- 1)
        return (after != 0 ? after : bits).trailingZeroBitCount
    }

    private static func bit(_ server: Int) -> UInt16 { 1 << UInt16(server) }
}

/// A count for each server of a plan, which stops at 15.
struct ServerCounts: Hashable {
    private var nibbles: UInt64 = 0

    /// Nothing counted.
    init() {}

    /// Whether nothing is counted.
    var isZero: Bool { nibbles == 0 }

    /// What is counted for a server.
    subscript(server: Int) -> Int { Int(nibbles >> UInt64(4 * server) & 15) }

    /// The servers for which something is counted.
    var counted: ServerSet {
        var set = ServerSet()
        var rest = nibbles
        while rest != 0 {
            let server = rest.trailingZeroBitCount / 4
            set.insert(server)
            rest &= ~(15 << UInt64(4 * server))
        }
        return set
    }

    /// Counts one more.
    mutating func increment(_ server: Int) {
        if self[server] < 15 { nibbles &+= 1 << UInt64(4 * server) }
    }

    /// Counts one less, where there is one.
    mutating func decrement(_ server: Int) {
        if self[server] > 0 { nibbles &-= 1 << UInt64(4 * server) }
    }

    /// Counts from nothing again.
    mutating func reset(_ server: Int) { nibbles &= ~(15 << UInt64(4 * server)) }
}

/// A locally served zone: its names are answered here, whoever would be asked about them otherwise.
struct LocalZone: Sendable, Hashable {
    /// How the names of a zone are answered.
    enum Kind: Sendable {
        /// The loopback addresses, at each name (RFC 6761 6.3).
        case loopback
        /// A PTR to `localhost.` at the top, nothing below it.
        case loopbackReverse
        /// SOA and NS at the top, nothing below it (RFC 6303 3). DS of the top is the parent's.
        case empty
        /// Each name exists and has no data.
        case noData
        /// No name exists, not even the top.
        case nxDomain
    }

    /// How its names are answered.
    let kind: Kind
    /// The number of labels of its top.
    let labelCount: Int

    /// The zone of a single label that is not forwarded.
    static let singleLabel = LocalZone(kind: .nxDomain, labelCount: 1)
}

/// Which names are answered here rather than forwarded, unless the hosts file or a route of their own has them: a switch
/// for each kind.
package struct LocalZones: Sendable, Equatable {
    /// `localhost.` with all below it, and the reverse names of its addresses.
    package var localhost = true
    /// `invalid.`, `test.`, `onion.` and `alt.`: NXDOMAIN (RFC 6761, 7686, 9476).
    package var specialUse = true
    /// `local.`, the names of multicast DNS: NXDOMAIN (RFC 6762 22.1).
    package var multicast = true
    /// `home.arpa.`: an empty zone (RFC 8375).
    package var home = true
    /// The reverse names of addresses that are not global: empty zones (RFC 6303, RFC 7793).
    package var privateReverse = true
    /// `resolver.arpa.`: no data (RFC 9462 6.4).
    package var resolverARPA = true
    /// `use-application-dns.net.`: NXDOMAIN tells browsers to leave the system's resolver in place.
    package var browserCanary = true
    /// Names of a single label, for types that a host has: NXDOMAIN.
    package var singleLabels = true

    /// All of them.
    package init() {}

    /// None of them.
    package static var none: LocalZones {
        var zones = LocalZones()
        zones.localhost = false
        zones.specialUse = false
        zones.multicast = false
        zones.home = false
        zones.privateReverse = false
        zones.resolverARPA = false
        zones.browserCanary = false
        zones.singleLabels = false
        return zones
    }

    /// The zones that are switched on, by the wire form of their top.
    var zones: [(domain: [UInt8], zone: LocalZone)] {
        var texts: [(String, LocalZone.Kind)] = []
        if privateReverse { for name in Self.privateReverseNames { texts.append((name, .empty)) } }
        // After the zones of 127/8 and ::1, in place of which they stand.
        if localhost {
            texts.append(("localhost", .loopback))
            for name in Self.loopbackNames { texts.append((name, .loopbackReverse)) }
        }
        if specialUse { for name in ["invalid", "test", "onion", "alt"] { texts.append((name, .nxDomain)) } }
        if multicast { texts.append(("local", .nxDomain)) }
        if home { texts.append(("home.arpa", .empty)) }
        if resolverARPA { texts.append(("resolver.arpa", .noData)) }
        if browserCanary { texts.append(("use-application-dns.net", .nxDomain)) }
        return texts.map { text, kind in (Self.wire(text), LocalZone(kind: kind, labelCount: Self.labels(text).count)) }
    }

    private static func labels(_ text: String) -> [Substring] { text.split(separator: ".") }

    private static func wire(_ text: String) -> [UInt8] {
        var wire: [UInt8] = []
        for label in labels(text) {
            wire.append(UInt8(truncatingIfNeeded: label.utf8.count))
            wire += Array(label.utf8)
        }
        return wire + [0]
    }

    private static let zeroes = String(repeating: "0.", count: 31) + "ip6.arpa"
    private static let loopbackNames = ["1.0.0.127.in-addr.arpa", "1." + zeroes]
    /// RFC 6303 4.1 to 4.6, and the shared addresses of RFC 7793.
    private static let privateReverseNames: [String] = {
        var names = ["0." + zeroes, "1." + zeroes, "d.f.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"]
        for nibble in ["8", "9", "a", "b"] { names.append("\(nibble).e.f.ip6.arpa") }
        let networks = ["10", "168.192", "0", "127", "254.169", "2.0.192", "100.51.198", "113.0.203", "255.255.255.255"]
        for network in networks { names.append("\(network).in-addr.arpa") }
        for byte in 16...31 { names.append("\(byte).172.in-addr.arpa") }
        for byte in 64...127 { names.append("\(byte).100.in-addr.arpa") }
        return names
    }()
}

internal import DNSWire
internal import Green

/// A zone that is transferred: `axfr://192.0.2.1/rpz.example`, with a port where it is another than 53, and several primaries with
/// commas between them, which are asked in turn.
struct TransferSource: Hashable, Sendable {
    /// Who is asked.
    let primaries: [SocketAddress]
    /// The zone.
    let zone: Name

    /// What such a source begins with.
    static let scheme = "axfr://"
    /// So many primaries may be named.
    private static let mostPrimaries = 8

    /// Reads one; nil for anything else.
    init?(_ text: String) {
        guard text.lowercased().hasPrefix(Self.scheme) else { return nil }
        let parts = text.dropFirst(Self.scheme.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let zone = Name(String(parts[1])), !zone.isRoot, !parts[1].isEmpty else { return nil }
        let words = parts[0].split(separator: ",", omittingEmptySubsequences: false)
        let primaries = words.compactMap { SocketAddress($0, defaultPort: 53) }
        guard (1...Self.mostPrimaries).contains(words.count), primaries.count == words.count,
            primaries.allSatisfy({ $0.port > 0 })
        else { return nil }
        (self.primaries, self.zone) = (primaries, zone.lowercased)
    }
}

/// What the SOA record of a zone says of how long it holds.
struct ZoneTimes: Equatable, Sendable {
    /// The zone's version.
    var serial: UInt32
    /// Seconds to the next question for another version, and after one that failed.
    var refresh: UInt32
    var retry: UInt32
    /// Seconds after which a zone that nobody confirms is no more.
    var expire: UInt32

    /// Whether this serial is a later one than another (RFC 1982 3.2).
    static func isLater(_ serial: UInt32, than other: UInt32) -> Bool {
        serial != other && serial &- other < 1 << 31
    }

    /// Seconds to the next question, within bounds that no primary moves.
    var refreshSeconds: Int64 { Int64(min(max(refresh, 30), 86_400)) }
    /// The same after a failure.
    var retrySeconds: Int64 { Int64(min(max(retry, 15), 3_600)) }
    /// Seconds after which it is no more.
    var expireSeconds: Int64 { Int64(max(expire, 3_600)) }
}

internal import GreenTLS
internal import Resolver
internal import Upstream

/// A DNS stamp (dnscrypt.info/stamps-specifications): an upstream in base64.
struct UpstreamStamp {
    let node: ConfigurationNode
    let text: String

    /// What stands for which protocol.
    private enum Kind: UInt8 {
        case plain = 0
        case dnsCrypt = 1
        case https = 2
        case tls = 3
        case quic = 4
        case obliviousTarget = 5
        case dnsCryptRelay = 0x81
        case obliviousRelay = 0x85

        var name: String {
            switch self {
            case .plain: "plain DNS"
            case .dnsCrypt: "DNSCrypt"
            case .https: "DNS over HTTPS"
            case .tls: "DNS over TLS"
            case .quic: "DNS over QUIC"
            case .obliviousTarget: "Oblivious DNS over HTTPS"
            case .dnsCryptRelay: "a DNSCrypt relay"
            case .obliviousRelay: "an Oblivious DNS over HTTPS relay"
            }
        }
    }

    /// Reads it: the upstream as a URL says it, and the certificates that it names.
    func read() throws(ConfigurationError) -> (url: String, pins: [TLSPin]) {
        guard let bytes = Base64Text.read(text.dropFirst("sdns://".count)), let first = bytes.first else {
            throw fault("is not in base64, or empty")
        }
        guard let kind = Kind(rawValue: first) else { throw fault("is of a kind that is not known, \(first)") }
        var reader = Reader(rest: bytes.dropFirst(9))
        guard bytes.count >= 9 else { throw fault("is cut short") }
        switch kind {
        case .plain:
            guard let address = reader.text(), !address.isEmpty, reader.isAtEnd else {
                throw fault("is cut short, or has a tail")
            }
            return ("udp://\(address)", [])
        case .https, .tls:
            guard let address = reader.text(), let hashes = reader.list(), let host = reader.text(), !host.isEmpty else {
                throw fault("is cut short")
            }
            guard hashes.allSatisfy({ $0.count == 32 }) else {
                throw fault("names certificates by hashes that are not of 32 bytes")
            }
            var path = ""
            if kind == .https {
                guard let written = reader.text(), written.isEmpty || written.first == "/" else { throw fault("has no path") }
                path = written
            }
            // Resolvers to find the host by may follow; `bootstrap` says whom to ask.
            guard reader.isAtEnd || (reader.list() != nil && reader.isAtEnd) else { throw fault("has a tail") }
            let scheme = kind == .https ? "https" : "tls"
            return ("\(scheme)://\(place(address, host))\(path)\(name(address, host))", hashes.map { .certificate($0) })
        default:
            throw node.failure(
                "\(quoted(text)) is a stamp for \(kind.name), which is not spoken",
                expected: "one for plain DNS, DNS over TLS or DNS over HTTPS")
        }
    }

    /// Where to connect to: the address where there is one, which may be a port alone.
    private func place(_ address: String, _ host: String) -> String {
        if address.isEmpty { return host }
        if address.first == ":" { return host.prefix { $0 != ":" } + address }
        let hasPort = address.first == "[" ? address.last != "]" : address.contains(":")
        return hasPort ? address : address + host.drop { $0 != ":" }
    }

    /// The name behind the `#`, where it does not stand before it.
    private func name(_ address: String, _ host: String) -> String {
        address.isEmpty || address.first == ":" ? "" : "#" + host.prefix { $0 != ":" }
    }

    private func fault(_ problem: String) -> ConfigurationError {
        node.failure("\(quoted(text)) \(problem)", expected: "a DNS stamp as it is published, sdns://…")
    }

    /// The fields of a stamp, each with its length before it.
    private struct Reader {
        var rest: ArraySlice<UInt8>
        var isAtEnd: Bool { rest.isEmpty }

        /// So many bytes; nil where there are not as many.
        mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
            guard rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }

        /// A text of printing ASCII without what has a meaning in a URL.
        mutating func text() -> String? {
            guard let length = rest.popFirst(), let bytes = bytes(Int(length)) else { return nil }
            guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: "?") }) else {
                return nil
            }
            return String(decoding: bytes, as: UTF8.self)
        }

        /// A list, whose members but the last have the top bit of their length set; one that is empty is none.
        mutating func list() -> [[UInt8]]? {
            var members: [[UInt8]] = []
            while let length = rest.popFirst() {
                guard let member = bytes(Int(length & 0x7F)) else { return nil }
                if !member.isEmpty { members.append(Array(member)) }
                if length & 0x80 == 0 { return members }
            }
            return nil
        }
    }
}

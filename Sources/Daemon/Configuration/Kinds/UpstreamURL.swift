internal import DNSWire
internal import Green
internal import Resolver
internal import Upstream

/// An upstream as it is written, with messages that say what was meant by what is wrong:
///
///     [transport://]address-or-name[:port][/path][#name][?option=value&…]
///
/// Name and options may change places. A `%` and two digits stand for a byte of an option's value.
struct UpstreamURL {
    let node: ConfigurationNode
    let expected: String
    let text: String

    /// Reads it.
    func read() throws(ConfigurationError) -> UpstreamAddress {
        if text.hasPrefix("sdns://") { return try stamp() }
        let (transport, rest) = try scheme()
        let parts = Parts(rest)
        guard transport.isEncrypted else { return try plain(transport, rest, parts) }
        var options = UpstreamOptions(node: node, text: text, transport: transport)
        for option in parts.options { try options.read(option) }
        let (host, port) = try place(parts.place, transport)
        let given = try name(parts, options)
        var encryption: UpstreamEncryption
        let upstream: UpstreamAddress
        switch host {
        case .address(let address):
            encryption = UpstreamEncryption(given ?? "\(address.ip)", isNamed: given != nil)
            upstream = UpstreamAddress(address, transport: transport)
        case .name(let name):
            encryption = UpstreamEncryption(given ?? name, isNamed: true)
            upstream = UpstreamAddress(host: name, port: port, transport: transport, encryption: encryption)
        }
        try options.apply(to: &encryption)
        try checkPath(parts.path, transport, &encryption)
        var result = upstream
        result.encryption = encryption
        return result
    }

    /// Reads a DNS stamp.
    private func stamp() throws(ConfigurationError) -> UpstreamAddress {
        let stamp = try UpstreamStamp(node: node, text: text).read()
        var upstream = try UpstreamURL(node: node, expected: expected, text: stamp.url).read()
        upstream.encryption?.pins += stamp.pins
        return upstream
    }

    /// Where an upstream is.
    private enum Host {
        case address(SocketAddress)
        case name(String)
    }

    // MARK: - Its parts

    /// A URL after its scheme, cut into pieces.
    struct Parts {
        var place: Substring
        var path: Substring = ""
        var name: Substring?
        var options: [Substring] = []

        init(_ given: Substring) {
            // What servers publish may be a template (RFC 8484 4.1).
            let text = given.hasSuffix("{?dns}") ? given.dropLast(6) : given
            let isMark: (Character) -> Bool = { $0 == "#" || $0 == "?" }
            place = text.prefix { !isMark($0) && $0 != "/" }
            var rest = text[place.endIndex...]
            path = rest.prefix { !isMark($0) }
            rest = rest[path.endIndex...]
            while let mark = rest.first {
                let piece = rest.dropFirst().prefix { mark == "#" ? !isMark($0) : $0 != "#" }
                if mark == "#" { name = piece } else { options += piece.split(separator: "&") }
                rest = rest[piece.endIndex...]
            }
        }
    }

    private func scheme() throws(ConfigurationError) -> (UpstreamAddress.Transport, Substring) {
        guard let mark = text.range(of: "://") else { return (.udp, text[...]) }
        let (name, rest) = (text[..<mark.lowerBound], text[mark.upperBound...])
        if let known = UpstreamAddress.Transport(rawValue: String(name)) { return (known, rest) }
        if ["quic", "doq", "h3", "http3"].contains(name.lowercased()) {
            throw node.failure("\(quoted(name)) (DNS over QUIC) is not spoken", expected: "tls://\(rest)")
        }
        if ["http", "doh", "h2"].contains(name.lowercased()) {
            throw node.failure("\(quoted(name)) is not a transport", expected: "https://\(rest)")
        }
        let others: [String: UpstreamAddress.Transport] = [
            "dot": .tls, "ssl": .tls, "tsl": .tls, "dns": .udp, "upd": .udp, "tpc": .tcp,
        ]
        let all = UpstreamAddress.Transport.allCases
        let known = all.map(\.rawValue)
        let nearest =
            others[name.lowercased()]
            ?? ConfigurationError.nearest(to: String(name), among: known)
            .flatMap { UpstreamAddress.Transport(rawValue: $0) }
        throw node.failure(
            "\(quoted(name)) is not a transport",
            expected: nearest.map { "\($0.rawValue)://\(rest)" } ?? known.map { "\($0)://" }.joined(separator: ", "))
    }

    /// An upstream that is spoken to in the clear, at an address.
    private func plain(
        _ transport: UpstreamAddress.Transport, _ rest: Substring, _ parts: Parts
    ) throws(ConfigurationError) -> UpstreamAddress {
        if parts.name != nil || !parts.options.isEmpty {
            // unbound's form has the port behind an @.
            let place = atPort(parts.place)?.place ?? String(parts.place)
            throw node.failure(
                "\(quoted(text)) has a name or options, which only an encrypted upstream can have",
                expected: "tls://\(place)\(rest[parts.place.endIndex...])")
        }
        if let (place, _) = atPort(parts.place) {
            throw node.failure("\(quoted(text)) has its port behind an @", expected: place)
        }
        let address = try AddressText(node: node, expected: expected).read(rest)
        try checkServer(address)
        return UpstreamAddress(address, transport: transport)
    }

    private func place(
        _ place: Substring, _ transport: UpstreamAddress.Transport
    ) throws(ConfigurationError) -> (Host, UInt16) {
        if let (place, port) = atPort(place) {
            throw node.failure(
                "\(quoted(text)) has port \(port) behind an @", expected: "\(transport.rawValue)://\(place)")
        }
        let colons = place.count { $0 == ":" }
        let host = place.prefix { $0 != ":" }
        let last = host.split(separator: ".").last ?? ""
        if colons < 2, place.first != "[", last.contains(where: { !$0.isNumber }) {
            let port = try port(place[host.endIndex...].dropFirst(), transport, hasColon: colons == 1)
            return (.name(try hostName(host)), port)
        }
        let address = try AddressText(node: node, expected: expected, usualPort: transport.usualPort).read(place)
        try checkServer(address)
        return (.address(address), address.port)
    }

    private func port(
        _ digits: Substring, _ transport: UpstreamAddress.Transport, hasColon: Bool
    ) throws(ConfigurationError) -> UInt16 {
        guard hasColon else { return transport.usualPort }
        guard let number = Int(digits: digits), (1...65535).contains(number) else {
            throw node.failure(
                "\(quoted(text)) has a port that is not from 1 to 65535", expected: "port \(transport.usualPort), say")
        }
        return UInt16(number)
    }

    /// A place with its port behind an `@`, as unbound and dnsmasq have it, in our form.
    private func atPort(_ place: Substring) -> (place: String, port: Substring)? {
        guard let at = place.lastIndex(of: "@") else { return nil }
        let (host, port) = (place[..<at], place[place.index(after: at)...])
        guard Int(digits: port) != nil else { return nil }
        return (host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)", port)
    }

    /// The name that the certificate must be for, where one is written.
    private func name(_ parts: Parts, _ options: UpstreamOptions) throws(ConfigurationError) -> String? {
        var written: String?
        for name in [parts.name, options.tlsName.map { $0[...] }] {
            guard let name else { continue }
            var read = ""
            if let address = IPAddress(name) { read = "\(address)" } else { read = try hostName(name) }
            if let written, written != read {
                throw node.failure("\(quoted(text)) has two names for its certificate", expected: "one, behind # or tls-name=")
            }
            written = read
        }
        return written
    }

    /// A host's name in lower case, without the dot at its end; international labels as they are typed.
    private func hostName(_ name: Substring) throws(ConfigurationError) -> String {
        let isPlain = name.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F
                || byte >= 0x80
        }
        guard isPlain, let read = DomainText.read(String(name)), !read.isRoot else {
            throw node.failure("\(quoted(name)) is not the name of a host", expected: "one such as dns.example")
        }
        let labels = "\(read.lowercased)"
        return labels.last == "." ? String(labels.dropLast()) : labels
    }

    private func checkPath(
        _ path: Substring, _ transport: UpstreamAddress.Transport, _ encryption: inout UpstreamEncryption
    ) throws(ConfigurationError) {
        if transport == .https {
            guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "{") }), path.utf8.count <= 1024 else {
                throw node.failure("\(quoted(text)) has a path that cannot be asked for", expected: "one such as /dns-query")
            }
            if !path.isEmpty { encryption.path = String(path) }
            return
        }
        if path.isEmpty || path == "/" { return }
        throw node.failure(
            "\(quoted(text)) has a path, which \(transport.rawValue):// has none of", expected: "it without \(path)")
    }

    private func checkServer(_ address: SocketAddress) throws(ConfigurationError) {
        guard let fault = address.ip.faultOfServer else { return }
        throw node.failure("\(quoted(text)) is no address of a server, but \(fault)", expected: expected)
    }
}

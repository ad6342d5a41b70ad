/// An address of the web, `http://host[:port][/path][?query]` or `https://…`. A user and a fragment are refused and dropped.
public struct HTTPURL: Hashable, Sendable, CustomStringConvertible {
    /// Whether TLS is spoken.
    public let isSecure: Bool
    /// The name or address of the server, without brackets.
    public let host: String
    /// The port.
    public let port: UInt16
    /// What the server is asked for: path and query, as they stand.
    public let target: String

    /// Reads a URL; nil for one that cannot be understood to its end.
    public init?(_ text: String) {
        let rest: Substring
        if text.lowercased().hasPrefix("http://") {
            (isSecure, rest) = (false, text.dropFirst(7))
        } else if text.lowercased().hasPrefix("https://") {
            (isSecure, rest) = (true, text.dropFirst(8))
        } else {
            return nil
        }
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        guard let (host, port) = Self.authority(rest[..<end], usual: isSecure ? 443 : 80) else { return nil }
        let target = rest[end...].prefix { $0 != "#" }
        guard target.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
        self.host = host
        self.port = port
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
    }

    private init(_ base: HTTPURL, target: String) {
        (isSecure, host, port) = (base.isSecure, base.host, base.port)
        self.target = target
    }

    /// Where a reference leads that stands in an answer from here (RFC 3986 5.2, as far as redirects need it); nil where it
    /// cannot be understood.
    func resolving(_ reference: String) -> HTTPURL? {
        if reference.hasPrefix("//") { return HTTPURL((isSecure ? "https:" : "http:") + reference) }
        if reference.contains("://") { return HTTPURL(reference) }
        let reference = reference.prefix { $0 != "#" }
        guard reference.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
        if reference.hasPrefix("/") { return HTTPURL(self, target: String(reference)) }
        let path = target.prefix { $0 != "?" }
        if reference.hasPrefix("?") || reference.isEmpty { return HTTPURL(self, target: String(path) + String(reference)) }
        let directory = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
        return HTTPURL(self, target: String(directory) + String(reference))
    }

    /// Host and port as a request names them; the port is left out where it is the usual one.
    public var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// The URL.
    public var description: String { "\(isSecure ? "https" : "http")://\(authority)\(target)" }

    private static func authority(_ text: Substring, usual: UInt16) -> (String, UInt16)? {
        var host = text
        var port: Substring?
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<close]
            let after = text[text.index(after: close)...]
            guard host.contains(":"), after.isEmpty || after.first == ":" else { return nil }
            port = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        // Names are letters, digits and a few marks; an address of IPv6 has colons, and perhaps a zone.
        let allowed = "-._:%"
        guard !host.isEmpty, host.utf8.allSatisfy({ HTTPToken.isAlphanumeric($0) || allowed.utf8.contains($0) }) else {
            return nil
        }
        guard let port else { return (String(host), usual) }
        guard (1...5).contains(port.utf8.count), port.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt16(port),
            number > 0
        else { return nil }
        return (String(host), number)
    }
}

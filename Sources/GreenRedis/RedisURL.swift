/// Where a Redis is and how to enter: `redis://[user:pass@]host[:port][/db]`, `rediss://…` with TLS, or
/// `redis+unix:///path[?db=0]`. After `?` may stand `db=`, and for TLS `ca=` with a file of certificates to trust.
public struct RedisURL: Hashable, Sendable {
    /// How it is reached.
    public enum Transport: Hashable, Sendable {
        /// TCP, to a name or an address.
        case tcp(host: String, port: UInt16)
        /// TLS over TCP.
        case tls(host: String, port: UInt16)
        /// A Unix socket.
        case unix(path: String)
    }

    /// How it is reached.
    public var transport: Transport
    /// Who enters; nil for the default user.
    public var user: String?
    /// The password; nil where none is wanted.
    public var password: String?
    /// The database.
    public var database = 0
    /// For TLS, the file with the certificates that are trusted; nil for those of the system.
    public var certificateFile: String?

    /// A place without a password.
    public init(_ transport: Transport) {
        self.transport = transport
    }

    /// Reads a URL; nil for one that cannot be understood to its end.
    public init?(_ text: String) {
        guard let colon = text.range(of: "://") else { return nil }
        var rest = text[colon.upperBound...]
        var query: Substring?
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        switch text[..<colon.lowerBound] {
        case "redis+unix", "unix":
            let (userInfo, path) = Self.split(rest, atLast: "@")
            guard path.first == "/", path.count > 1, let path = Self.decode(path) else { return nil }
            self.init(.unix(path: path))
            guard readUser(userInfo) else { return nil }
        case "redis":
            guard let (host, port) = Self.readPlace(&rest) else { return nil }
            self.init(.tcp(host: host, port: port))
            guard readRest(rest) else { return nil }
        case "rediss":
            guard let (host, port) = Self.readPlace(&rest) else { return nil }
            self.init(.tls(host: host, port: port))
            guard readRest(rest) else { return nil }
        default:
            return nil
        }
        guard readQuery(query) else { return nil }
    }

    // MARK: - Parts

    /// Takes host and port out of `user:pass@host:port/db`, and leaves `user:pass@/db`.
    private static func readPlace(_ rest: inout Substring) -> (String, UInt16)? {
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let (userInfo, place) = split(rest[..<slash], atLast: "@")
        var host = place
        var port = Substring("6379")
        if place.first == "[" {
            guard let end = place.firstIndex(of: "]") else { return nil }
            host = place[place.index(after: place.startIndex)..<end]
            let after = place[place.index(after: end)...]
            guard after.isEmpty || after.first == ":" else { return nil }
            if !after.isEmpty { port = after.dropFirst() }
        } else if let colon = place.lastIndex(of: ":") {
            host = place[..<colon]
            port = place[place.index(after: colon)...]
            guard !host.contains(":") else { return nil }
        }
        guard let host = decode(host), !host.isEmpty, let number = number(port).flatMap({ UInt16(exactly: $0) }), number > 0
        else { return nil }
        rest = Substring((userInfo.map { "\($0)@" } ?? "") + rest[slash...])
        return (host, number)
    }

    private mutating func readRest(_ rest: Substring) -> Bool {
        let (userInfo, path) = Self.split(rest, atLast: "@")
        if path.count > 1 {
            guard let number = Self.number(path.dropFirst()) else { return false }
            database = number
        }
        return readUser(userInfo)
    }

    private mutating func readUser(_ text: Substring?) -> Bool {
        guard let text else { return true }
        guard let colon = text.firstIndex(of: ":"), let user = Self.decode(text[..<colon]),
            let password = Self.decode(text[text.index(after: colon)...]), !password.isEmpty
        else { return false }
        self.user = user.isEmpty ? nil : user
        self.password = password
        return true
    }

    private mutating func readQuery(_ query: Substring?) -> Bool {
        for pair in (query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { return false }
            switch parts[0] {
            case "db":
                guard let number = Self.number(parts[1]) else { return false }
                database = number
            case "ca":
                guard case .tls = transport, let path = Self.decode(parts[1]) else { return false }
                certificateFile = path
            default:
                return false
            }
        }
        return true
    }

    private static func split(_ text: Substring, atLast mark: Character) -> (Substring?, Substring) {
        guard let place = text.lastIndex(of: mark) else { return (nil, text) }
        return (text[..<place], text[text.index(after: place)...])
    }

    private static func number(_ text: Substring) -> Int? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }

    /// The text with `%2F` and its like read; nil where they are broken, or for what no name or path can hold.
    private static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, let value = UInt8(Substring(digits), radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
    }
}

extension RedisURL: CustomStringConvertible {
    /// The URL without its password, for people.
    public var description: String {
        let entry = password == nil ? "" : "\(user ?? ""):***@"
        switch transport {
        case .tcp(let host, let port): return "redis://\(entry)\(Self.bracketed(host)):\(port)/\(database)"
        case .tls(let host, let port): return "rediss://\(entry)\(Self.bracketed(host)):\(port)/\(database)"
        case .unix(let path): return "redis+unix://\(entry)\(path)?db=\(database)"
        }
    }

    private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
}

extension StringProtocol {
    /// Where another text first stands.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}

internal import Green
internal import Resolver
internal import Upstream

/// An address with a port, read with a message that says which part is wrong.
struct AddressText {
    let node: ConfigurationNode
    let expected: String
    /// The port where none is written.
    var usualPort: UInt16 = 53

    /// Reads it.
    func read(_ text: Substring) throws(ConfigurationError) -> SocketAddress {
        guard let address = SocketAddress(text, defaultPort: usualPort) else {
            throw node.failure(fault(in: text), expected: expected)
        }
        if let port = ambiguousPort(in: text) {
            throw node.failure(
                "\(quoted(text)) may be an address with a port or one without",
                expected: "\"[\(text.dropLast(port.utf8.count + 1))]:\(port)\" or \"[\(text)]:\(usualPort)\"")
        }
        if address.port == 0 { throw node.failure("\(quoted(text)) has port 0", expected: "a port from 1 to 65535") }
        if address.ip.isLinkLocalV6 {
            guard address.ip.scope != 0 else {
                throw node.failure(
                    "\(quoted(text)) is link-local and names no interface",
                    expected: "an interface behind it, such as fe80::1%eth0")
            }
            if UpstreamAddress(address).interface == nil { throw node.failure(fault(in: text), expected: expected) }
        }
        return address
    }

    /// What may be meant as the port behind an IPv6 address without brackets: its last group, where it looks like one.
    private func ambiguousPort(in text: Substring) -> Substring? {
        guard text.first != "[", let colon = text.lastIndex(of: ":"), colon != text.firstIndex(of: ":") else { return nil }
        let last = text[text.index(after: colon)...]
        guard let port = Int(digits: last), port == 53 || port == 853 || (1024...65535).contains(port),
            IPAddress(text[..<colon])?.family == .v6
        else { return nil }
        return last
    }

    /// What is wrong with the text, as closely as can be told.
    private func fault(in text: Substring) -> String {
        let unscoped = text.prefix { $0 != "%" }.drop { $0 == "[" }
        if text.contains("%"), IPAddress(unscoped)?.family == .v6 {
            return "\(quoted(text)) names an interface that this machine does not have"
        }
        if let port = ambiguousPort(in: text) {
            return "\(quoted(text)) has no brackets before its port, as \"[\(text.dropLast(port.utf8.count + 1))]:\(port)\" has"
        }
        let host = text.prefix { $0 != ":" }
        if IPAddress(host) != nil, text.contains(":") {
            return "\(quoted(text)) has a port that is not from 1 to 65535"
        }
        let isName = host.contains { $0.isLetter } && host.allSatisfy { $0.isLetter || $0.isNumber || "-._".contains($0) }
        let isSixLike = text.count { $0 == ":" } > 1 || text.first == "["
        return isName && !isSixLike ? "\(quoted(text)) is a host name, not an address" : "\(quoted(text)) is not an address"
    }
}

extension IPAddress {
    /// Why no server can be asked at this address; nil where one can.
    var faultOfServer: String? {
        let ip = unmapped
        switch ip.family {
        case .v4:
            if ip.low >> 24 == 0 { return "stands for no machine (0.0.0.0/8)" }
            if ip.low == 0xFFFF_FFFF { return "the broadcast address" }
            if ip.low >> 28 == 0xE { return "that of a group (multicast)" }
            return ip.low >> 28 == 0xF ? "one that is not in use (240.0.0.0/4)" : nil
        case .v6:
            if ip.isWildcard { return "stands for no machine (::)" }
            return ip.high >> 56 == 0xFF ? "that of a group (multicast)" : nil
        }
    }

    /// Whether it means another machine on each link (RFC 4291 2.5.6).
    var isLinkLocalV6: Bool { family == .v6 && high >> 54 == 0xFE80 >> 6 }

    /// The IPv4 address that an IPv4-mapped IPv6 address stands for (RFC 4291 2.5.5.2); else itself, without its interface.
    var unmapped: IPAddress {
        if family == .v6, high == 0, low >> 32 == 0xFFFF { return IPAddress(v4: UInt32(truncatingIfNeeded: low)) }
        return family == .v4 ? self : IPAddress(v6High: high, low: low)
    }
}

extension StringProtocol where SubSequence == Substring {
    /// Where `pattern` stands for the first time.
    func range(of pattern: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(pattern) { return start..<index(start, offsetBy: pattern.count) }
            start = index(after: start)
        }
        return nil
    }
}

package import Green

/// What resolv.conf(5) says about whom to ask.
package struct ResolverConfiguration: Sendable, Equatable {
    /// The addresses of its `nameserver` lines, in their order.
    package private(set) var nameservers: [SocketAddress] = []

    /// Where the system keeps it.
    package static let systemPath = "/etc/resolv.conf"

    /// Reads the text of the file; lines that say nothing usable are passed over, as libc does.
    package init(_ text: String) {
        for line in text.drop(while: { $0 == "\u{FEFF}" }).split(whereSeparator: \.isNewline) {
            let words = line.split { $0 == " " || $0 == "\t" }
            guard words.count >= 2, words[0] == "nameserver", let ip = IPAddress(words[1]) else { continue }
            let address = SocketAddress(ip.isWildcard ? (ip.family == .v4 ? .loopback : .loopbackV6) : ip, port: 53)
            if !nameservers.contains(address) { nameservers.append(address) }
        }
    }
}

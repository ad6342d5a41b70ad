package import Green
internal import Resolver

/// Who takes dnstap.
package enum DnstapPlace: Sendable, Hashable {
    /// Who listens on a Unix socket.
    case unix(String)
    /// Who listens at an address.
    case tcp(SocketAddress)
}

extension SettingKind where Value == DnstapPlace {
    /// Where dnstap goes.
    static var dnstapPlace: SettingKind {
        word(
            "unix: and the absolute path of a socket, or tcp: and an address with its port",
            print: { place in
                switch place {
                case .unix(let path): quoted("unix:\(path)")
                case .tcp(let address): quoted("tcp:\(address)")
                }
            },
            read: { text in
                if text.hasPrefix("unix:/"), text.utf8.count <= 5 + 107, !text.utf8.contains(0) {
                    return .unix(String(text.dropFirst(5)))
                }
                // A port of 0 stands for none.
                guard text.hasPrefix("tcp:"), let address = SocketAddress(String(text.dropFirst(4)), defaultPort: 0),
                    address.port > 0
                else { return nil }
                return .tcp(address)
            })
    }
}

package import Green

/// Where queries are taken, and how clients speak there.
package struct ListenAddress: Sendable, Hashable {
    /// How clients speak.
    package enum Transport: String, Sendable, CaseIterable {
        /// DNS over UDP and TCP.
        case plain
        /// DNS over TLS (RFC 7858).
        case tls
        /// DNS over HTTPS (RFC 8484).
        case https
        /// The same without TLS, for behind a proxy.
        case http

        /// The port where none is written.
        package var usualPort: UInt16 {
            switch self {
            case .plain: 53
            case .tls: 853
            case .https: 443
            case .http: 80
            }
        }

        /// Whether there is TLS.
        package var isEncrypted: Bool { self == .tls || self == .https }
        /// Whether queries are requests of HTTP.
        package var isHTTP: Bool { self == .https || self == .http }
    }

    /// How clients speak.
    package var transport = Transport.plain
    /// Where.
    package var address: SocketAddress
    /// The path of requests, where they are HTTP's; one that ends in `/{client}` takes any last segment, which names the client.
    package var path = ""
    /// Who may ask here, where that is not said for all listeners together.
    package var access = ListenerAccess()

    /// What stands for the name of a client at the end of a path.
    package static let clientMark = "{client}"
    /// The path where none is written.
    package static let usualPath = "/dns-query"

    /// An address for a transport.
    package init(_ address: SocketAddress, transport: Transport = .plain, path: String = "") {
        self.transport = transport
        self.address = address
        self.path = path
    }
}

extension ListenAddress: CustomStringConvertible {
    /// As the settings have it.
    package var description: String {
        transport == .plain ? "\(address)" : "\(transport.rawValue)://\(address)\(path)"
    }
}

/// Who may ask at one listener.
package struct ListenerAccess: Sendable, Hashable {
    /// Instead of `allow`; nil for that.
    package var allow: [AccessRule]?
    /// Instead of `deny`; nil for that.
    package var deny: [AccessRule]?

    /// As at all others.
    package init() {}
}

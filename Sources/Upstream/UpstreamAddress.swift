internal import Glibc
package import Green

/// Where an upstream resolver is and how it is spoken to.
package struct UpstreamAddress: Sendable, Hashable {
    /// How queries travel to an upstream.
    package enum Transport: String, Sendable, Hashable, CaseIterable {
        /// UDP first, TCP for what is truncated.
        case udp
        /// TCP only.
        case tcp
        /// DNS over TLS (RFC 7858).
        case tls
        /// DNS over HTTPS (RFC 8484).
        case https

        /// Whether nobody on the way can read or change what is said.
        package var isEncrypted: Bool { self == .tls || self == .https }

        /// The port where none is written.
        package var usualPort: UInt16 {
            switch self {
            case .udp, .tcp: 53
            case .tls: 853
            case .https: 443
            }
        }
    }

    /// How queries travel.
    package var transport: Transport
    /// Where they go; for an upstream that is known by name no address, and the port.
    package var address: SocketAddress
    /// The name whose addresses are looked up, where it is known by name.
    package var host: String?
    /// Who it is, where it is spoken to encrypted; without this such an upstream is not spoken to.
    package var encryption: UpstreamEncryption?
    /// Whether AD in its answers is believed: nobody stands between it and this machine, or the operator says so.
    package var trustsAD: Bool
    /// The interface that a link-local address is on, where it has a name.
    package var interface: String?

    /// The upstream at `address`, over `transport`. The interface of a link-local address is remembered by its name, for
    /// its number changes when it goes and comes back.
    package init(_ address: SocketAddress, transport: Transport = .udp) {
        self.transport = transport
        self.address = address
        trustsAD = address.ip.isLoopback || transport.isEncrypted
        interface = Self.interfaceName(address.ip.scope)
    }

    /// The upstream with that name, whose addresses are looked up, over an encrypted transport.
    package init(host: String, port: UInt16, transport: Transport, encryption: UpstreamEncryption) {
        self.init(SocketAddress(IPAddress(v4: 0), port: port), transport: transport)
        self.host = host
        self.encryption = encryption
    }

    /// Whether both are the same server's, however it is spoken to.
    package func isSamePlace(as other: UpstreamAddress) -> Bool { address == other.address && host == other.host }

    /// Where a socket connects to at present.
    var socketAddress: SocketAddress {
        guard let interface else { return address }
        let number = unsafe if_nametoindex(interface)
        guard number != 0, number != address.ip.scope else { return address }
        return SocketAddress(IPAddress(v6High: address.ip.high, low: address.ip.low, scope: number), port: address.port)
    }

    private static func interfaceName(_ scope: UInt32) -> String? {
        guard scope != 0 else { return nil }
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) { buffer in
            guard unsafe if_indextoname(scope, buffer.baseAddress!) != nil else { return nil }
            return unsafe String(cString: buffer.baseAddress!)
        }
    }
}

extension UpstreamAddress: CustomStringConvertible {
    /// `192.0.2.1:53`, `tcp://192.0.2.1:53` or `tls://192.0.2.1:853#dns.example`, as the configuration takes it, without what
    /// it says of certificates. A path that is not the usual one is not in it: it may say whose account this is, and this text
    /// goes to logs and to other instances.
    package var description: String {
        if transport == .udp { return "\(address)" }
        let place = host.map { "\($0):\(address.port)" } ?? "\(address)"
        guard let encryption else { return "\(transport.rawValue)://\(place)" }
        let isOther = encryption.isNamed && encryption.name != host
        let path = transport == .https ? UpstreamEncryption.shown(encryption.path) : ""
        return "\(transport.rawValue)://\(place)\(path)" + (isOther ? "#\(encryption.name)" : "")
    }
}

internal import Glibc
package import Green

/// Where an upstream resolver is and how it is spoken to.
package struct UpstreamAddress: Sendable, Hashable {
    /// How queries travel to an upstream.
    package enum Transport: String, Sendable, Hashable {
        /// UDP first, TCP for what is truncated.
        case udp
        /// TCP only.
        case tcp
    }

    /// How queries travel.
    package var transport: Transport
    /// Where they go.
    package var address: SocketAddress
    /// Whether AD in its answers is believed: nobody stands between it and this machine, or the operator says so.
    package var trustsAD: Bool
    /// The interface that a link-local address is on, where it has a name.
    package var interface: String?

    /// The upstream at `address`, over `transport`. The interface of a link-local address is remembered by its name, for
    /// its number changes when it goes and comes back.
    package init(_ address: SocketAddress, transport: Transport = .udp) {
        self.transport = transport
        self.address = address
        trustsAD = address.ip.isLoopback
        interface = Self.interfaceName(address.ip.scope)
    }

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
    /// `192.0.2.1:53` or `tcp://192.0.2.1:53`, as the configuration takes it.
    package var description: String {
        transport == .udp ? "\(address)" : "\(transport.rawValue)://\(address)"
    }
}

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

    /// The upstream at `address`, over `transport`.
    package init(_ address: SocketAddress, transport: Transport = .udp) {
        self.transport = transport
        self.address = address
    }
}

extension UpstreamAddress: CustomStringConvertible {
    /// `192.0.2.1:53` or `tcp://192.0.2.1:53`, as the configuration takes it.
    package var description: String {
        transport == .udp ? "\(address)" : "\(transport.rawValue)://\(address)"
    }
}

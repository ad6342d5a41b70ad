internal import DNSWire
internal import GreenTLS

/// Who asks a query, as far as its connection and its proxy say.
struct Asker {
    /// The address, as `IPAddress.number` has it.
    private(set) var address: UInt128
    /// Whether a proxy has said so.
    private(set) var isForwarded = false
    /// What the client is called. Beside what a certificate says nothing else counts.
    private(set) var name: ClientName

    /// Somebody at an address, and what the connection says of the name.
    init(_ address: UInt128, isForwarded: Bool, named name: ClientName) {
        (self.address, self.isForwarded, self.name) = (address, isForwarded, name)
    }

    /// Is called so by its request.
    mutating func call(_ name: ClientName) {
        if !self.name.isProven, name != .none { self.name = name }
    }

    /// Is whom a proxy asks for.
    mutating func forward(for address: UInt128) { (self.address, isForwarded) = (address, true) }
}

extension StreamConnection {
    /// Who asks on it.
    final var asker: Asker {
        Asker(address, isForwarded: isForwarded, named: clientName)
    }

    /// Notes what the client is called, once the handshake is over.
    final func noteName(_ tls: TLSEngine) { clientName = server.certificates?.clientName(tls) ?? .none }
}

/// Who asks a query, as far as its connection and its proxy say.
struct Asker {
    /// The address, as `IPAddress.number` has it.
    private(set) var address: UInt128
    /// Whether a proxy has said so.
    private(set) var isForwarded = false

    /// Somebody at an address.
    init(_ address: UInt128, isForwarded: Bool) { (self.address, self.isForwarded) = (address, isForwarded) }

    /// Is whom a proxy asks for.
    mutating func forward(for address: UInt128) { (self.address, isForwarded) = (address, true) }
}

extension StreamConnection {
    /// Who asks on it.
    final var asker: Asker { Asker(address, isForwarded: isForwarded) }
}

internal import Green
internal import Synchronization

/// What clients are called, by the numbers that the path of a query knows them by (`ClientName`): names that stand in the settings,
/// and those that certificates prove. What a client merely says of itself is not kept, for strangers can say anything. A client without
/// a name is called by its hardware address, where the settings have that and the network tells who has which address.
package final class ClientDirectory: Sendable {
    /// The names of this process.
    package static let shared = ClientDirectory()

    /// The names by what they are known from.
    private struct Names {
        var configured: [UInt64: String] = [:]
        var proven: [UInt64: String] = [:]
    }

    private let names = Locked(Names())
    /// Hardware addresses, as they are written, by `IPAddress.number`.
    private let machines = Locked<[UInt128: String]>([:])
    /// Whether there are any: most daemons need not look.
    private let hasMachines = Atomic(false)

    /// So many names that certificates prove are kept.
    package static let mostProven = 4_096

    /// No names.
    package init() {}

    /// Goes on with other names of the settings.
    package func adopt(_ configured: [UInt64: String]) { names.withLock { $0.configured = configured } }

    /// Keeps a name that a certificate proves, where there is room.
    package func note(_ number: UInt64, _ name: String) {
        names.withLock { names in
            guard names.proven.count < Self.mostProven, names.configured[number] == nil else { return }
            names.proven[number] = name
        }
    }

    /// Goes on with other hardware addresses, by the addresses that the machines have.
    package func adopt(machines found: [UInt128: String]) {
        machines.withLock { $0 = found }
        hasMachines.store(!found.isEmpty, ordering: .relaxed)
    }

    /// What a client is called; nil where nobody knows.
    package func name(of client: ClientIdentity) -> String? {
        if let name = name(of: client.name) { return name }
        return hasMachines.load(ordering: .relaxed) ? machines.withLock { $0[client.address] } : nil
    }

    /// The name with a number; nil where nobody knows it.
    package func name(of number: UInt64) -> String? {
        number == 0 ? nil : names.withLock { $0.configured[number] ?? $0.proven[number] }
    }
}

/// A client as it is shown: its address, and what it is called.
package struct ClientIdentity: Hashable, Sendable {
    /// Its address, as `IPAddress.number` has it.
    package let address: UInt128
    /// The number of its name (`ClientName`); 0 where it has none.
    package let name: UInt64

    /// The client at an address, with a name by its number.
    package init(_ address: UInt128, name: UInt64 = 0) { (self.address, self.name) = (address, name) }

    /// Whether it is the client that is meant: by its name where that is given, else by its address.
    package func isSame(as other: ClientIdentity) -> Bool { name == 0 ? address == other.address : name == other.name }

    /// Its address.
    package var addressText: String { "\(IPAddress(number: address))" }
    /// What it is called; nil where nobody knows.
    package var nameText: String? { ClientDirectory.shared.name(of: self) }
    /// Both.
    package var text: String { nameText.map { "\(addressText) (\($0))" } ?? addressText }
}

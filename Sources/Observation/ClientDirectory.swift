internal import Green

/// What clients are called, by the numbers that the path of a query knows them by (`ClientName`): names that stand in the settings,
/// and those that certificates prove. What a client merely says of itself is not kept, for strangers can say anything.
package final class ClientDirectory: Sendable {
    /// The names of this process.
    package static let shared = ClientDirectory()

    /// The names by what they are known from.
    private struct Names {
        var configured: [UInt64: String] = [:]
        var proven: [UInt64: String] = [:]
    }

    private let names = Locked(Names())

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

    /// The name with a number; nil where nobody knows it.
    package func name(of number: UInt64) -> String? {
        number == 0 ? nil : names.withLock { $0.configured[number] ?? $0.proven[number] }
    }
}

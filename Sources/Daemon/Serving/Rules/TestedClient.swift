internal import DNSWire
internal import Green
package import NameRules
internal import Observation

/// A client that asks in a test: by its address, or by what it is called.
package enum TestedClient: Hashable, Sendable {
    /// By its address.
    case address(NameRules.IPAddress)
    /// By its name.
    case name(String)

    /// The one on this machine.
    static let loopback = TestedClient.address(NameRules.IPAddress(ipv4: 0x7F00_0001))

    /// The number of its name; none where it is known by its address.
    var name: ClientName {
        if case .name(let name) = self { ClientName(name) } else { .none }
    }

    /// How it is known where it asks: by its address; where only its name is given, it is on this machine.
    var identity: ClientIdentity {
        switch self {
        case .address(let address): ClientIdentity(address.number)
        case .name: ClientIdentity(Green.IPAddress.loopback.number, name: name.number)
        }
    }

    /// What it is called; nil where nobody knows.
    var nameText: String? {
        if case .name(let name) = self { name } else { identity.nameText }
    }

    /// As it is shown.
    var text: String { nameText.map { "\(identity.addressText) (\($0))" } ?? identity.addressText }

    /// Reads one; nil for what is none.
    init?(_ text: String) {
        if let address = NameRules.IPAddress(Substring(text)) {
            self = .address(address)
        } else if ClientName.isName(Array(text.utf8).span) {
            self = .name(text)
        } else {
            return nil
        }
    }
}

extension NameRules.IPAddress {
    /// The same address as listeners know it (`IPAddress.number`).
    var number: UInt128 {
        isIPv4 ? Green.IPAddress(v4: UInt32(truncatingIfNeeded: low)).number : Green.IPAddress(v6High: high, low: low).number
    }
}

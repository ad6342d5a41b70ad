internal import DNSWire
package import NameRules

/// The hardware address of a machine in the networks that this one is in.
package struct HardwareAddress: Hashable, Sendable, CustomStringConvertible {
    /// Its six bytes, the first one highest.
    let bits: UInt64

    /// Six bytes.
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 6 else { return nil }
        bits = bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Reads `52:54:00:12:34:56`, or with hyphens; nil for anything else.
    init?(_ text: some StringProtocol) {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
        guard parts.count == 6, parts.allSatisfy({ $0.utf8.count == 2 && $0.allSatisfy(\.isHexDigit) }) else { return nil }
        self.init(parts.compactMap { UInt8($0, radix: 16) })
    }

    /// As it is usually written.
    package var description: String {
        stride(from: 40, through: 0, by: -8).map { shift in
            let digits = String(UInt8(truncatingIfNeeded: bits >> UInt64(shift)), radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined(separator: ":")
    }
}

/// A client as a group names it.
package enum ClientRule: Hashable, Sendable {
    /// By its address.
    case prefix(NameRules.AddressPrefix)
    /// By its hardware address, wherever it is in the networks that this machine is in.
    case hardware(HardwareAddress)
    /// By what it is called: by its certificate, by the path of its requests, or by the server's name that it asks for.
    case name(String)

    /// Words that elsewhere stand for clients, and here would only be somebody's name.
    static let keywords: Set<String> = [
        "any", "all", "local", "localhost", "none", "everybody", "everyone", "lan", "private", "default", "loopback", "world",
    ]

    /// Whether a client's name looks as if an address or something else was meant.
    static func isDoubtful(_ name: String) -> Bool {
        if keywords.contains(name) { return true }
        // Digits in groups of an address or a hardware address, whatever is between them: 192-0-2-1, 525400123456.
        let parts = name.split { $0 == "-" || $0 == "_" }
        guard name.contains(where: \.isNumber) else { return false }
        if parts.count > 2, parts.allSatisfy({ $0.allSatisfy(\.isHexDigit) && $0.utf8.count <= 4 }) { return true }
        return name.allSatisfy(\.isNumber) || name.utf8.count == 12 && name.allSatisfy(\.isHexDigit)
    }

    /// Reads one; nil for what is none.
    init?(_ text: String) {
        if let hardware = HardwareAddress(text) {
            self = .hardware(hardware)
        } else if let prefix = NameRules.AddressPrefix(Substring(text)) {
            self = .prefix(prefix)
        } else if ClientName.isName(Array(text.utf8).span) {
            self = .name(text.lowercased())
        } else {
            return nil
        }
    }
}

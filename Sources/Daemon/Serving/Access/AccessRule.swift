package import AnswerCache
internal import Green

/// Who may ask: an element of `allow` and `deny`.
package enum AccessRule: Hashable, Sendable {
    /// Everybody.
    case any
    /// Loopback, link-local and private addresses, and the networks of this machine's interfaces.
    case local
    /// Addresses with a prefix.
    case network(AddressPrefix)

    /// Reads `any`, `local`, an address or a prefix; nil for anything else.
    package init?(_ text: String) {
        switch text {
        case "any": self = .any
        case "local": self = .local
        default:
            guard let prefix = AddressPrefix(text) else { return nil }
            self = .network(prefix)
        }
    }

    /// The addresses that no stranger on the internet has: loopback, private (RFC 1918, 4193), shared (RFC 6598) and
    /// link-local (RFC 3927, 4291) ones.
    static let localPrefixes: [AddressPrefix] = [
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "::1/128",
        "fc00::/7", "fe80::/10",
    ].compactMap { AddressPrefix($0) }
}

extension AccessRule: CustomStringConvertible {
    /// As the configuration has it.
    package var description: String {
        switch self {
        case .any: "any"
        case .local: "local"
        case .network(let prefix): prefix.description
        }
    }
}

extension AccessRule {
    /// Whether it lets in more addresses than any network has: everybody, or a prefix of less than 8 bits (IPv6: 16).
    var isNearlyEverybody: Bool {
        switch self {
        case .any: true
        case .local: false
        case .network(let prefix): prefix.length < (prefix.family == .v4 ? 8 : 16)
        }
    }
}

internal import Green
internal import Upstream

/// The numbers that upstreams are known by in the cache, those of earlier settings among them.
struct UpstreamDirectory {
    private let addresses: [UInt16: UpstreamAddress]

    /// A directory of upstreams by number.
    init(_ addresses: [UInt16: UpstreamAddress]) {
        self.addresses = addresses
    }

    /// How an upstream is written in the configuration; nil for a number that nobody has.
    func name(of number: UInt16) -> String? {
        addresses[number].map { "\($0)" }
    }

    /// The numbers of the upstreams that a text means: with or without port and transport.
    func numbers(meantBy text: String) -> [UInt16] {
        let address = SocketAddress(text, defaultPort: 53)
        let numbers = addresses.filter { _, upstream in
            "\(upstream)" == text || "\(upstream)" == "\(text):53" || upstream.address == address
        }
        return numbers.keys.sorted()
    }

    /// How each is written in the configuration, by number.
    var namesByNumber: [UInt16: String] { addresses.mapValues { "\($0)" } }

    /// The number of each, by how it is written in the configuration.
    var numbersByName: [String: UInt16] {
        Dictionary(addresses.map { ("\($0.value)", $0.key) }) { first, _ in first }
    }

    /// All of them, as the configuration has them.
    var names: [String] { addresses.sorted { $0.key < $1.key }.map { "\($0.value)" } }
}

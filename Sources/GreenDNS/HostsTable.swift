internal import DNSWire
internal import Green

/// What a hosts file says: hosts(5).
struct HostsTable: Sendable {
    /// The addresses of each name, as they stand there.
    private(set) var addresses: [Name: [IPAddress]] = [:]
    /// The first name of each address.
    private(set) var names: [IPAddress: String] = [:]

    /// A name with one of its addresses.
    private struct Pair: Hashable {
        let name: Name
        let address: IPAddress
    }

    /// Reads the bytes of a file; what cannot be read is left out. The work grows as they do.
    init(_ bytes: [UInt8]) {
        var seen: Set<Pair> = []
        for line in bytes.split(separator: 10) {
            let words = line.prefix { $0 != UInt8(ascii: "#") }.split { $0 == 32 || (9...13).contains($0) }
            guard let address = words.first.flatMap({ IPAddress(String(decoding: $0, as: UTF8.self)) }) else { continue }
            for word in words.dropFirst() {
                // No longer name can be looked up.
                guard word.count <= 255 else { continue }
                let text = String(decoding: word, as: UTF8.self)
                guard let name = DNSResolver.hostName(text), !name.isRoot else { continue }
                if names[address] == nil { names[address] = text }
                if seen.insert(Pair(name: name, address: address)).inserted { addresses[name, default: []].append(address) }
            }
        }
    }
}

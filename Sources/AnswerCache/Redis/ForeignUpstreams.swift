internal import Green

/// The numbers by which the cache knows upstreams that other instances asked, as Redis or a snapshot names them. Any thread.
package final class ForeignUpstreams: Sendable {
    /// Numbers begin here; an instance's own begin at 0.
    private static let first: UInt16 = 0x8000
    /// No more names than these are remembered.
    private static let limit = 1_000
    private let known = Locked<(names: [String], numbers: [String: UInt16])>(([], [:]))

    /// The number of a name, given out now where it is new; `UInt16.max` for none, or for one too many.
    package func number(of name: String) -> UInt16 {
        guard !name.isEmpty, name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return .max }
        return known.withLock { known in
            if let number = known.numbers[name] { return number }
            guard known.names.count < Self.limit else { return .max }
            let number = Self.first + UInt16(known.names.count)
            known.names.append(name)
            known.numbers[name] = number
            return number
        }
    }

    /// The name that has a number.
    package func name(of number: UInt16) -> String? {
        guard number >= Self.first else { return nil }
        let place = Int(number - Self.first)
        return known.withLock { $0.names.indices.contains(place) ? $0.names[place] : nil }
    }

    /// The names by their numbers.
    package var namesByNumber: [UInt16: String] {
        known.withLock { known in Dictionary(uniqueKeysWithValues: known.numbers.map { ($0.value, $0.key) }) }
    }
}

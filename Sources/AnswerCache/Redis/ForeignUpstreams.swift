internal import Green

/// The numbers by which the cache knows upstreams that other instances asked, and Redis names. Any thread.
package final class ForeignUpstreams: Sendable {
    /// Numbers begin here; an instance's own begin at 0.
    private static let first: UInt16 = 0x8000
    /// No more names than these are remembered.
    private static let limit = 1_000
    private let numbers = Locked<[String: UInt16]>([:])

    /// The number of a name, given out now where it is new; `UInt16.max` for none, or for one too many.
    func number(of name: String) -> UInt16 {
        guard !name.isEmpty, name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return .max }
        return numbers.withLock { numbers in
            if let number = numbers[name] { return number }
            guard numbers.count < Self.limit else { return .max }
            let number = Self.first + UInt16(numbers.count)
            numbers[name] = number
            return number
        }
    }

    /// The names by their numbers.
    package var namesByNumber: [UInt16: String] {
        numbers.withLock { numbers in Dictionary(uniqueKeysWithValues: numbers.map { ($0.value, $0.key) }) }
    }
}

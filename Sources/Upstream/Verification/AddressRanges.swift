/// Addresses and ranges of them, as `IPAddress.number` has them: a plain value that is searched by halving.
package struct AddressRanges: Sendable, Hashable {
    /// The first and the last address of each range, disjoint and in order.
    private let ranges: [ClosedRange<UInt128>]

    /// The addresses that are in any of some ranges.
    package init(_ given: [ClosedRange<UInt128>] = []) {
        var joined: [ClosedRange<UInt128>] = []
        for range in given.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard let last = joined.last, range.lowerBound <= last.upperBound else {
                joined.append(range)
                continue
            }
            joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
        }
        ranges = joined
    }

    /// Whether there is none.
    package var isEmpty: Bool { ranges.isEmpty }

    /// Whether an address is among them.
    package func contains(_ number: UInt128) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < number { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].lowerBound <= number
    }

    /// All of both.
    package func union(_ other: AddressRanges) -> AddressRanges { AddressRanges(ranges + other.ranges) }
}

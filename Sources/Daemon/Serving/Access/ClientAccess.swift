internal import AnswerCache
internal import Green

/// The client addresses that are answered, as disjoint ranges in order: all that `allow` names but for what `deny` does.
struct ClientAccess: Sendable, Equatable {
    /// Each address as `IPAddress.number` has it.
    let ranges: [ClosedRange<UInt128>]

    /// Every address there is.
    static let everybody = ClientAccess(ranges: [0...UInt128.max])

    /// None.
    static let nobody = ClientAccess(ranges: [])

    /// The addresses by rules; `networks` are those of this machine's interfaces.
    init(allow: [AccessRule], deny: [AccessRule], networks: [AddressPrefix]) {
        let wanted = Self.joined(allow.flatMap { Self.ranges(of: $0, networks) })
        let unwanted = Self.joined(deny.flatMap { Self.ranges(of: $0, networks) })
        ranges = Self.difference(wanted, unwanted)
    }

    private init(ranges: [ClosedRange<UInt128>]) {
        self.ranges = ranges
    }

    /// Whether all addresses of a range are answered.
    func covers(_ range: ClosedRange<UInt128>) -> Bool {
        ranges.contains { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound }
    }

    /// Whether an address is answered.
    func admits(_ address: IPAddress) -> Bool { admits(number: address.number) }

    /// Whether an address (`IPAddress.number`) is answered.
    func admits(number: UInt128) -> Bool {
        var (first, end) = (0, ranges.count)
        while first < end {
            let middle = (first + end) / 2
            if number < ranges[middle].lowerBound {
                end = middle
            } else if number > ranges[middle].upperBound {
                first = middle + 1
            } else {
                return true
            }
        }
        return false
    }

    /// All of these but those of others.
    func without(_ others: ClientAccess) -> ClientAccess { ClientAccess(ranges: Self.difference(ranges, others.ranges)) }

    private static func ranges(of rule: AccessRule, _ networks: [AddressPrefix]) -> [ClosedRange<UInt128>] {
        switch rule {
        case .any: [0...UInt128.max]
        case .local: (AccessRule.localPrefixes + networks).flatMap(numbers)
        case .network(let prefix): numbers(prefix)
        }
    }

    /// The numbers of a prefix's addresses. Groups (`ff00::/8`) ask nothing, and IPv4 is not part of `::/0`.
    private static func numbers(_ prefix: AddressPrefix) -> [ClosedRange<UInt128>] {
        let numbers = prefix.numbers
        guard prefix.family == .v6 else { return [numbers] }
        let last = UInt128(0xFF00) << 112 - 1
        return numbers.lowerBound > last ? [] : [numbers.lowerBound...min(numbers.upperBound, last)]
    }

    /// Ranges in order, those joined that meet.
    private static func joined(_ ranges: [ClosedRange<UInt128>]) -> [ClosedRange<UInt128>] {
        var result: [ClosedRange<UInt128>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard let last = result.last, last.upperBound == .max || range.lowerBound <= last.upperBound + 1 else {
                result.append(range)
                continue
            }
            result[result.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
        }
        return result
    }

    /// What of `ranges` is not in `others`; both are in order and disjoint.
    private static func difference(
        _ ranges: [ClosedRange<UInt128>], _ others: [ClosedRange<UInt128>]
    ) -> [ClosedRange<UInt128>] {
        var result: [ClosedRange<UInt128>] = []
        for range in ranges {
            var start: UInt128? = range.lowerBound
            for other in others where other.overlaps(range) {
                guard let from = start else { break }
                if other.lowerBound > from { result.append(from...other.lowerBound - 1) }
                start = other.upperBound < range.upperBound ? other.upperBound + 1 : nil
            }
            if let start { result.append(start...range.upperBound) }
        }
        return result
    }
}

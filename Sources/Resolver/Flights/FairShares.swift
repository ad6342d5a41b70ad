internal import Observation
internal import Synchronization

/// On whose account a flight is.
struct FlightOwner: Sendable {
    /// The client's number (`FairShares.client`).
    var client: UInt32
    /// The number of the domain that the name is in (`DomainIndex.domainNumber`).
    var domain: UInt32
    /// Whether it is to refresh an answer that is there, so that nobody depends on it.
    var isRefresh = false
    /// Who asked first, as an operator is shown it; nil where no client did.
    var asker: ClientIdentity?
}

/// Who has how many of the places that all share, by client and by domain. Each has a share: the places divided by those
/// who have any. It counts only where places are scarce, and keeps one client, or the clients of one domain, from taking
/// all of them.
///
/// The numbers are keyed hashes, so that nobody can choose whom to meet in a counter.
final class FairShares: Sendable {
    private let clients = PairedCounters()
    private let domains = PairedCounters()

    /// Counts a place that was taken.
    func add(_ owner: FlightOwner) {
        clients.add(owner.client)
        domains.add(owner.domain)
    }

    /// Counts a place that was given back.
    func remove(_ owner: FlightOwner) {
        clients.remove(owner.client)
        domains.remove(owner.domain)
    }

    /// Reads how many have any places.
    func readAccounts(_ read: Account.Reader) {
        read(Account("clients with places", clients.usedCount))
        read(Account("domains with places", domains.usedCount))
    }

    /// The most that a domain has.
    var mostOfDomain: Int { domains.most }

    /// The last quarter of a domain's places is for clients that have less than one in so many of them.
    private static let clientPart = 16

    /// Whether the domain has less than `places`, or less than three quarters of them where the client has many already.
    func hasRoom(for owner: FlightOwner, of places: Int) -> Bool {
        let taken = domains.count(owner.domain)
        if taken < places - places / 4 { return true }
        return taken < places && hasFew(owner, of: places)
    }

    /// Whether the client has few of a domain's `places`.
    func hasFew(_ owner: FlightOwner, of places: Int) -> Bool {
        clients.count(owner.client) < max(1, places / Self.clientPart)
    }

    /// A domain may have one place in so many, whatever its share. Else silent names below thousands of domains, of which some
    /// meet with any other in the table, would leave nothing to busy ones.
    private static let domainPart = 16

    /// Whether both the client and the domain have less than their share of `places`.
    func isBelow(_ owner: FlightOwner, of places: Int) -> Bool {
        clients.isBelow(owner.client, of: places)
            && domains.isBelow(owner.domain, of: places, least: places / Self.domainPart)
    }

    /// A client's number, from that of its address (`IPAddress.number`): of an IPv6 address the first 56 bits count, which
    /// are one site's.
    static func client(_ address: UInt128) -> UInt32 {
        let isIPv4 = address >> 64 == UInt128(UInt64.max)
        let network = UInt64(truncatingIfNeeded: isIPv4 ? address : address >> 72)
        return DomainIndex.keyed(network, isIPv4 ? 4 : 6)
    }
}

/// Counters in two tables of fixed size, for all workers. Who meets another in one table hardly ever does so in the second, for
/// that goes by other bits of the number: the lower of the two counts.
final class PairedCounters: Sendable {
    private let first = SharedCounters()
    private let second = SharedCounters()

    /// Counts one more.
    func add(_ number: UInt32) {
        first.add(number)
        second.add(number >> 16)
    }

    /// Counts one less.
    func remove(_ number: UInt32) {
        first.remove(number)
        second.remove(number >> 16)
    }

    /// How much was counted for a number, or a little more.
    func count(_ number: UInt32) -> Int { min(first.count(number), second.count(number >> 16)) }

    /// How many have any, less those that meet others.
    var usedCount: Int { max(first.used, second.used) }

    /// The most that a number has, or a little more.
    var most: Int { min(first.most, second.most) }

    /// Whether a number is below its share of `places`, which is `least` at least: each that is above 0 has the same.
    func isBelow(_ number: UInt32, of places: Int, least: Int = 1) -> Bool {
        let own = count(number)
        let sharers = usedCount + (own == 0 ? 1 : 0)
        return own < max(1, least, places / max(1, sharers))
    }
}

/// Counters in a table of fixed size, found by hash, for all workers.
final class SharedCounters: Sendable {
    private let slots: InlineArray<2048, Atomic<UInt32>>
    private let usedCount = Atomic<Int>(0)

    /// All at 0.
    init() { slots = InlineArray { _ in Atomic<UInt32>(0) } }

    /// Counts one more.
    func add(_ number: UInt32) {
        if slots[slot(number)].wrappingAdd(1, ordering: .relaxed).oldValue == 0 { usedCount.wrappingAdd(1, ordering: .relaxed) }
    }

    /// Counts one less.
    func remove(_ number: UInt32) {
        if slots[slot(number)].wrappingSubtract(1, ordering: .relaxed).newValue == 0 {
            usedCount.wrappingSubtract(1, ordering: .relaxed)
        }
    }

    /// How many of them are above 0.
    var used: Int { usedCount.load(ordering: .relaxed) }

    /// The highest of them.
    var most: Int { slots.indices.reduce(0) { max($0, Int(slots[$1].load(ordering: .relaxed))) } }

    /// How much a counter has counted.
    func count(_ number: UInt32) -> Int { Int(slots[slot(number)].load(ordering: .relaxed)) }

    private func slot(_ number: UInt32) -> Int { Int(number) & (slots.count - 1) }
}

/// The same two tables for one hub's thread alone.
final class LocalCounters {
    private var first = [UInt32](repeating: 0, count: 2048)
    private var second = [UInt32](repeating: 0, count: 2048)
    /// How many of each are above 0.
    private var used = (0, 0)

    /// Counts one more.
    func add(_ number: UInt32) {
        Self.add(number, to: &first, &used.0)
        Self.add(number >> 16, to: &second, &used.1)
    }

    /// Counts one less.
    func remove(_ number: UInt32) {
        Self.remove(number, from: &first, &used.0)
        Self.remove(number >> 16, from: &second, &used.1)
    }

    /// How many have any, less those that meet others.
    var usedCount: Int { max(used.0, used.1) }

    /// Whether a counter is below its share of `places`: each that is above 0 has the same, and so has whoever comes next.
    func isBelow(_ number: UInt32, of places: Int) -> Bool {
        let own = min(first[Self.slot(number)], second[Self.slot(number >> 16)])
        return Int(own) < max(1, places / (usedCount + 1))
    }

    private static func add(_ number: UInt32, to slots: inout [UInt32], _ used: inout Int) {
        let slot = slot(number)
        if slots[slot] == 0 { used += 1 }
        slots[slot] &+= 1
    }

    private static func remove(_ number: UInt32, from slots: inout [UInt32], _ used: inout Int) {
        let slot = slot(number)
        slots[slot] &-= 1
        if slots[slot] == 0 { used -= 1 }
    }

    private static func slot(_ number: UInt32) -> Int { Int(number) & 2047 }
}

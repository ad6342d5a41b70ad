internal import AnswerCache
internal import Green

/// Says for one listener of one worker which clients are answered. In the path of every query: a client of the range that
/// the one before it was in costs two comparisons, others a binary search.
@safe final class ClientGate {
    /// What changes; raw, so that a look at it is a load and no more.
    @safe private struct State {
        /// The range of the last client that was let in.
        var low: UInt128
        var high: UInt128
        /// All ranges, in order.
        var ranges: UnsafeMutableBufferPointer<ClosedRange<UInt128>>
    }

    private let state: UnsafeMutablePointer<State>
    /// Where its listener is.
    let listener: SocketAddress
    /// Those who are looked at off the path of a hit, whatever the rules say of them: proxies.
    private let exceptions: ClientAccess
    /// Who is answered wherever they ask.
    private var access: ClientAccess
    /// Who is answered here.
    private var admitted = ClientAccess.nobody
    /// How much clients on streams may ask.
    private let limits: ClientLimits?
    /// Queries of clients that were not let in.
    var refusedCount: UInt64 = 0

    /// A gate for a listener at an address; `exceptions` it does not let in.
    init(
        _ access: ClientAccess, at listener: SocketAddress, except exceptions: ClientAccess = .nobody, limits: ClientLimits? = nil
    ) {
        self.limits = limits
        self.listener = listener
        self.exceptions = exceptions
        self.access = access
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: Self.state([]))
        adopt(access)
    }

    deinit {
        unsafe state.pointee.ranges.deallocate()
        unsafe state.deallocate()
    }

    /// Goes on by other rules. Those who are `limited` it does not let in either: they are looked at off the path of a hit.
    func adopt(_ access: ClientAccess, limited: ClientAccess = .nobody) {
        self.access = access
        // Who reaches a loopback address is on this machine: where all of loopback is answered, nothing need be looked at.
        let loopback = listener.ip.family == .v4 ? AddressPrefix(.loopback, length: 8) : AddressPrefix(.loopbackV6, length: 128)
        admitted = listener.ip.isLoopback && access.covers(loopback.numbers) ? .everybody : access
        unsafe state.pointee.ranges.deallocate()
        unsafe state.pointee = Self.state(admitted.without(exceptions).without(limited).ranges)
    }

    /// Whether a client is answered that was not let in, since it is counted first.
    func admitsLimited(_ number: UInt128) -> Bool { admitted.admits(number: number) }

    /// Whether a query of a client on a stream is within its rate; counts it.
    func takesQuery(of number: UInt128, at now: Instant) -> Bool {
        guard let limits, !limits.takesQuery(of: number, isProven: true, at: now) else { return true }
        limits.noteExcess()
        return false
    }

    /// The number of the limits in force, another after each change of them; 0 where nobody has any.
    var limitsGeneration: UInt32 { limits?.generation ?? 0 }

    /// Whether a client has limits.
    func limits(_ number: UInt128) -> Bool { limits?.limits(number) ?? false }

    /// The same as `takesQuery` for a client that has limits.
    func takes(_ number: UInt128, at now: Instant) -> Bool {
        guard let limits, !limits.takes(number, isProven: true, at: now) else { return true }
        limits.noteExcess()
        return false
    }

    /// Whether the client that a proxy asks for is answered: which address the proxy reached says nothing of that.
    func admitsForwarded(_ number: UInt128) -> Bool { access.admits(number: number) }

    /// Whether the client at an address (`IPAddress.number`) is answered.
    @inline(__always)
    func admits(_ number: UInt128) -> Bool {
        // SAFETY: the state lives as long as this object, and nothing of it is touched by another thread.
        unsafe (number >= state.pointee.low && number <= state.pointee.high) || finds(number)
    }

    @inline(never)
    private func finds(_ number: UInt128) -> Bool {
        let ranges = unsafe state.pointee.ranges
        var (first, end) = (0, ranges.count)
        while first < end {
            let middle = (first + end) / 2
            // SAFETY: below the end, which is at most the count.
            let range = unsafe ranges[middle]
            if number < range.lowerBound {
                end = middle
            } else if number > range.upperBound {
                first = middle + 1
            } else {
                unsafe state.pointee.low = range.lowerBound
                unsafe state.pointee.high = range.upperBound
                return true
            }
        }
        return false
    }

    /// What a listener lets in, by ranges in order.
    private static func state(_ ranges: [ClosedRange<UInt128>]) -> State {
        let copy = UnsafeMutableBufferPointer<ClosedRange<UInt128>>.allocate(capacity: ranges.count)
        _ = unsafe copy.initialize(from: ranges)
        // No range holds a number yet that comes above its end.
        return unsafe State(low: ranges.first?.lowerBound ?? 1, high: ranges.first?.upperBound ?? 0, ranges: copy)
    }
}

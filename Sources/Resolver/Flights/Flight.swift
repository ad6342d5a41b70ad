internal import AnswerCache
internal import Green
internal import Observation
internal import Upstream

/// A question that is being asked, once for all who want the same: clients of this worker and of others.
///
/// It ends when there is an answer or a reason why there is none, never because a client goes away.
final class Flight: QuestionStanding, @unchecked Sendable {
    // SAFETY: `waiters`, `isFlownByClient`, `landedCount`, `hasOthers`, the neighbours and `result` are touched only under the lock
    // of the table's shard that the flight is in, or, for `result`, after `land`, when it changes no more; `unlistedBy`, `verdict`
    // and `source` are set before `land` and read after a success; `resolver`, `greenlet` and `isEnded` on the hub's thread alone.
    let key: CacheKey
    /// On whose account it is.
    let owner: FlightOwner
    /// When it was opened.
    let openedAt: Instant
    /// The hub that asks.
    private let mailbox: HubMailbox
    /// The next flight of the same bucket of the table.
    var next: Flight?
    /// The flights of the same shard that were opened before and after it.
    var older = FlightLink()
    var newer = FlightLink()
    private var waiters: [FlightWaiter] = []
    /// Whether the client that opened it asks in its own greenlet, and is not among the waiters.
    var isFlownByClient = false
    /// How many waited when it landed.
    private var landedCount: Int?
    /// Whether somebody waits for it who is not the client on whose account it is.
    private var hasOthers = false
    /// Who asks.
    var resolver: Resolver?
    /// The greenlet that asks, while it does.
    var greenlet: RunningGreenlet?
    /// Whether it was ended to make room for another.
    private(set) var isEnded = false
    /// The number of the rules of which none is about the name; 0 where that is not known.
    var unlistedBy: UInt64 = 0
    /// What the rules of who flew make of the answer, where there are rules.
    var verdict: AnswerVerdict?
    /// Where the answer came from.
    var source = AnswerSource.upstream
    private(set) var result: Result<UpstreamReply, UpstreamFailure>?

    /// How many of the waiters are whose, once they are many.
    private var shares: LocalCounters?

    /// So many may wait for one question; further ones are turned away, and beyond three quarters of it those whose client has
    /// its share.
    static let mostWaiters = 10_000

    /// A flight that `hub` asks for; `trace` is that of who watches.
    init(_ key: CacheKey, _ owner: FlightOwner, on hub: Hub, trace: QuestionTrace? = nil) {
        self.key = key
        self.owner = owner
        openedAt = hub.now
        mailbox = hub.mailbox
        super.init(trace: trace)
    }

    /// How many clients wait for it, or waited. Under the shard's lock, or after `land`.
    var clientCount: Int { landedCount ?? waiters.count + (isFlownByClient ? 1 : 0) }

    /// Whether nobody waits for it besides the client that it is on account of, however often that asks. Under the shard's lock.
    var isLone: Bool { !hasOthers }

    /// Ends the asking, wherever it is done. From a greenlet of `hub`.
    func end(from hub: Hub) {
        if mailbox === hub.mailbox {
            endHere()
        } else {
            mailbox.post { self.endHere() }
        }
    }

    private func endHere() {
        isEnded = true
        greenlet?.kill()
    }

    /// Adds somebody who waits; false when there are too many. Under the shard's lock.
    func join(_ waiter: FlightWaiter) -> Bool {
        if waiters.count >= Self.mostWaiters - Self.mostWaiters / 4 {
            guard waiters.count < Self.mostWaiters, countShares().isBelow(waiter.client, of: Self.mostWaiters) else {
                return false
            }
            shares?.add(waiter.client)
        }
        if waiter.client != owner.client { hasOthers = true }
        waiters.append(waiter)
        return true
    }

    /// Counts whose the waiters are, the first time that it matters.
    private func countShares() -> LocalCounters {
        if let shares { return shares }
        let counted = LocalCounters()
        for waiter in waiters { counted.add(waiter.client) }
        shares = counted
        return counted
    }

    /// Sets the result and gives the waiters to be woken. Under the shard's lock.
    func land(_ result: Result<UpstreamReply, UpstreamFailure>) -> [FlightWaiter] {
        self.result = result
        landedCount = clientCount
        defer { waiters = [] }
        return waiters
    }
}

/// Leads to a flight of the same shard, without holding it.
@safe struct FlightLink: Sendable {
    // SAFETY: the shard holds each flight of its list by a bucket, and takes one out of both at once, under its lock.
    unowned(unsafe) private var unheld: Flight?

    /// The flight.
    var flight: Flight? {
        get { unsafe unheld }
        set { unsafe unheld = newValue }
    }
}

/// Somebody who waits for a flight, on the flight's hub or another.
struct FlightWaiter: @unchecked Sendable {
    // SAFETY: `waiter` is used only on its own hub's thread: `wake` goes there by the mailbox.
    private let waiter: Waiter
    private let mailbox: HubMailbox
    /// The client's number (`FairShares.client`).
    fileprivate let client: UInt32

    init(_ waiter: Waiter, of client: UInt32, on hub: Hub) {
        self.waiter = waiter
        self.client = client
        mailbox = hub.mailbox
    }

    /// Wakes it, from a greenlet of `hub`.
    func wake(from hub: Hub) {
        if mailbox === hub.mailbox {
            waiter.wake()
        } else {
            mailbox.post { self.waiter.wake() }
        }
    }
}

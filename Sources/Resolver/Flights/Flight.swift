internal import AnswerCache
internal import Green
internal import Upstream

/// A question that is being asked, once for all who want the same: clients of this worker and of others.
///
/// It ends when there is an answer or a reason why there is none, never because a client goes away.
final class Flight: @unchecked Sendable {
    // SAFETY: `waiters`, the neighbours and `result` are touched only under the lock of the table's shard that the flight
    // is in, or, for `result`, after `land`, when it changes no more; `verdict` is set before `land` and read after it; `resolver`, `greenlet` and `isEnded` on the hub's
    // thread alone.
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
    var older: Flight?
    var newer: Flight?
    private var waiters: [FlightWaiter] = []
    /// How many of the waiters are it that opened it.
    private let openers: Int
    /// Who asks.
    var resolver: Resolver?
    /// The greenlet that asks, while it does.
    var greenlet: RunningGreenlet?
    /// Whether it was ended to make room for another.
    private(set) var isEnded = false
    /// What the rules of who flew make of the answer, where there are rules.
    var verdict: AnswerVerdict?
    private(set) var result: Result<UpstreamReply, UpstreamFailure>?

    /// So many may wait for one question; further ones are turned away.
    static let mostWaiters = 10_000

    /// A flight that `hub` asks for; `isJoined` says that who opens it waits as others do, and does not fly by itself.
    init(_ key: CacheKey, _ owner: FlightOwner, isJoined: Bool, on hub: Hub) {
        self.key = key
        self.owner = owner
        openedAt = hub.now
        mailbox = hub.mailbox
        openers = isJoined ? 1 : 0
    }

    /// Whether nobody waits for it besides who opened it. Under the shard's lock.
    var isLone: Bool { waiters.count <= openers }

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
        guard waiters.count < Self.mostWaiters else { return false }
        waiters.append(waiter)
        return true
    }

    /// Sets the result and gives the waiters to be woken. Under the shard's lock.
    func land(_ result: Result<UpstreamReply, UpstreamFailure>) -> [FlightWaiter] {
        self.result = result
        defer { waiters = [] }
        return waiters
    }
}

/// Somebody who waits for a flight, on the flight's hub or another.
struct FlightWaiter: @unchecked Sendable {
    // SAFETY: `waiter` is used only on its own hub's thread: `wake` goes there by the mailbox.
    private let waiter: Waiter
    private let mailbox: HubMailbox

    init(_ waiter: Waiter, on hub: Hub) {
        self.waiter = waiter
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

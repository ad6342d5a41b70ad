internal import AnswerCache
internal import Green
internal import Upstream

/// A question that is being asked, once for all who want the same: clients of this worker and of others.
///
/// It ends when there is an answer or a reason why there is none, never because a client goes away.
final class Flight: @unchecked Sendable {
    // SAFETY: `waiters`, `next` and `result` are touched only under the lock of the table's shard that the flight is in,
    // or, for `result`, after `land`, when it changes no more.
    let key: CacheKey
    /// The next flight of the same bucket of the table.
    var next: Flight?
    private var waiters: [FlightWaiter] = []
    /// Who asks: used on its own hub's thread alone.
    var resolver: Resolver?
    private(set) var result: Result<UpstreamReply, UpstreamFailure>?

    /// So many may wait for one question; further ones are turned away.
    static let mostWaiters = 10_000

    init(_ key: CacheKey) {
        self.key = key
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

/// A wait that other threads may end, through the mailbox of its hub. A wake before the wait has begun is kept; a second
/// one does nothing.
final class CrossWaiter: @unchecked Sendable {
    // SAFETY: `mailbox` never changes; all else is touched on the hub's own thread only.
    private let mailbox: HubMailbox
    private var waiter: Waiter?
    private(set) var isWoken = false

    /// For a wait of the running greenlet.
    init(hub: Hub) {
        mailbox = hub.ownMailbox
    }

    /// Waits until woken (true) or `deadline` passes (false).
    func wait(for what: StaticString, until deadline: Instant) throws(Interruption) -> Bool {
        if isWoken { return true }
        defer { waiter = nil }
        _ = try Waiter.wait(for: what, until: deadline) { waiter = $0 }
        return isWoken
    }

    /// Ends the wait; may be called from any thread.
    func wake() {
        mailbox.post { [self] in
            isWoken = true
            waiter?.wake()
        }
    }
}

/// One wait of one greenlet, as those see it who may end it: the primitive below events, queues and flights.
///
/// ```swift
/// let came = try Waiter.wait(for: "an answer", until: deadline) { waiter in
///     flight.waiters.append(waiter)
/// }
/// ```
///
/// Belongs to its hub's thread. A wake that comes too late, or twice, does nothing. A wake before the wait has
/// begun is kept.
@safe public struct Waiter {
    /// Keeps the record's memory, for a wake that comes long after.
    private let hub: Hub
    private let record: RecordPointer
    private let ticket: UInt64

    /// Hands a waiter for the coming wait to `register`, which must not wait, then waits until it is woken (true)
    /// or `deadline` passes (false). Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public static func wait(
        for what: StaticString, until deadline: Instant, _ register: (Waiter) -> Void
    ) throws(Interruption) -> Bool {
        let hub = Hub.current
        let core = unsafe hub.core
        let record = unsafe core.beginWait(for: what)
        if let reason = unsafe Interruption.pending(record) { throw unsafe core.interruption(of: record, reason) }
        withoutSwitching { register(unsafe Waiter(hub: hub, record: record, ticket: record.pointee.ticket)) }
        if unsafe record.pointee.wokenEarly { return true }
        return try unsafe core.park(record, until: deadline)
    }

    /// Ends the wait. Only on the hub's own thread: others go by `hub.mailbox`.
    public func wake() {
        let core = unsafe hub.core
        unsafe core.checkThread("a waiter")
        guard unsafe record.pointee.ticket == ticket else { return }
        if unsafe record.pointee.state == .waiting {
            unsafe core.pointee.makeReady(record, .woken)
        } else {
            unsafe record.pointee.wokenEarly = true
        }
    }
}

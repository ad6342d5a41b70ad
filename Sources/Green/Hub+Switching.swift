internal import CGreen

extension Hub {
    /// Starts a greenlet and runs it at once, until it first waits or ends. Costs no allocation: the work is a C
    /// function that is handed `subject` and `slot`.
    public func start(_ entry: GreenletEntry, subject: UnsafeMutableRawPointer?, slot: Int) throws(GreenletLimit) {
        let record = try unsafe prepare(entry, subject: subject, slot: slot)
        unsafe resume(record)
    }

    /// Starts a greenlet that runs when its turn comes.
    public func startLater(_ entry: GreenletEntry, subject: UnsafeMutableRawPointer?, slot: Int) throws(GreenletLimit) {
        let record = try unsafe prepare(entry, subject: subject, slot: slot)
        unsafe core.pointee.ready.append(record)
    }

    /// A record that will do the work when it is first resumed.
    func prepare(
        _ entry: GreenletEntry, subject: UnsafeMutableRawPointer?, slot: Int
    ) throws(GreenletLimit) -> RecordPointer {
        let record = try unsafe core.pointee.takeRecord()
        if unsafe record.pointee.needsFiber {
            unsafe green_fiber_make(record.fiber, record.pointee.stack, record.pointee.stackSize, greenletMain)
            unsafe record.pointee.needsFiber = false
        }
        unsafe record.pointee.entry = entry
        unsafe record.pointee.subject = subject
        unsafe record.pointee.slot = slot
        unsafe record.pointee.state = .ready
        unsafe record.pointee.startedAt = core.pointee.now
        return unsafe record
    }

    /// Gives the processor to `record` until it waits or ends.
    func resume(_ record: RecordPointer) {
        let previous = unsafe core.pointee.current
        let from = unsafe previous?.fiber ?? UnsafeMutableRawPointer(core).assumingMemoryBound(to: green_fiber.self)
        unsafe core.pointee.current = record
        unsafe record.pointee.state = .running
        unsafe record.pointee.resumer = from
        unsafe green_fiber_switch(from, record.fiber)
        unsafe core.pointee.current = previous
    }

    /// The running greenlet, which is about to wait. Each wait has a new ticket.
    func beginWait(for what: StaticString) -> RecordPointer {
        precondition(
            unsafe green_current_hub() == UnsafeMutableRawPointer(core),
            "Green: a wait (\(what)) on an object of another hub, or outside of any"
        )
        guard let record = unsafe core.pointee.current else {
            preconditionFailure("Green: a wait (\(what)) outside of a greenlet")
        }
        precondition(
            unsafe core.pointee.noSwitching == 0,
            "Green: a wait (\(what)) while a lock is held or switching is forbidden"
        )
        unsafe record.pointee.ticket &+= 1
        unsafe record.pointee.wokenEarly = false
        unsafe record.pointee.waitsFor = what
        return unsafe record
    }

    /// Suspends the running greenlet until it is woken (true) or `deadline` passes (false).
    ///
    /// `list`, where given, is what the record joins for the time of the wait.
    func park(
        _ record: RecordPointer, in list: UnsafeMutablePointer<WaitList>? = nil, until deadline: Instant
    ) throws(Interruption) -> Bool {
        if let reason = unsafe Interruption.pending(record) { throw reason }
        if let list = unsafe list {
            unsafe list.pointee.append(record)
            unsafe record.pointee.list = list
        }
        unsafe record.pointee.state = .waiting
        let hasDeadline = deadline != .never
        let timer = unsafe record.timer
        if hasDeadline {
            unsafe timer.pointee.record = record
            unsafe core.pointee.timers.arm(timer, at: deadline.nanoseconds)
        }
        unsafe green_fiber_switch(record.fiber, record.pointee.resumer!)
        if hasDeadline { unsafe core.pointee.timers.disarm(timer) }
        switch unsafe record.pointee.cause {
        case .woken: return true
        case .deadline: return false
        case .interrupted: throw unsafe Interruption.pending(record) ?? .killed
        }
    }

    /// Joins `list` until somebody there is woken (true) or `deadline` passes (false).
    func wait(
        in list: UnsafeMutablePointer<WaitList>, for what: StaticString, until deadline: Instant
    ) throws(Interruption) -> Bool {
        try unsafe park(beginWait(for: what), in: list, until: deadline)
    }

    /// Goes on after all others that are ready; `afterEvents` also lets the loop look for events before.
    public func yield(afterEvents: Bool = false) throws(Interruption) {
        let record = unsafe beginWait(for: "its turn")
        if let reason = unsafe Interruption.pending(record) { throw reason }
        unsafe record.pointee.state = .ready
        unsafe record.pointee.cause = .woken
        if afterEvents {
            unsafe core.pointee.nextTurn.append(record)
        } else {
            unsafe core.pointee.ready.append(record)
        }
        unsafe green_fiber_switch(record.fiber, record.pointee.resumer!)
    }

    /// Waits until `deadline`.
    public func sleep(until deadline: Instant) throws(Interruption) {
        _ = try unsafe park(beginWait(for: "sleep"), until: deadline)
    }

    /// Ends `record`'s greenlet: its present and each later wait throws `killed`.
    func kill(_ record: RecordPointer) {
        unsafe record.pointee.isKilled = true
        if unsafe record.pointee.shields == 0 { unsafe core.pointee.makeReady(record, .interrupted) }
    }
}

extension Interruption {
    /// What the next wait of `record` must throw, if anything: a kill before timeouts, outer timeouts before inner.
    static func pending(_ record: RecordPointer) -> Interruption? {
        if unsafe record.pointee.isKilled && record.pointee.shields == 0 { return .killed }
        guard unsafe record.pointee.expired > 0 else { return nil }
        return unsafe TimeoutScope.outermostExpired(of: record).map(Interruption.timedOut)
    }
}

/// What each stack runs: one greenlet's work after the other's. Between two it is suspended in the pool.
private let greenletMain: @convention(c) () -> Void = {
    let core = unsafe green_current_hub()!.assumingMemoryBound(to: HubCore.self)
    let record = unsafe core.pointee.current!
    while true {
        unsafe record.pointee.entry!(record.pointee.subject, record.pointee.slot)
        unsafe assert(record.pointee.scope == nil)
        unsafe core.pointee.giveBack(record)
        unsafe green_fiber_switch(record.fiber, record.pointee.resumer!)
    }
}

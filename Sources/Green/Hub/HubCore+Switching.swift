internal import CGreen

typealias CorePointer = UnsafeMutablePointer<HubCore>

/// The switch of stacks. On the pointer to the raw state rather than on `Hub`: nothing here counts references, and no
/// access to the state is open while another greenlet runs.
extension UnsafeMutablePointer<HubCore> {
    /// That of the hub which runs on this thread.
    static var current: CorePointer {
        guard let core = unsafe green_current_hub() else {
            halt("no hub runs on this thread; call this from a greenlet, or use a hub's mailbox")
        }
        return unsafe core.assumingMemoryBound(to: HubCore.self)
    }

    /// The thread's own flow of control, which runs the loop.
    var loopFiber: UnsafeMutablePointer<green_fiber> {
        unsafe UnsafeMutableRawPointer(self).assumingMemoryBound(to: green_fiber.self)
    }

    /// Who waits for all others to end.
    var quiet: UnsafeMutablePointer<WaitList> {
        let offset = MemoryLayout<HubCore>.offset(of: \.quiet)!
        return unsafe (UnsafeMutableRawPointer(self) + offset).assumingMemoryBound(to: WaitList.self)
    }

    /// Who waits for the hub to have nothing else to do.
    var idlers: UnsafeMutablePointer<WaitList> {
        let offset = MemoryLayout<HubCore>.offset(of: \.idlers)!
        return unsafe (UnsafeMutableRawPointer(self) + offset).assumingMemoryBound(to: WaitList.self)
    }

    /// Gives the processor to a greenlet that `takeNext` gave, until no more greenlets are to run in this turn.
    func switchFromLoop(to record: RecordPointer) {
        unsafe record.pointee.resumer = loopFiber
        unsafe green_fiber_switch(loopFiber, record.fiber)
        unsafe pointee.current = nil
    }

    /// Gives the processor to a greenlet that was just made, until it waits or ends.
    func switchAtOnce(to record: RecordPointer) {
        let previous = unsafe pointee.current
        let from = unsafe previous?.fiber ?? loopFiber
        unsafe pointee.current = record
        unsafe record.pointee.state = .running
        unsafe record.pointee.resumer = from
        unsafe green_fiber_switch(from, record.fiber)
        unsafe pointee.current = previous
    }

    /// Takes the processor from `record`, which waits or has ended: for the next one that is ready, without a detour by
    /// the loop, or else for who resumed it.
    func switchAway(from record: RecordPointer) {
        let resumer = unsafe record.pointee.resumer!
        if unsafe resumer == loopFiber, let next = unsafe pointee.takeNext() {
            unsafe next.pointee.resumer = loopFiber
            if unsafe next != record { unsafe green_fiber_switch(record.fiber, next.fiber) }
        } else {
            unsafe green_fiber_switch(record.fiber, resumer)
        }
    }

    /// The running greenlet, which is about to wait. Each wait has a new ticket.
    func beginWait(for what: StaticString) -> RecordPointer {
        guard unsafe green_current_hub() == UnsafeMutableRawPointer(self) else {
            halt("a wait (\(what)) on an object of another hub, or outside of any")
        }
        guard let record = unsafe pointee.current else { halt("a wait (\(what)) outside of a greenlet") }
        guard unsafe pointee.noSwitching == 0 else {
            halt("a wait (\(what)) while a lock is held or switching is forbidden")
        }
        unsafe record.pointee.ticket &+= 1
        unsafe record.pointee.wokenEarly = false
        unsafe record.pointee.waitsFor = what
        unsafe record.pointee.waitingSince = pointee.now
        return unsafe record
    }

    /// Suspends the running greenlet until it is woken (true) or `deadline` passes (false).
    ///
    /// `list`, where given, is what the record joins for the time of the wait.
    func park(
        _ record: RecordPointer, in list: UnsafeMutablePointer<WaitList>? = nil, until deadline: Instant
    ) throws(Interruption) -> Bool {
        if let reason = unsafe Interruption.pending(record) { throw unsafe interruption(of: record, reason) }
        if let list = unsafe list {
            unsafe list.pointee.append(record)
            unsafe record.pointee.list = list
        }
        unsafe record.pointee.state = .waiting
        let hasDeadline = deadline != .never
        let timer = unsafe record.timer
        if hasDeadline {
            unsafe timer.pointee.record = record
            unsafe pointee.timers.arm(timer, at: deadline.nanoseconds)
        }
        unsafe switchAway(from: record)
        if hasDeadline { unsafe pointee.timers.disarm(timer) }
        switch unsafe record.pointee.cause {
        case .woken: return true
        case .deadline: return false
        case .interrupted:
            unsafe record.pointee.interruptions &+= 1
            throw unsafe Interruption.pending(record) ?? .killed
        }
    }

    /// Joins `list` until somebody there is woken (true) or `deadline` passes (false).
    func wait(
        in list: UnsafeMutablePointer<WaitList>, for what: StaticString, until deadline: Instant
    ) throws(Interruption) -> Bool {
        try unsafe park(beginWait(for: what), in: list, until: deadline)
    }

    /// Goes on after all others that are ready; `afterEvents` also lets the loop look for events before.
    func yield(afterEvents: Bool) throws(Interruption) {
        let record = unsafe beginWait(for: "its turn")
        if let reason = unsafe Interruption.pending(record) { throw unsafe interruption(of: record, reason) }
        unsafe record.pointee.state = .ready
        unsafe record.pointee.cause = .woken
        if afterEvents {
            unsafe pointee.nextTurn.append(record)
        } else {
            unsafe pointee.ready.append(record)
        }
        unsafe switchAway(from: record)
    }

    /// What the wait throws that `record` begins while it is interrupted already. From the second time on others have their
    /// turn before: a loop that ignores its kill holds nobody up. One that goes on doing so is reported.
    @inline(never)
    func interruption(of record: RecordPointer, _ reason: Interruption) -> Interruption {
        let count = unsafe record.pointee.interruptions
        unsafe record.pointee.interruptions = count &+ 1
        guard count > 0 else { return reason }
        if count == IgnoredInterruption.limit {
            let hub = unsafe pointee.hub.takeUnretainedValue()
            let name = unsafe record.pointee.handle?.takeUnretainedValue().nameInReports ?? "greenlet-\(record.pointee.number)"
            hub.options.report(name, IgnoredInterruption(reason: reason))
        }
        unsafe record.pointee.state = .ready
        unsafe record.pointee.cause = .woken
        unsafe pointee.nextTurn.append(record)
        unsafe switchAway(from: record)
        return unsafe Interruption.pending(record) ?? reason
    }

    /// Ends `record`'s greenlet: its present and each later wait throws `killed`.
    func kill(_ record: RecordPointer) {
        unsafe record.pointee.isKilled = true
        if unsafe record.pointee.shields == 0 { unsafe pointee.makeReady(record, .interrupted) }
    }

    /// Traps where something of this hub is touched while the hub runs elsewhere. Before and after its run, anybody may.
    @inline(__always)
    func checkThread(_ what: StaticString) {
        if unsafe green_current_hub() != UnsafeMutableRawPointer(self) { unsafe checkSleeping(what) }
    }

    private func checkSleeping(_ what: StaticString) {
        guard unsafe !pointee.isRunning else {
            halt("\(what) that belongs to another thread's hub was used; post to its mailbox instead")
        }
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

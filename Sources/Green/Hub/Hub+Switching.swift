internal import CGreen

extension Hub {
    /// Starts a greenlet and runs it at once, until it first waits or ends. Costs no allocation: the work is a C
    /// function that is handed `subject` and `slot`. May use the reserve of greenlets: see `isCrowded`. Throws where none is
    /// to be had.
    public func start(_ entry: GreenletEntry, subject: UnsafeMutableRawPointer?, slot: Int) throws(GreenletLimit) {
        unsafe core.checkThread("a hub")
        let record = try unsafe core.prepare(entry, subject: subject, slot: slot, reserved: true)
        unsafe core.switchAtOnce(to: record)
    }

    /// Starts a greenlet that runs when its turn comes, at no allocation. Throws where no greenlet is to be had.
    public func startLater(_ entry: GreenletEntry, subject: UnsafeMutableRawPointer?, slot: Int) throws(GreenletLimit) {
        unsafe core.checkThread("a hub")
        try unsafe core.pointee.keepReserve(for: core)
        let record = try unsafe core.prepare(entry, subject: subject, slot: slot)
        unsafe core.pointee.ready.append(record)
    }

    /// Goes on after all others that are ready; `afterEvents` also lets the loop look for events before. Throws the
    /// interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func yield(afterEvents: Bool = false) throws(Interruption) {
        try unsafe core.yield(afterEvents: afterEvents)
    }

    /// Waits until `deadline`. Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func sleep(until deadline: Instant) throws(Interruption) {
        _ = try unsafe core.park(core.beginWait(for: "sleep"), until: deadline)
    }
}

extension UnsafeMutablePointer<HubCore> {
    /// A record that will do the work when it is first resumed.
    func prepare(
        _ entry: GreenletEntry, subject: UnsafeMutableRawPointer?, slot: Int, reserved: Bool = false
    ) throws(GreenletLimit) -> RecordPointer {
        let record = try unsafe pointee.takeRecord(for: self, reserved: reserved)
        if unsafe record.pointee.needsFiber {
            unsafe green_fiber_make(record.fiber, record.pointee.stack, record.pointee.stackSize, greenletMain)
            unsafe green_fiber_set_slab(record.fiber, record.pointee.slab.start, record.pointee.slab.size)
            unsafe record.pointee.needsFiber = false
        }
        unsafe green_fiber_inherit(record.fiber)
        unsafe record.pointee.entry = entry
        unsafe record.pointee.subject = subject
        unsafe record.pointee.slot = slot
        unsafe record.pointee.state = .ready
        unsafe record.pointee.startedAt = pointee.now
        return unsafe record
    }
}

/// What each stack runs: one greenlet's work after the other's. Between two it is suspended in the pool.
private let greenletMain: @convention(c) () -> Void = {
    let core = unsafe CorePointer.current
    let record = unsafe core.pointee.current!
    while true {
        unsafe record.pointee.entry!(record.pointee.subject, record.pointee.slot)
        unsafe assert(record.pointee.scope == nil)
        // Still on its behalf: what the values do when they go may use the hub, and these values.
        while let locals = unsafe record.pointee.locals {
            unsafe record.pointee.locals = nil
            unsafe locals.release()
        }
        green_fiber_forget()
        unsafe core.pointee.giveBack(record)
        unsafe core.switchAway(from: record)
    }
}

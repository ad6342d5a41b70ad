/// One `withTimeout` in progress; lives on its greenlet's stack, linked to the one around it.
@safe struct TimeoutScope {
    /// First, so that a pointer to the scope is one to its timer.
    var timer: TimerNode
    var outer: UnsafeMutablePointer<TimeoutScope>?
    var isExpired = false
    let identity: Timeout

    /// Marks the scope whose timer fired and interrupts its greenlet's wait, if it waits.
    static func expire(_ node: UnsafeMutablePointer<TimerNode>, in core: UnsafeMutablePointer<HubCore>) {
        let scope = unsafe UnsafeMutableRawPointer(node).assumingMemoryBound(to: TimeoutScope.self)
        let record = unsafe node.pointee.record!
        unsafe scope.pointee.isExpired = true
        unsafe record.pointee.expired += 1
        unsafe core.pointee.makeReady(record, .interrupted)
    }

    /// The outermost enclosing timeout that is over.
    static func outermostExpired(of record: RecordPointer) -> Timeout? {
        var found: Timeout?
        var scope = unsafe record.pointee.scope
        while let each = unsafe scope {
            if unsafe each.pointee.isExpired { found = unsafe each.pointee.identity }
            unsafe scope = each.pointee.outer
        }
        return found
    }
}

/// Runs `body`, which gets at most `limit`: then its present wait and each later one is interrupted.
///
/// Throws `TimedOut` where the time of this very call was over; the interruption of an outer timeout and all other
/// errors pass through. A body that returns in spite of the interruption has its result taken. Costs a timer in the hub's
/// heap; nothing is allocated.
public func withTimeout<Success>(_ limit: Duration, _ body: (Timeout) throws -> Success) throws -> Success {
    let hub = Hub.current
    let core = unsafe hub.core
    guard let record = unsafe core.pointee.current else {
        halt("withTimeout outside of a greenlet")
    }
    unsafe core.pointee.serial += 1
    let identity = unsafe Timeout(number: core.pointee.serial)
    return try unsafe withUnsafeTemporaryAllocation(of: TimeoutScope.self, capacity: 1) { space in
        let scope = space.baseAddress!
        let timer = unsafe UnsafeMutableRawPointer(scope).assumingMemoryBound(to: TimerNode.self)
        unsafe scope.initialize(to: TimeoutScope(timer: TimerNode(kind: .scope), outer: record.pointee.scope, identity: identity))
        unsafe timer.pointee.record = record
        unsafe record.pointee.scope = scope
        unsafe core.pointee.timers.arm(timer, at: hub.loop.now().advanced(by: limit).nanoseconds)
        defer {
            unsafe core.pointee.timers.disarm(timer)
            if unsafe scope.pointee.isExpired { unsafe record.pointee.expired -= 1 }
            unsafe record.pointee.scope = scope.pointee.outer
        }
        do {
            return try body(identity)
        } catch Interruption.timedOut(identity) {
            throw TimedOut(limit: limit)
        }
    }
}

/// Runs `body`, which gets at most `limit`; nil where that was over before it returned. Throws what `body` throws, and the
/// interruption of an outer timeout or a kill. Costs what the other `withTimeout` does.
public func withTimeout<Success>(orNilAfter limit: Duration, _ body: (Timeout) throws -> Success) throws -> Success? {
    do {
        // The identity tells this call's own end from a `TimedOut` that the body throws by itself.
        return try withTimeout(limit) { identity in
            do {
                return try body(identity)
            } catch let error as TimedOut {
                throw PassedOn(error: error)
            }
        }
    } catch is TimedOut {
        return nil
    } catch let passed as PassedOn {
        throw passed.error
    }
}

/// A `TimedOut` of somebody else on its way through.
private struct PassedOn: Error {
    let error: TimedOut
}

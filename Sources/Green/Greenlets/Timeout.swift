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

    /// Interrupts its greenlet's waits from now on, as if its time were over. Once.
    static func expireNow(_ scope: UnsafeMutablePointer<TimeoutScope>) {
        guard unsafe !scope.pointee.isExpired else { return }
        let node = unsafe UnsafeMutableRawPointer(scope).assumingMemoryBound(to: TimerNode.self)
        let core = unsafe node.pointee.record!.pointee.core
        unsafe core.pointee.timers.disarm(node)
        unsafe expire(node, in: core)
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
/// ```swift
/// let page = try withTimeout(.seconds(2)) { try fetch(url) }
/// ```
///
/// Throws `TimedOut` where the time of this very call was over; the interruption of an outer timeout and all other
/// errors pass through. A body that returns in spite of the interruption has its result taken. Costs a timer in the hub's
/// heap; nothing is allocated.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
public func withTimeout<Success>(_ limit: Duration, _ body: () throws -> Success) throws -> Success {
    try withTimeout(limit) { _ in try body() }
}

/// As the other `withTimeout`, for a body that tells its own timeout from others in an `Interruption`.
public func withTimeout<Success>(_ limit: Duration, _ body: (Timeout) throws -> Success) throws -> Success {
    let deadline = Hub.current.loop.now() + limit
    return try unsafe withScope(until: deadline) { scope in
        let identity = unsafe scope.pointee.identity
        do {
            return try body(identity)
        } catch Interruption.timedOut(identity) {
            throw TimedOut(limit: limit)
        }
    }
}

/// Runs `body` in a scope of its own, whose waits are interrupted from `deadline` on, or once the scope is expired by hand.
func withScope<Success>(
    until deadline: Instant, _ body: (UnsafeMutablePointer<TimeoutScope>) throws -> Success
) throws -> Success {
    let core = unsafe CorePointer.current
    guard let record = unsafe core.pointee.current else { halt("withTimeout outside of a greenlet") }
    unsafe core.pointee.serial += 1
    let identity = unsafe Timeout(number: core.pointee.serial)
    return try unsafe withUnsafeTemporaryAllocation(of: TimeoutScope.self, capacity: 1) { space in
        let scope = space.baseAddress!
        let timer = unsafe UnsafeMutableRawPointer(scope).assumingMemoryBound(to: TimerNode.self)
        unsafe scope.initialize(to: TimeoutScope(timer: TimerNode(kind: .scope), outer: record.pointee.scope, identity: identity))
        unsafe timer.pointee.record = record
        unsafe record.pointee.scope = scope
        if deadline != .never { unsafe core.pointee.timers.arm(timer, at: deadline.nanoseconds) }
        defer {
            unsafe core.pointee.timers.disarm(timer)
            if unsafe scope.pointee.isExpired { unsafe record.pointee.expired -= 1 }
            unsafe record.pointee.scope = scope.pointee.outer
        }
        return try unsafe body(scope)
    }
}

/// Runs `body`, which gets at most `limit`; nil where that was over before it returned. Throws what `body` throws, and the
/// interruption of an outer timeout or a kill. Costs what the other `withTimeout` does.
public func withTimeout<Success>(orNilAfter limit: Duration, _ body: (Timeout) throws -> Success) throws -> Success? {
    try unsafe withScope(until: Hub.current.loop.now() + limit) { scope in
        // The identity tells this call's own end from a `TimedOut` that the body throws by itself.
        let identity = unsafe scope.pointee.identity
        do {
            return try body(identity)
        } catch Interruption.timedOut(identity) {
            return nil
        }
    }
}

/// As the other `withTimeout(orNilAfter:)`, for a body that need not tell its own timeout from others.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
public func withTimeout<Success>(orNilAfter limit: Duration, _ body: () throws -> Success) throws -> Success? {
    try withTimeout(orNilAfter: limit) { _ in try body() }
}

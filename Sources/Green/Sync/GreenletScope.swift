/// Greenlets that end before the scope is left in which they were started: see `withGreenlets`. Costs what a ``Group`` does.
@safe public final class GreenletScope {
    private let group: Group
    /// The waits of who runs the scope; nil once it is left.
    private var own: UnsafeMutablePointer<TimeoutScope>?
    /// Whether all of it is to end.
    private var isEnding = false
    /// Why the scope ends before its time.
    fileprivate private(set) var failure: (any Error)?

    fileprivate init(_ own: UnsafeMutablePointer<TimeoutScope>) {
        unsafe self.own = own
        group = Group()
    }

    /// How many of its greenlets have not ended.
    public var count: Int { group.count }

    /// Starts a greenlet of the scope: by who runs it, or by greenlets in it. What one throws ends the others and the scope,
    /// which throws it then; one that is killed ends alone. Does not wait.
    @discardableResult
    public func spawn<Success>(
        name: String? = nil, file: StaticString = #fileID, line: UInt = #line, _ body: @escaping () throws -> Success
    ) -> Greenlet<Success> {
        require(unsafe own != nil, "a greenlet is spawned in a scope that was left")
        let greenlet = group.hub.spawn(name: name, file: file, line: line, body)
        if let failure = greenlet.failureToBegin {
            fail(failure)
        } else {
            greenlet.link { [unowned greenlet] in self.ended(greenlet) }
            group.add(greenlet)
            // One that is started while the others clean up has nothing to do any more.
            if isEnding { greenlet.kill() }
        }
        return greenlet
    }

    /// Ends all of its greenlets; the scope itself goes on, and may start others.
    public func killAll() {
        group.kill()
    }

    private func ended(_ greenlet: AnyGreenlet) {
        guard let failure = greenlet.failure, !(failure is Interruption) else { return }
        unsafe greenlet.isObserved = true
        fail(failure)
    }

    private func fail(_ error: any Error) {
        guard failure == nil, let own = unsafe own else { return }
        failure = error
        isEnding = true
        group.kill()
        unsafe TimeoutScope.expireNow(own)
    }

    /// Waits for all; throws the interruption of that wait.
    fileprivate func join() throws(Interruption) {
        try group.join()
    }

    /// Ends all and waits for that, whatever interrupts.
    fileprivate func windUp() {
        isEnding = true
        group.kill()
        group.hub.withoutInterruptions { () throws(Interruption) in
            try group.join()
            return true
        }
    }

    /// Is of no use any more.
    fileprivate func close() {
        unsafe own = nil
    }
}

/// Runs `body`, and leaves when all greenlets that it started in its scope have ended: none outlives it.
///
/// ```swift
/// let pages = try withGreenlets { scope in
///     let first = scope.spawn { try fetch(one) }
///     let second = scope.spawn { try fetch(two) }
///     return [try first.get(), try second.get()]
/// }
/// ```
///
/// Where one of them throws, or `body` does, the others are killed and waited for, and the first error is thrown. Where the
/// wait is interrupted, by a kill or an outer timeout, they are killed and waited for too.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
public func withGreenlets<Success>(_ body: (GreenletScope) throws -> Success) throws -> Success {
    try unsafe withScope(until: .never) { own in
        let scope = unsafe GreenletScope(own)
        defer { scope.close() }
        do {
            let result = try body(scope)
            try scope.join()
            if let failure = scope.failure { throw failure }
            return result
        } catch {
            scope.windUp()
            // The first error counts: where it interrupted the body, that says nothing more.
            throw scope.failure ?? error
        }
    }
}

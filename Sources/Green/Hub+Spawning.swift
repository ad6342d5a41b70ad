extension Hub {
    /// Starts a greenlet that does `body` when its turn comes.
    ///
    /// Its result or error reaches whoever calls `get`; an error that nobody asks for goes to `options.report`.
    /// Where no greenlet can be had (see `GreenletLimit`), the handle that comes back has already failed with it.
    @inlinable
    @discardableResult
    public func spawn<Success>(name: String? = nil, _ body: @escaping () throws -> Success) -> Greenlet<Success> {
        let greenlet = Greenlet(hub: self, name: name, body)
        launch(greenlet)
        return greenlet
    }

    /// Starts a greenlet when `delay` has passed. Until then it costs a record and the first page of its stack, and can
    /// be killed without having run.
    @inlinable
    @discardableResult
    public func spawn<Success>(
        after delay: Duration, name: String? = nil, _ body: @escaping () throws -> Success
    ) -> Greenlet<Success> {
        let greenlet = Greenlet(hub: self, name: name, body)
        launch(greenlet, after: delay)
        return greenlet
    }

    /// Starts a greenlet that does what `runnable` does; its state lives in the runnable.
    @discardableResult
    public func spawn<Work: Runnable>(_ runnable: Work) -> Greenlet<Work.Success> {
        spawn(name: runnable.name) { try runnable.run() }
    }

    /// Gives a greenlet a stack and makes it ready; one for which there is no stack has failed.
    @usableFromInline
    func launch(_ greenlet: AnyGreenlet) {
        guard let record = unsafe prepare(greenlet) else { return }
        unsafe core.pointee.ready.append(record)
    }

    /// Gives a greenlet a stack and has it wait for its start.
    @usableFromInline
    func launch(_ greenlet: AnyGreenlet, after delay: Duration) {
        guard let record = unsafe prepare(greenlet) else { return }
        unsafe record.pointee.state = .waiting
        unsafe record.pointee.waitsFor = "its start"
        let timer = unsafe record.timer
        unsafe timer.pointee.record = record
        unsafe core.pointee.timers.arm(timer, at: loop.now().advanced(by: delay).nanoseconds)
    }

    private func prepare(_ greenlet: AnyGreenlet) -> RecordPointer? {
        let subject = unsafe Unmanaged<AnyGreenlet>.passRetained(greenlet)
        do {
            let record = unsafe try prepare(AnyGreenlet.entry, subject: subject.toOpaque(), slot: 0)
            unsafe record.pointee.handle = Unmanaged.passUnretained(greenlet)
            unsafe greenlet.record = record
            return unsafe record
        } catch {
            unsafe subject.release()
            greenlet.fail(error)
            return nil
        }
    }
}

/// Work with state of its own, for a greenlet: what a subclass with its own `run` is elsewhere.
public protocol Runnable {
    /// What comes of it.
    associatedtype Success
    /// The greenlet's name; nil for a number.
    var name: String? { get }
    /// Does the work; may wait.
    func run() throws -> Success
}

extension Runnable {
    /// No name.
    public var name: String? { nil }
}

/// Starts a greenlet on the running hub; see `Hub.spawn`.
@inlinable
@discardableResult
public func spawn<Success>(name: String? = nil, _ body: @escaping () throws -> Success) -> Greenlet<Success> {
    Hub.current.spawn(name: name, body)
}

/// Starts a greenlet on the running hub when `delay` has passed; see `Hub.spawn`.
@inlinable
@discardableResult
public func spawn<Success>(
    after delay: Duration, name: String? = nil, _ body: @escaping () throws -> Success
) -> Greenlet<Success> {
    Hub.current.spawn(after: delay, name: name, body)
}

/// Waits that long while others run. Zero only lets the others have their turn.
public func sleep(_ duration: Duration) throws(Interruption) {
    let hub = Hub.current
    if duration <= .zero { return try hub.yield() }
    try hub.sleep(until: hub.loop.now().advanced(by: duration))
}

/// Lets all others that are ready run first.
public func yield() throws(Interruption) {
    try Hub.current.yield()
}

/// Runs `body` with kills of this greenlet kept for later, for clean-up that must wait.
public func shield<Success>(_ body: () throws -> Success) rethrows -> Success {
    guard let record = unsafe Hub.current.core.pointee.current else { return try body() }
    unsafe record.pointee.shields += 1
    defer { unsafe record.pointee.shields -= 1 }
    return try body()
}

extension Hub {
    /// Starts a greenlet that does `body` when its turn comes. Costs two allocations, what the closure captures and the
    /// handle, and a stack: a warm one of an earlier greenlet, else a page of memory and a system call. Does not wait.
    ///
    /// Its result or error reaches whoever calls `get`; an error that nobody asks for goes to `options.report`.
    /// Where no greenlet can be had (see `GreenletLimit`), the handle that comes back has already failed with it.
    @inlinable
    @discardableResult
    public func spawn<Success>(
        name: String? = nil, file: StaticString = #fileID, line: UInt = #line,
        _ body: consuming @escaping () throws -> Success
    ) -> Greenlet<Success> {
        let greenlet = Greenlet(name: name, at: SpawnPoint(file: file, line: line), body)
        greenlet.launch(on: self)
        return greenlet
    }

    /// Starts a greenlet when `delay` has passed. Until then it costs a record and the first page of its stack, and can
    /// be killed without having run.
    @inlinable
    @discardableResult
    public func spawn<Success>(
        after delay: Duration, name: String? = nil, file: StaticString = #fileID, line: UInt = #line,
        _ body: consuming @escaping () throws -> Success
    ) -> Greenlet<Success> {
        let greenlet = Greenlet(name: name, at: SpawnPoint(file: file, line: line), body)
        greenlet.launch(on: self, after: delay)
        return greenlet
    }

    /// Starts a greenlet that does what `runnable` does; its state lives in the runnable.
    @discardableResult
    public func spawn<Work: Runnable>(
        _ runnable: Work, file: StaticString = #fileID, line: UInt = #line
    ) -> Greenlet<Work.Success> {
        spawn(name: runnable.name, file: file, line: line) { try runnable.run() }
    }
}

extension AnyGreenlet {
    /// Gives it a stack of the running hub and makes it ready; without a stack to be had it has failed.
    @usableFromInline
    final func launch() {
        unsafe launch(on: CorePointer.current)
    }

    /// Gives it a stack and makes it ready; without a stack to be had it has failed.
    @usableFromInline
    final func launch(on hub: Hub) {
        unsafe hub.core.checkThread("a hub")
        unsafe launch(on: hub.core)
    }

    /// Why it could not begin, for who has just started it and tells others; nil where it has begun or will.
    final var failureToBegin: (any Error)? {
        guard isDone else { return nil }
        unsafe isObserved = true
        return failure
    }

    /// Gives it a stack and has it wait for its start.
    @usableFromInline
    final func launch(on hub: Hub, after delay: Duration) {
        let core = unsafe hub.core
        unsafe core.checkThread("a hub")
        guard let record = unsafe prepare(on: core) else { return }
        unsafe record.pointee.state = .waiting
        unsafe record.pointee.waitsFor = "its start"
        let timer = unsafe record.timer
        unsafe timer.pointee.record = record
        unsafe core.pointee.timers.arm(timer, at: hub.loop.now().advanced(by: delay).nanoseconds)
    }

    private final func launch(on core: CorePointer) {
        guard let record = unsafe prepare(on: core) else { return }
        unsafe core.pointee.ready.append(record)
    }

    private final func prepare(on core: CorePointer) -> RecordPointer? {
        let subject = unsafe Unmanaged<AnyGreenlet>.passRetained(self)
        do {
            try unsafe core.pointee.keepReserve(for: core)
            let record = unsafe try core.prepare(AnyGreenlet.entry, subject: subject.toOpaque(), slot: 0)
            unsafe record.pointee.handle = Unmanaged.passUnretained(self)
            unsafe self.record = record
            if let spawner = unsafe core.pointee.current { unsafe self.spawner = spawner.pointee.number }
            return unsafe record
        } catch {
            unsafe subject.release()
            unsafe fail(error, on: core)
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

/// Starts a greenlet on the running hub; does and costs what `Hub.spawn` does.
@inlinable
@discardableResult
public func spawn<Success>(
    name: String? = nil, file: StaticString = #fileID, line: UInt = #line,
    _ body: consuming @escaping () throws -> Success
) -> Greenlet<Success> {
    let greenlet = Greenlet(name: name, at: SpawnPoint(file: file, line: line), body)
    greenlet.launch()
    return greenlet
}

/// Starts a greenlet on the running hub when `delay` has passed; does and costs what `Hub.spawn(after:)` does.
@inlinable
@discardableResult
public func spawn<Success>(
    after delay: Duration, name: String? = nil, file: StaticString = #fileID, line: UInt = #line,
    _ body: consuming @escaping () throws -> Success
) -> Greenlet<Success> {
    Hub.current.spawn(after: delay, name: name, file: file, line: line, body)
}

/// Waits that long while others run. Zero only lets the others have their turn. Costs a timer in the hub's heap, no
/// allocation and no system call of its own. Throws the interruption of the wait.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
public func sleep(_ duration: Duration) throws(Interruption) {
    if duration <= .zero { return try yield() }
    let hub = Hub.current
    try hub.sleep(until: hub.loop.now().advanced(by: duration))
}

/// Lets all others that are ready run first; events are looked for between, so that nobody is starved by who yields.
/// Costs one switch of stacks, where others are ready. Throws the interruption of the wait.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
public func yield() throws(Interruption) {
    try unsafe CorePointer.current.yield(afterEvents: false)
}

/// Waits until the hub has nothing else to do: no greenlet can go on, and no event has come. For work that is to hold nobody up,
/// a piece at a time; of several that wait one goes on in each such moment. While others are always ready it waits for ever, or
/// until `deadline`: false. Throws the interruption of the wait.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
@discardableResult
public func idle(until deadline: Instant = .never) throws(Interruption) -> Bool {
    let core = unsafe CorePointer.current
    return try unsafe core.wait(in: core.idlers, for: "an idle moment", until: deadline)
}

/// Runs `body` with kills of this greenlet kept for later, for clean-up that must wait. Timeouts still interrupt. Throws
/// what `body` throws; a kill that came meanwhile is thrown by the first wait after it.
public func shield<Success>(_ body: () throws -> Success) rethrows -> Success {
    guard let record = unsafe CorePointer.current.pointee.current else { return try body() }
    unsafe record.pointee.shields += 1
    defer { unsafe record.pointee.shields -= 1 }
    return try body()
}

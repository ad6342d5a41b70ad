/// What all greenlets with a handle have in common, whatever they return.
@safe public class AnyGreenlet {
    /// The hub it belongs to.
    public let hub: Hub
    private let givenName: String?
    /// The record while it is alive.
    var record: RecordPointer?
    let joiners: UnsafeMutablePointer<WaitList>
    var observed = false
    private var links = LinkList()

    fileprivate init(hub: Hub, name: String?) {
        self.hub = hub
        self.givenName = name
        unsafe joiners = .allocate(capacity: 1)
        unsafe joiners.initialize(to: WaitList())
    }

    deinit {
        unsafe joiners.deallocate()
    }

    /// Its name: the one it was given, else a number.
    public var name: String {
        if let givenName { return givenName }
        guard let record = unsafe record else { return "greenlet" }
        return unsafe "greenlet-\(record.pointee.number)"
    }

    /// Whether it has ended, with a result or an error.
    public var isDone: Bool { false }

    /// Ends it: its present wait and each later one throws `Interruption.killed`. Returns at once; `join` tells when
    /// it has cleaned up. A greenlet that had not begun ends without running.
    public func kill() {
        if let record = unsafe record { unsafe hub.kill(record) }
    }

    /// Waits until it has ended (true) or `limit` has passed (false). Does not throw its error: `get` does.
    @discardableResult
    public func join(limit: Duration? = nil) throws(Interruption) -> Bool {
        let deadline = limit.map { hub.loop.now().advanced(by: $0) } ?? .never
        while !isDone {
            guard try unsafe hub.wait(in: joiners, for: "join", until: deadline) else { return isDone }
        }
        return true
    }

    /// Does the work, on its own stack.
    fileprivate func run() {}

    /// Wakes who joins, and calls who is linked.
    fileprivate func announceEnd() {
        unsafe hub.core.pointee.wakeAll(joiners)
        if !links.isEmpty { links.fire() }
    }

    /// The entry of every greenlet with a handle.
    static let entry: GreenletEntry = { subject, _ in
        let greenlet = unsafe Unmanaged<AnyGreenlet>.fromOpaque(subject!).takeRetainedValue()
        greenlet.run()
        unsafe greenlet.record = nil
        greenlet.announceEnd()
    }
}

extension AnyGreenlet: Waitable {
    /// Whether it has ended.
    public var isReady: Bool { isDone }

    /// Has `call` called when it ends: on its own stack, after all else. It must not wait.
    @discardableResult
    public func link(_ call: @escaping () -> Void) -> Link { links.add(call) }
}

/// A coroutine that was spawned and can be joined: it runs on its hub's thread, until it waits or ends.
public final class Greenlet<Success>: AnyGreenlet {
    private var body: (() throws -> Success)?
    private(set) var result: Result<Success, any Error>?

    init(hub: Hub, name: String?, _ body: @escaping () throws -> Success) {
        self.body = body
        super.init(hub: hub, name: name)
    }

    deinit {
        if !observed, case .failure(let error) = result, !(error is Interruption) {
            hub.options.report(name, error)
        }
    }

    public override var isDone: Bool { result != nil }

    /// The error that ended it, if one did.
    public var failure: (any Error)? {
        if case .failure(let error) = result { return error }
        return nil
    }

    /// Its result; nil while it has not ended, and where an error ended it.
    public var value: Success? { try? result?.get() }

    /// Whether it has ended with a result.
    public var isSuccessful: Bool {
        if case .success = result { return true }
        return false
    }

    /// Waits until it has ended and gives its result; throws its error, or the interruption of this wait.
    public func get() throws -> Success {
        try join()
        observed = true
        return try result!.get()
    }

    /// What came of it, for somebody who asks in another way than by `get`. It has ended.
    func takeResult() -> Result<Success, any Error> {
        observed = true
        return result!
    }

    fileprivate override func run() {
        guard let work = body else { return }
        body = nil
        do {
            // Only one that was to start later has its timer armed, and only where a kill came first.
            unsafe hub.core.pointee.timers.disarm(record!.timer)
            if unsafe record!.pointee.isKilled { throw Interruption.killed }
            result = .success(try work())
        } catch {
            result = .failure(error)
        }
    }
}

extension Hub {
    /// Starts a greenlet that does `body` when its turn comes.
    ///
    /// Its result or error reaches whoever calls `get`; an error that nobody asks for goes to `options.report`.
    /// Where no greenlet can be had (see `GreenletLimit`), the handle that comes back has already failed with it.
    @discardableResult
    public func spawn<Success>(name: String? = nil, _ body: @escaping () throws -> Success) -> Greenlet<Success> {
        let greenlet = Greenlet(hub: self, name: name, body)
        unsafe launch(greenlet) { record in unsafe core.pointee.ready.append(record) }
        return greenlet
    }

    /// Starts a greenlet when `delay` has passed. Until then it costs a record and the first page of its stack, and can
    /// be killed without having run.
    @discardableResult
    public func spawn<Success>(
        after delay: Duration, name: String? = nil, _ body: @escaping () throws -> Success
    ) -> Greenlet<Success> {
        let greenlet = Greenlet(hub: self, name: name, body)
        unsafe launch(greenlet) { record in
            unsafe record.pointee.state = .waiting
            unsafe record.pointee.waitsFor = "its start"
            let timer = unsafe record.timer
            unsafe timer.pointee.record = record
            unsafe core.pointee.timers.arm(timer, at: loop.now().advanced(by: delay).nanoseconds)
        }
        return greenlet
    }

    /// Starts a greenlet that does what `runnable` does; its state lives in the runnable.
    @discardableResult
    public func spawn<Work: Runnable>(_ runnable: Work) -> Greenlet<Work.Success> {
        spawn(name: runnable.name) { try runnable.run() }
    }

    /// Gives a greenlet a stack and hands its record to `begin`; one for which there is none has failed.
    @inline(__always)
    private func launch<Success>(_ greenlet: Greenlet<Success>, _ begin: (RecordPointer) -> Void) {
        let subject = unsafe Unmanaged<AnyGreenlet>.passRetained(greenlet)
        do {
            let record = unsafe try prepare(AnyGreenlet.entry, subject: subject.toOpaque(), slot: 0)
            unsafe record.pointee.handle = Unmanaged.passUnretained(greenlet)
            unsafe greenlet.record = record
            unsafe begin(record)
        } catch {
            unsafe subject.release()
            greenlet.fail(error)
        }
    }
}

extension Greenlet {
    /// Ends a greenlet that never began.
    fileprivate func fail(_ error: GreenletLimit) {
        body = nil
        result = .failure(error)
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
@discardableResult
public func spawn<Success>(name: String? = nil, _ body: @escaping () throws -> Success) -> Greenlet<Success> {
    Hub.current.spawn(name: name, body)
}

/// Starts a greenlet on the running hub when `delay` has passed; see `Hub.spawn`.
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

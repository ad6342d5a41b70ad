/// What all greenlets with a handle have in common, whatever they return.
@safe public class AnyGreenlet {
    /// The hub it belongs to.
    public let hub: Hub
    private let givenName: String?
    /// The record while it is alive.
    var record: RecordPointer?
    let joiners: UnsafeMutablePointer<WaitList>
    fileprivate(set) var observed = false

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

    /// The entry of every greenlet with a handle.
    static let entry: GreenletEntry = { subject, _ in
        let greenlet = unsafe Unmanaged<AnyGreenlet>.fromOpaque(subject!).takeRetainedValue()
        greenlet.run()
        unsafe greenlet.record = nil
        unsafe greenlet.hub.core.pointee.wakeAll(greenlet.joiners)
    }
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

    /// Waits until it has ended and gives its result; throws its error, or the interruption of this wait.
    public func get() throws -> Success {
        try join()
        observed = true
        return try result!.get()
    }

    fileprivate override func run() {
        guard let work = body else { return }
        body = nil
        do {
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
        let subject = unsafe Unmanaged<AnyGreenlet>.passRetained(greenlet)
        do {
            let record = unsafe try prepare(AnyGreenlet.entry, subject: subject.toOpaque(), slot: 0)
            unsafe record.pointee.handle = Unmanaged.passUnretained(greenlet)
            unsafe greenlet.record = record
            unsafe core.pointee.ready.append(record)
        } catch {
            unsafe subject.release()
            greenlet.fail(error)
        }
        return greenlet
    }
}

extension Greenlet {
    /// Ends a greenlet that never began.
    fileprivate func fail(_ error: GreenletLimit) {
        body = nil
        result = .failure(error)
    }
}

/// Starts a greenlet on the running hub; see `Hub.spawn`.
@discardableResult
public func spawn<Success>(name: String? = nil, _ body: @escaping () throws -> Success) -> Greenlet<Success> {
    Hub.current.spawn(name: name, body)
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

/// What all greenlets with a handle have in common, whatever they return.
@safe public class AnyGreenlet {
    /// The hub it belongs to.
    public let hub: Hub
    private let givenName: String?
    // SAFETY: of the unchecked properties: each access is over before anything else can run, so that there is nothing for
    // the exclusivity checks to find; they would take a fifth of the cost of a greenlet.
    /// The record while it is alive.
    @exclusivity(unchecked) final var record: RecordPointer?
    /// Who waits for its end; made when somebody first does.
    @exclusivity(unchecked) private var joiners: WaitPlace?
    @exclusivity(unchecked) private var links = LinkList()
    /// The work: does it, and keeps its result in the greenlet that it is handed.
    @exclusivity(unchecked) private var work: ((AnyGreenlet) -> Void)?
    /// The error that ended it, if one did.
    public final var failure: (any Error)? { unsafe error }
    @exclusivity(unchecked) @usableFromInline final var error: (any Error)?
    /// Whether it has ended, with a result or an error.
    public final var isDone: Bool { unsafe ended }
    @exclusivity(unchecked) private var ended = false
    /// Whether somebody asked for its error.
    @exclusivity(unchecked) final var observed = false

    @usableFromInline init(hub: Hub, name: String?, work: @escaping (AnyGreenlet) -> Void) {
        self.hub = hub
        self.givenName = name
        unsafe self.work = work
    }

    deinit {
        if unsafe !observed, let error = unsafe error, !(error is Interruption) { hub.options.report(name, error) }
    }

    /// Its name: the one it was given, else a number.
    public final var name: String {
        if let givenName { return givenName }
        guard let record = unsafe record else { return "greenlet" }
        return unsafe "greenlet-\(record.pointee.number)"
    }

    /// Ends it: its present wait and each later one throws `Interruption.killed`. Returns at once; `join` tells when
    /// it has cleaned up. A greenlet that had not begun ends without running.
    public final func kill() {
        if let record = unsafe record { unsafe hub.kill(record) }
    }

    /// Waits until it has ended (true) or `limit` has passed (false). Does not throw its error: `get` does.
    @discardableResult
    public final func join(limit: Duration? = nil) throws(Interruption) -> Bool {
        if isDone { return true }
        let deadline = limit.map { hub.loop.now().advanced(by: $0) } ?? .never
        let place = unsafe joiners ?? WaitPlace(hub: hub)
        unsafe joiners = place
        while !isDone {
            guard try place.wait(for: "join", until: deadline) else { return isDone }
        }
        return true
    }

    /// The entry of every greenlet with a handle.
    static let entry: GreenletEntry = { subject, _ in
        let greenlet = unsafe Unmanaged<AnyGreenlet>.fromOpaque(subject!).takeRetainedValue()
        greenlet.run()
    }

    /// Does the work, on its own stack.
    private final func run() {
        // Only one that was to start later has its timer armed, and only where a kill came first.
        unsafe hub.core.pointee.timers.disarm(record!.timer)
        if unsafe record!.pointee.isKilled {
            unsafe error = Interruption.killed
        } else {
            unsafe work?(self)
        }
        finish()
    }

    /// Ends one that never began.
    final func fail(_ error: any Error) {
        unsafe self.error = error
        finish()
    }

    /// Wakes who joins, and calls who is linked.
    private final func finish() {
        unsafe work = nil
        unsafe ended = true
        unsafe record = nil
        unsafe joiners?.wakeAll()
        if unsafe !links.isEmpty { unsafe links.fire() }
    }
}

extension AnyGreenlet: Waitable {
    /// Whether it has ended.
    public final var isReady: Bool { isDone }

    /// Has `call` called when it ends: on its own stack, after all else. It must not wait.
    @discardableResult
    public final func link(_ call: @escaping () -> Void) -> Link { unsafe links.add(call) }
}

/// A coroutine that was spawned and can be joined: it runs on its hub's thread, until it waits or ends.
public final class Greenlet<Success>: AnyGreenlet {
    /// What the work returned.
    @exclusivity(unchecked) @usableFromInline var kept: Success?

    /// A greenlet that does `body`, not started yet.
    @inlinable
    init(hub: Hub, name: String?, _ body: @escaping () throws -> Success) {
        // Written out here, so that who spawns has it compiled for the result's own type.
        super.init(hub: hub, name: name) { greenlet in
            unsafe unsafeDowncast(greenlet, to: Greenlet<Success>.self).keep(body)
        }
    }

    /// Does the work and keeps what comes of it.
    @inlinable
    func keep(_ body: () throws -> Success) {
        do {
            unsafe kept = try body()
        } catch {
            unsafe self.error = error
        }
    }

    /// Its result; nil while it has not ended, and where an error ended it.
    public var value: Success? { unsafe kept }

    /// Whether it has ended with a result.
    public var isSuccessful: Bool { unsafe isDone && error == nil }

    /// Waits until it has ended and gives its result; throws its error, or the interruption of this wait.
    public func get() throws -> Success {
        try join()
        return try takeResult().get()
    }

    /// What came of it, for somebody who asks in another way than by `get`. It has ended.
    func takeResult() -> Result<Success, any Error> {
        unsafe observed = true
        if let error = unsafe error { return .failure(error) }
        return unsafe .success(kept!)
    }
}

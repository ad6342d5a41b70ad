internal import CGreen

/// What all greenlets with a handle have in common, whatever they return.
@safe public class AnyGreenlet {
    private let givenName: String?
    /// Where in the program it was spawned.
    public final let spawnPoint: SpawnPoint
    /// The number of the greenlet that spawned it; 0 where none did.
    @exclusivity(unchecked) final var spawner: UInt64 = 0
    /// Does the work and keeps what comes of it. Captures nothing, so that it costs nothing to make.
    private let work: (AnyGreenlet) -> Void
    // SAFETY: of the unchecked properties: each access is over before anything else can run, so that there is nothing for
    // the exclusivity checks to find; they would take a fifth of the cost of a greenlet.
    /// The record while it is alive; nil when it has ended.
    @exclusivity(unchecked) final var record: RecordPointer?
    @exclusivity(unchecked) private var links = LinkList()
    /// The error that ended it, if one did.
    public final var failure: (any Error)? { unsafe error }
    @exclusivity(unchecked) @usableFromInline final var error: (any Error)?
    /// Whether somebody asked for its error.
    @exclusivity(unchecked) final var isObserved = false
    /// Who is told of an error that nobody asked for.
    @exclusivity(unchecked) private var report: (@Sendable (String, any Error) -> Void)?
    /// What it was killed with.
    @exclusivity(unchecked) private var reason: (any Error)?

    @usableFromInline init(name: String?, at point: SpawnPoint, work: @escaping (AnyGreenlet) -> Void) {
        self.givenName = name
        self.spawnPoint = point
        self.work = work
    }

    deinit {
        if unsafe !isObserved, let error = unsafe error { unsafe report?(nameInReports, error) }
    }

    /// The running greenlet; nil outside of any, and in one that was started without a handle (`Hub.start`).
    public static var current: AnyGreenlet? {
        guard unsafe green_current_hub() != nil else { return nil }
        return unsafe CorePointer.current.pointee.current?.pointee.handle?.takeUnretainedValue()
    }

    /// Whether it has ended, with a result or an error.
    public final var isDone: Bool { unsafe record == nil }

    /// Its name: the one it was given, else a number.
    public final var name: String {
        if let givenName { return givenName }
        guard let record = unsafe record else { return "greenlet" }
        return unsafe "greenlet-\(record.pointee.number)"
    }

    /// Ends it: its present wait and each later one throws `Interruption.killed`. Returns at once; `join` tells when
    /// it has cleaned up. A greenlet that had not begun ends without running.
    public final func kill() {
        guard let record = unsafe record else { return }
        let core = unsafe record.pointee.core
        unsafe core.checkThread("a greenlet")
        unsafe core.kill(record)
    }

    /// Ends it as `kill` does, and says why: who waits for it by `get` has that error thrown, and it can ask for it by
    /// `killReason` while it cleans up. The first reason counts.
    public final func kill(with reason: any Error) {
        guard !isDone else { return }
        if unsafe self.reason == nil { unsafe self.reason = reason }
        kill()
    }

    /// What it was killed with; nil where it was not, or without a reason.
    public final var killReason: (any Error)? { unsafe reason }

    /// Waits until it has ended. Does not throw its error: `get` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    @discardableResult
    public final func join() throws(Interruption) -> Bool {
        try join(until: .never)
    }

    /// Waits until it has ended (true) or `limit` has passed (false). Does not throw its error: `get` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public final func join(limit: Duration) throws(Interruption) -> Bool {
        try join(until: Hub.current.loop.now().advanced(by: limit))
    }

    /// Waits until it has ended (true) or `deadline` passes (false). Does not throw its error: `get` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public final func join(until deadline: Instant) throws(Interruption) -> Bool {
        guard let record = unsafe record else { return true }
        if unsafe record.pointee.core.pointee.current == record { halt("a greenlet waits for its own end") }
        // Nobody is woken before its end, and then the record may be another's already.
        _ = try unsafe record.pointee.core.wait(in: record.joiners, for: "join", until: deadline)
        return isDone
    }

    /// The entry of every greenlet with a handle.
    static let entry: GreenletEntry = { subject, _ in
        unsafe Unmanaged<AnyGreenlet>.fromOpaque(subject!).takeRetainedValue().run()
    }

    /// Does the work, on its own stack.
    private final func run() {
        let record = unsafe record!
        let core = unsafe record.pointee.core
        // Only one that was to start later has its timer armed, and only where a kill came first.
        if unsafe record.pointee.timer.isArmed { unsafe core.pointee.timers.disarm(record.timer) }
        if unsafe record.pointee.isKilled {
            abandon()
            unsafe error = Interruption.killed
        } else {
            work(self)
        }
        if unsafe error != nil { unsafe judge(record, core) }
        unsafe finish(on: core)
        unsafe core.pointee.wakeAll(record.joiners)
        if unsafe !links.isEmpty { unsafe links.fire() }
    }

    /// Tells of its error at once where nobody waits for its end, whether its handle is kept or not.
    private final func judge(_ record: RecordPointer, _ core: CorePointer) {
        if let reason = unsafe reason, case .killed? = unsafe error as? Interruption { unsafe error = reason }
        guard unsafe !isObserved, unsafe record.pointee.joiners.isEmpty, unsafe links.isEmpty, let error = unsafe error,
            !(error is Interruption)
        else { return }
        unsafe isObserved = true
        // Who ends a greenlet and closes its socket wakes it with either, where the socket had just woken it.
        if unsafe record.pointee.isKilled, case .closed? = error as? SocketError { return }
        let hub = unsafe core.pointee.hub.takeUnretainedValue()
        hub.options.report(nameInReports, error)
    }

    /// Its name, and where it was spawned.
    final var nameInReports: String { "\(name) (spawned at \(spawnPoint))" }

    /// Ends one that never began.
    final func fail(_ error: any Error, on core: CorePointer) {
        abandon()
        unsafe self.error = error
        unsafe finish(on: core)
    }

    /// Lets go of work that will not be done.
    func abandon() {}

    /// Lets go of all that only a greenlet that is alive needs.
    private final func finish(on core: CorePointer) {
        // Who looks at the hub's greenlets must not find it while it is being freed.
        unsafe record?.pointee.handle = nil
        unsafe record = nil
        if let error = unsafe error, !(error is Interruption) {
            unsafe report = core.pointee.hub._withUnsafeGuaranteedRef { $0.options.report }
        }
    }
}

extension AnyGreenlet: Waitable {
    /// Whether it has ended.
    public final var isReady: Bool { isDone }

    /// Has `call` called when it ends: on its own stack, after all else. It must not wait.
    @discardableResult
    public final func link(_ call: @escaping () -> Void) -> Link {
        if let record = unsafe record { unsafe record.pointee.core.checkThread("a greenlet") }
        return unsafe links.add(call)
    }
}

/// A coroutine that was spawned and can be joined: it runs on its hub's thread, until it waits or ends.
public final class Greenlet<Success>: AnyGreenlet {
    /// What the work returned.
    @exclusivity(unchecked) @usableFromInline var kept = ResultRoom()

    /// The work, until it is done. Kept as it comes: a closure around it would take another allocation.
    @exclusivity(unchecked) @usableFromInline var body: (() throws -> Success)?

    /// A greenlet that does `body`, not started yet.
    @inlinable
    init(name: String?, at point: SpawnPoint, _ body: @escaping () throws -> Success) {
        unsafe self.body = body
        // Written out here, so that who spawns has it compiled for the result's own type.
        super.init(name: name, at: point) { unsafe unsafeDowncast($0, to: Greenlet<Success>.self).perform() }
    }

    deinit {
        unsafe kept.empty(Success.self)
    }

    @inlinable
    func perform() {
        guard let body = unsafe body else { return }
        unsafe self.body = nil
        do {
            unsafe kept.fill(try body())
        } catch {
            unsafe self.error = error
        }
    }

    override func abandon() {
        unsafe body = nil
    }

    /// Its result; nil while it has not ended, and where an error ended it.
    public var value: Success? { unsafe isSuccessful ? kept.value(Success.self) : nil }

    /// Whether it has ended with a result.
    public var isSuccessful: Bool { unsafe isDone && error == nil }

    /// Waits until it has ended and gives its result; throws its error, or the interruption of this wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func get() throws -> Success {
        try join()
        return try takeResult().get()
    }

    /// Waits until it has ended and gives its result; nil where it has not by `deadline`. Throws its error, or the
    /// interruption of this wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func get(until deadline: Instant) throws -> Success? {
        guard try join(until: deadline) else { return nil }
        return try takeResult().get()
    }

    /// What came of it, for somebody who asks in another way than by `get`. It has ended.
    func takeResult() -> Result<Success, any Error> {
        unsafe isObserved = true
        if let error = unsafe error { return .failure(error) }
        return unsafe .success(kept.value(Success.self))
    }
}

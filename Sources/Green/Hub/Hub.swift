internal import CGreen
internal import Glibc

/// What a hub is built with.
public struct HubOptions: Sendable {
    /// Address space of each greenlet's stack in bytes; only touched pages take memory.
    public var stackSize = 256 * 1024
    /// Address space below each stack that traps when it is touched, so that an overflow ends the process instead of changing
    /// a neighbour's stack: a frame of a C function that is larger than this can leap over it. Takes no memory.
    public var guardSize = 64 * 1024
    /// How many greenlets may be alive at once. A kernel before Linux 6.13 needs two mappings for the guard of each stack,
    /// of which three quarters of `vm.max_map_count` are used, for 24,573 stacks in a process unless that is raised: beyond,
    /// a spawn fails with ``GreenletLimit``, and greenlets that are alive go on.
    public var greenletLimit = 1_000_000
    /// How many of them only `Hub.start` may have: the greenlets of a datagram server, which hardly ever wait. At most a
    /// quarter of the limit. See `Hub.isCrowded`.
    public var reservedGreenlets = 64
    /// Unused stacks that are kept warm; others go back to the system after a second.
    public var warmStacks = 64
    /// Told of each error of a greenlet that nobody joined.
    public var report: @Sendable (_ greenlet: String, _ error: any Error) -> Void = { name, error in
        var text = "green: \(name) ended with an error that nobody asked for: \(error)\n"
        text.withUTF8 { bytes in _ = unsafe write(2, bytes.baseAddress!, bytes.count) }
    }

    /// What guards with mappings of their own are taken from.
    package var mappings = MappingBudget.shared

    /// The defaults.
    public init() {}
}

/// Runs the greenlets of one thread: those that are ready, one after the other, and when none is, the loop until
/// an event makes one ready.
///
/// A hub belongs to the thread that runs it, and so does all that it made. Other threads reach it by its `mailbox`.
///
/// One turn: run what is ready, at most `resumesPerTurn` of them; send the datagrams that they left; let due
/// timers end their waits; take posted work; then look for events, waiting only when nothing is ready.
@safe public final class Hub {
    /// What the hub stands on: events, clocks, sockets.
    public let loop: any Loop
    /// How other threads reach this hub.
    public var mailbox: HubMailbox {
        unsafe hasOutsiders = true
        return ownMailbox
    }
    /// The same, for who comes back by it only what this hub has begun.
    let ownMailbox: HubMailbox
    // SAFETY: set on the hub's own thread, or before it runs.
    /// Whether somebody else may post at any time.
    @exclusivity(unchecked) private(set) var hasOutsiders = false
    /// Whether it is looked for greenlets that wait for each other: a simulated world does so by itself.
    let watchesForDeadlock: Bool
    /// What it was built with.
    public let options: HubOptions
    let core: CorePointer
    /// What other threads see of its progress.
    let pulse = HubPulse()
    /// Buffers for all datagram sockets of this hub.
    let arena: DatagramArena

    static let resumesPerTurn = 128
    static let trimInterval: UInt64 = 100_000_000

    /// A hub on `loop`, to be run by the calling thread.
    public init(loop: any Loop, options: HubOptions = HubOptions()) {
        self.loop = loop
        self.options = options
        ownMailbox = HubMailbox(waker: loop.makeWaker())
        watchesForDeadlock = loop is LibeventLoop
        self.arena = DatagramArena()
        unsafe self.core = .allocate(capacity: 1)
        unsafe core.initialize(to: HubCore(options, pulse: pulse.pointer, hub: Unmanaged.passUnretained(self)))
        loop.attach(self)
        readClocks()
    }

    /// A hub on the kernel's events, to be run by the calling thread. Ends the process where the system has no descriptors
    /// for it: `LibeventLoop.open` throws then.
    public convenience init(options: HubOptions = HubOptions()) {
        self.init(loop: LibeventLoop(), options: options)
    }

    deinit {
        // Of a hub that nobody ran.
        ownMailbox.close()
        abandonGreenlets()
        unsafe core.pointee.release()
        unsafe core.deinitialize(count: 1)
        unsafe core.deallocate()
    }

    /// The hub of the running greenlet. Trapping where there is none: waits belong into greenlets.
    public static var current: Hub {
        unsafe CorePointer.current.pointee.hub.takeUnretainedValue()
    }

    /// The time at which the present turn began: cheap, and at most a turn old.
    @inline(__always)
    public var now: Instant { unsafe core.pointee.now }

    /// Seconds since the machine started, counting sleep (CLOCK_BOOTTIME), as of the present turn.
    @inline(__always)
    public var bootSeconds: UInt32 { unsafe UInt32(truncatingIfNeeded: core.pointee.bootTime / 1_000_000_000) }

    /// How many greenlets are alive.
    public var greenletCount: Int { unsafe core.pointee.alive }

    /// Whether only the reserve of greenlets is left: a greenlet that was started at once should not begin to wait now, but
    /// turn its work away, so that others of its kind can be started.
    public var isCrowded: Bool { unsafe core.pointee.isCrowded }

    /// How many stacks this hub may expect, where the kernel allows fewer than it has memory for; nil where it does not. See
    /// `HubOptions.greenletLimit`.
    package var stackAllowance: Int? { unsafe core.pointee.stacks.allowance }

    /// How many timers are armed: of waits with a deadline, and of calls to come.
    package var timerCount: Int { unsafe core.pointee.timers.count }

    /// How many buffers of datagrams are in use, of so many that there are.
    package var datagramsInUse: Int { arena.inUse }
    package static var mostDatagrams: Int { DatagramArena.slotCount }

    /// The most greenlets that were alive at once.
    public var greenletHighWater: Int { unsafe core.pointee.highWater }

    /// Hands `job` to this hub's thread, where it runs outside of any greenlet: it must not wait, but may spawn. Costs what
    /// ``HubMailbox/post(_:)`` does.
    public func post(_ job: @escaping @Sendable () -> Void) {
        mailbox.post(job)
    }

    /// Runs `body` as a greenlet and the loop with it until it ends; then ends all other greenlets, waits for
    /// them, and hands on its result or throws its error. Blocks the calling thread, which may run no other hub.
    public func run<Success>(_ body: @escaping () throws -> Success) throws -> Success {
        require(unsafe green_current_hub() == nil, "this thread runs a hub already")
        unsafe green_set_current_hub(core)
        defer { green_set_current_hub(nil) }
        let task = unsafe green_task_locals_enter()
        defer { unsafe green_task_locals_leave(task) }
        adoptThread()
        let root = begin(body)
        while !root.isDone { turn() }
        while !hasEnded() { windUpTurn() }
        unsafe core.pointee.isRunning = false
        return try root.takeResult().get()
    }

    /// Waits until all other greenlets have ended (true) but those that wait here too, or `deadline` passes (false). Throws the
    /// interruption of the wait. Costs a look at a counter for each turn while somebody waits.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    @discardableResult
    public func join(until deadline: Instant = .never) throws(Interruption) -> Bool {
        unsafe core.pointee.quietWaiters += 1
        defer { unsafe core.pointee.quietWaiters -= 1 }
        while unsafe core.pointee.alive > core.pointee.quietWaiters {
            guard try unsafe core.wait(in: core.quiet, for: "all others to end", until: deadline) else { return false }
        }
        unsafe core.pointee.wakeAll(core.quiet)
        return true
    }

    /// Whether a stack overflow is reported as what it is: not in sanitizer builds, which report faults by themselves.
    package static var reportsOverflows: Bool { !green_sanitized() }

    /// Says that the calling thread's own stack is what runs the loop. Not from a greenlet.
    func adoptThread() {
        unsafe green_fiber_adopt_thread(core.loopFiber)
        unsafe core.pointee.isRunning = true
        green_watch_stacks()
        (loop as? LibeventLoop)?.kernel.serveMainQueue()
    }

    /// Makes `body` the root greenlet of this hub.
    func begin<Success>(_ body: @escaping () throws -> Success) -> Greenlet<Success> {
        let core = unsafe core
        let root = spawn(name: "root") {
            defer { unsafe core.pointee.isEnding = true }
            return try body()
        }
        // Whoever runs the hub gets its error.
        unsafe root.isObserved = true
        return root
    }

    /// Whether no greenlet is left and no posted work; then the mailbox takes no more.
    func hasEnded() -> Bool {
        unsafe core.pointee.alive == 0 && ownMailbox.closeIfEmpty()
    }

    /// One turn after the root greenlet's end: kills all that wait.
    func windUpTurn() {
        killAll()
        unsafe core.pointee.isEnding = false
        turn()
    }

    // MARK: - One turn of the loop

    /// One turn; see the head of the class.
    func turn() {
        runReady()
        flushDatagrams()
        if unsafe core.pointee.quietWaiters > 0 { wakeQuiet() }
        let mayWait = unsafe core.pointee.mayWait
        loop.wait(until: mayWait ? nextDeadline() : Instant(nanoseconds: 0))
        readClocks()
        fireTimers()
        if unsafe core.pointee.hasPosts { takePosts() }
        unsafe core.pointee.ready.take(&core.pointee.nextTurn)
        if unsafe !core.pointee.idlers.isEmpty { wakeIdler() }
        trimIfDue()
    }

    /// Nothing has come by a look at the events: the first that waits for such a moment goes on.
    private func wakeIdler() {
        if unsafe core.pointee.isAtRest { unsafe core.pointee.wakeFirst(core.idlers) }
    }

    private func wakeQuiet() {
        if unsafe core.pointee.alive <= core.pointee.quietWaiters { unsafe core.pointee.wakeAll(core.quiet) }
    }

    private func runReady() {
        unsafe core.pointee.resumesLeft = Self.resumesPerTurn
        while let record = unsafe core.pointee.takeNext() { unsafe core.switchFromLoop(to: record) }
        unsafe core.pointee.resumesLeft = 0
        unsafe green_pulse_end(pulse.pointer)
    }

    private func nextDeadline() -> Instant {
        var deadline = unsafe core.pointee.timers.soonest ?? idleDeadline()
        if unsafe core.pointee.warmCount > options.warmStacks {
            deadline = unsafe min(deadline, core.pointee.lastTrim + core.pointee.trimPause)
        }
        return Instant(nanoseconds: deadline)
    }

    /// The present turn sees the clocks as they are now.
    func readClocks() {
        unsafe core.pointee.now = loop.now()
        unsafe core.pointee.bootTime = loop.bootTime()
    }

    private func fireTimers() {
        let now = unsafe core.pointee.now.nanoseconds
        while let node = unsafe core.pointee.timers.popDue(at: now) {
            switch unsafe node.pointee.kind {
            case .wait: unsafe core.pointee.makeReady(node.pointee.record!, .deadline)
            case .scope: unsafe TimeoutScope.expire(node, in: core)
            case .call: unsafe HubTimer.fire(node)
            }
        }
    }

    private func takePosts() {
        unsafe core.pointee.hasPosts = false
        for job in ownMailbox.take() { job() }
    }

    private func trimIfDue() {
        let now = unsafe core.pointee.now.nanoseconds
        guard unsafe now &- core.pointee.lastTrim >= core.pointee.trimPause else { return }
        unsafe core.pointee.lastTrim = now
        // Many at once are given back in turns of half a millisecond, a tenth of the time.
        let mayBeMore = unsafe core.pointee.trimStacks(keeping: options.warmStacks, atMost: 512)
        unsafe core.pointee.trimPause = mayBeMore ? Self.trimInterval / 20 : Self.trimInterval
    }
}

/// Runs `body` as a greenlet on a hub of its own, and the calling thread with it until it ends: a program's way into Green.
///
/// ```swift
/// try green {
///     let page = spawn { try fetch("example.org") }
///     print(try page.get())
/// }
/// ```
@discardableResult
public func green<Success>(options: HubOptions = HubOptions(), _ body: @escaping () throws -> Success) throws -> Success {
    try Hub(options: options).run(body)
}

internal import CGreen

/// A hub that a simulated world runs by giving it one turn at a time.
final class SteppedHub {
    let hub: Hub
    private let loop: VirtualLoop
    private let root: Greenlet<Void>
    private let ended: ((any Error)?) -> Void
    private var hasBegun = false
    private(set) var isDone = false

    init(hub: Hub, loop: VirtualLoop, _ body: @escaping () throws -> Void, ended: @escaping ((any Error)?) -> Void) {
        self.hub = hub
        self.loop = loop
        self.ended = ended
        root = hub.begin(body)
    }

    /// Whether it runs on that host.
    func isOn(_ host: VirtualHost) -> Bool { loop.host === host }

    /// Until when it waits, where it has nothing to do.
    var deadline: UInt64 { loop.deadline }

    /// Whether it has nothing to do at that moment.
    func isIdle(at moment: UInt64) -> Bool {
        unsafe hub.core.pointee.mayWait && loop.deadline > moment && !root.isDone
    }

    /// Ends its greenlets, beginning with the root.
    func end() {
        hub.asCurrent { root.kill() }
    }

    /// One turn.
    func step() {
        unsafe green_set_current_hub(hub.core)
        // The first turn is the first time that the thread's own stack is known to be the running one.
        if !hasBegun { hub.adoptThread() }
        hasBegun = true
        // Time has passed since its last turn ended, in which it would have waited for what it is to see now.
        hub.readClocks()
        if !root.isDone {
            hub.turn()
        } else if !hub.hasEnded() {
            hub.windUpTurn()
        } else {
            unsafe hub.core.pointee.isRunning = false
            isDone = true
            ended(root.failure)
        }
    }
}

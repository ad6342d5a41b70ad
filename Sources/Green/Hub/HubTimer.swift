/// Calls a closure at a moment, on the loop's own stack: it must not wait, but may spawn or wake. Arming and disarming cost
/// a place in the hub's heap of timers, no allocation and no system call.
@safe public final class HubTimer {
    private let hub: Hub
    private let node: UnsafeMutablePointer<TimerNode>
    private let action: () -> Void

    /// A timer that is not armed yet.
    public init(hub: Hub = .current, _ action: @escaping () -> Void) {
        self.hub = hub
        self.action = action
        unsafe node = .allocate(capacity: 1)
        unsafe node.initialize(to: TimerNode(kind: .call))
        unsafe node.pointee.subject = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        unsafe hub.core.pointee.timers.disarm(node)
        unsafe node.deallocate()
    }

    /// Fires once at `deadline`, in place of what was set before.
    public func fire(at deadline: Instant) {
        cancel()
        unsafe hub.core.pointee.timers.arm(node, at: deadline.nanoseconds)
    }

    /// Fires no more.
    public func cancel() {
        unsafe hub.core.checkThread("a timer")
        unsafe hub.core.pointee.timers.disarm(node)
    }

    static func fire(_ node: UnsafeMutablePointer<TimerNode>) {
        let timer = unsafe Unmanaged<HubTimer>.fromOpaque(node.pointee.subject!).takeUnretainedValue()
        timer.action()
    }
}

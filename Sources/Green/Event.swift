/// A flag that greenlets wait for: all who wait go on when it is set, and nobody waits while it is.
@safe public final class Event {
    private let hub: Hub
    private let waiting: UnsafeMutablePointer<WaitList>
    /// Whether it is set.
    public private(set) var isSet = false
    private var links = LinkList()

    /// A cleared event.
    public init(hub: Hub = .current) {
        self.hub = hub
        unsafe waiting = .allocate(capacity: 1)
        unsafe waiting.initialize(to: WaitList())
    }

    deinit {
        unsafe waiting.deallocate()
    }

    /// Sets it and wakes all who wait, in the order they came. Does not wait.
    public func set() {
        isSet = true
        unsafe hub.core.pointee.wakeAll(waiting)
        if !links.isEmpty { links.fire() }
    }

    /// Clears it: later waits wait again.
    public func clear() {
        isSet = false
    }

    /// Waits until it is set (true) or `deadline` passes (false).
    @discardableResult
    public func wait(until deadline: Instant = .never) throws(Interruption) -> Bool {
        if isSet { return true }
        return try unsafe hub.wait(in: waiting, for: "event", until: deadline)
    }
}

extension Event: Waitable {
    /// Whether it is set.
    public var isReady: Bool { isSet }

    /// As ``Waitable`` says.
    public func link(_ call: @escaping () -> Void) -> Link { links.add(call) }
}

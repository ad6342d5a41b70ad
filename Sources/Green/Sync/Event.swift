/// A flag that greenlets wait for: all who wait go on when it is set, and nobody waits while it is.
///
/// Setting, clearing and waiting allocate nothing and make no system call; a wait that lasts costs a switch of stacks.
@safe public final class Event {
    private let place: WaitPlace
    // SAFETY: of the unchecked properties: each access is over before anything else can run.
    /// Whether it is set.
    public var isSet: Bool { unsafe flag }
    @exclusivity(unchecked) private var flag = false
    @exclusivity(unchecked) private var links = LinkList()

    /// A cleared event.
    public init(hub: Hub = .current) {
        place = WaitPlace(hub: hub, of: "an event")
    }

    /// Sets it and wakes all who wait, in the order they came. Does not wait.
    public func set() {
        place.wakeAll()
        unsafe flag = true
        if unsafe !links.isEmpty { unsafe links.fire() }
    }

    /// Clears it: later waits wait again.
    public func clear() {
        place.check()
        unsafe flag = false
    }

    /// Waits until it is set. Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    @discardableResult
    public func wait() throws(Interruption) -> Bool {
        try wait(until: .never)
    }

    /// Waits until it is set (true) or `deadline` passes (false). Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func wait(until deadline: Instant) throws(Interruption) -> Bool {
        if isSet { return true }
        return try place.wait(for: "event", until: deadline)
    }
}

extension Event: Waitable {
    /// Whether it is set.
    public var isReady: Bool { isSet }

    /// As ``Waitable`` says.
    @discardableResult
    public func link(_ call: @escaping () -> Void) -> Link { unsafe links.add(call) }
}

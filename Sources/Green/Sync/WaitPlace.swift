/// Where greenlets wait: a wait list in raw memory of its own, with the hub it belongs to. What events, queues and
/// semaphores are made of.
@usableFromInline @safe final class WaitPlace {
    private let hub: Hub
    private let core: CorePointer
    /// What it is part of, for who uses that wrongly.
    private let owner: StaticString
    private let list: UnsafeMutablePointer<WaitList>

    init(hub: Hub, of owner: StaticString) {
        self.hub = hub
        self.owner = owner
        unsafe core = hub.core
        unsafe list = .allocate(capacity: 1)
        unsafe list.initialize(to: WaitList())
    }

    deinit {
        unsafe list.deallocate()
    }

    /// Whether nobody waits here.
    var isEmpty: Bool { unsafe list.pointee.isEmpty }

    /// Traps where another thread uses what belongs to this one's hub.
    func check() {
        unsafe core.checkThread(owner)
    }

    /// Waits until woken (true) or `deadline` passes (false).
    @usableFromInline
    func wait(for what: StaticString, until deadline: Instant) throws(Interruption) -> Bool {
        try unsafe core.wait(in: list, for: what, until: deadline)
    }

    /// Wakes who came first; false when nobody waits. Who is woken runs later, when the caller has done the rest.
    @usableFromInline
    @discardableResult
    func wakeFirst() -> Bool {
        unsafe core.checkThread(owner)
        return unsafe core.pointee.wakeFirst(list)
    }

    /// Wakes all who wait. They run later, when the caller has done the rest.
    @usableFromInline
    func wakeAll() {
        unsafe core.checkThread(owner)
        unsafe core.pointee.wakeAll(list)
    }
}

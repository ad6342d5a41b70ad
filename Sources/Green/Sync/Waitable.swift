/// Something that becomes ready: greenlets that end, events that are set, results that come, queues and channels that hold
/// something, sockets that can be read (`StreamSocket.readable`), a time that is over (``Alarm``). `waitAny` and `waitAll` take any mixture.
public protocol Waitable: AnyObject {
    /// Whether waiting for it would return at once.
    var isReady: Bool { get }
    /// Has `call` called each time it becomes ready, on the hub's thread, by whoever made it so. It must not wait, but
    /// may spawn or wake. Ends when the link is let go of with `cancel`.
    @discardableResult
    func link(_ call: @escaping () -> Void) -> Link
}

/// A standing request to be called when something becomes ready.
public final class Link {
    fileprivate var call: (() -> Void)?
    /// What else is to be ended with it.
    var onCancel: (() -> Void)?

    init(_ call: @escaping () -> Void) {
        self.call = call
    }

    /// Calls who wants to be called.
    func fire() { call?() }

    /// Ends it.
    public func cancel() {
        call = nil
        onCancel?()
        onCancel = nil
    }
}

/// Who wants to be called; almost always nobody, and then it costs a comparison.
@usableFromInline struct LinkList {
    private var links: [Link]?

    @usableFromInline var isEmpty: Bool { links == nil }

    /// Adds a call.
    mutating func add(_ call: @escaping () -> Void) -> Link {
        let link = Link(call)
        links?.removeAll { $0.call == nil }
        links = links ?? []
        links?.append(link)
        return link
    }

    /// Calls all, in the order they came.
    @usableFromInline func fire() {
        guard let links else { return }
        for link in links { link.call?() }
    }
}

/// Waits until as many of `objects` as `count` says (all, without) are ready, or `deadline` passes: those that are, in
/// the order in which they became so, as far as it was seen. Throws the interruption of the wait. Costs an allocation for
/// each object that is not ready, and a look at all of them for each that becomes so.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
public func waitAll(
    _ objects: [any Waitable], count: Int? = nil, until deadline: Instant = .never, hub: Hub = .current
) throws(Interruption) -> [any Waitable] {
    let wanted = min(count ?? objects.count, objects.count)
    var ready: [any Waitable] = []
    let place = WaitPlace(hub: hub, of: "a wait")
    var pending = objects
    func collect() {
        ready += pending.filter(\.isReady)
        pending.removeAll(where: \.isReady)
    }
    collect()
    let links = ready.count >= wanted ? [] : pending.map { $0.link { place.wakeAll() } }
    defer { for link in links { link.cancel() } }
    while ready.count < wanted {
        guard try place.wait(for: "any of several", until: deadline) else { break }
        collect()
    }
    return ready
}

/// Waits until one of `objects` is ready: the first of them that is; nil when `deadline` passes before. Throws and costs
/// what `waitAll` does.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
public func waitAny(
    _ objects: [any Waitable], until deadline: Instant = .never, hub: Hub = .current
) throws(Interruption) -> (any Waitable)? {
    try waitAll(objects, count: 1, until: deadline, hub: hub).first
}

/// Goes through `objects` in the order in which they become ready. Ends early when `deadline` passes, or when the wait
/// is interrupted: the greenlet's next wait then throws that again.
public func waitEach(
    _ objects: [any Waitable], until deadline: Instant = .never, hub: Hub = .current
) -> some Sequence<any Waitable> {
    var pending = objects
    return AnySequence {
        AnyIterator {
            guard !pending.isEmpty, let next = try? waitAny(pending, until: deadline, hub: hub) else { return nil }
            pending.removeAll { $0 === next }
            return next
        }
    }
}

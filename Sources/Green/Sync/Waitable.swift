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
        // Those that were ended go when there is no room: each is looked at a few times at most.
        if let links, links.count == links.capacity { self.links?.removeAll { $0.call == nil } }
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
/// the order in which they became so, as far as it was seen. Throws the interruption of the wait. Costs an allocation or two
/// for each object that is not ready, whatever their number.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
public func waitAll(
    _ objects: [any Waitable], count: Int? = nil, until deadline: Instant = .never, hub: Hub = .current
) throws(Interruption) -> [any Waitable] {
    let wanted = min(count ?? objects.count, objects.count)
    let arrivals = Arrivals(wanted: wanted, hub: hub)
    for object in objects where object.isReady { arrivals.add(object) }
    if arrivals.isEnough { return arrivals.objects }
    let links = objects.filter { !$0.isReady }.map { object in
        // Once for each that is waited for: it is taken back where it is not ready after all.
        let arrival = Arrivals.Arrival(object)
        return object.link { arrivals.add(arrival) }
    }
    defer { for link in links { link.cancel() } }
    while !arrivals.isEnough {
        guard try arrivals.place.wait(for: "any of several", until: deadline) else { break }
        arrivals.dropVanished()
    }
    return arrivals.objects
}

/// What has become ready of what `waitAll` waits for.
private final class Arrivals {
    /// One object that was linked to.
    final class Arrival {
        let object: any Waitable
        var isListed = false

        init(_ object: any Waitable) {
            self.object = object
        }
    }

    let place: WaitPlace
    private let wanted: Int
    private var arrived: [Arrival] = []

    init(wanted: Int, hub: Hub) {
        self.wanted = wanted
        place = WaitPlace(hub: hub, of: "a wait")
    }

    /// Whether as many are ready as are waited for.
    var isEnough: Bool { arrived.count >= wanted }

    /// Those that are ready.
    var objects: [any Waitable] { arrived.map(\.object) }

    /// One that was ready from the beginning.
    func add(_ object: any Waitable) {
        arrived.append(Arrival(object))
    }

    /// One has become ready.
    func add(_ arrival: Arrival) {
        guard !arrival.isListed, arrival.object.isReady else { return }
        arrival.isListed = true
        arrived.append(arrival)
        if isEnough { place.wakeAll() }
    }

    /// Takes back those that somebody else has emptied or cleared meanwhile.
    func dropVanished() {
        arrived.removeAll { arrival in
            if arrival.object.isReady { return false }
            arrival.isListed = false
            return true
        }
    }
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
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
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

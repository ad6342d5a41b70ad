/// One of several things that `select` waits for, with what is to be done where it comes first.
public struct Selection<Success> {
    /// What is linked to.
    fileprivate let waitable: any Waitable
    /// Takes what there is and does what is to be done; nil where there is nothing after all.
    fileprivate let take: () throws -> Success?

    /// Where `waitable` is ready, `body` is called; nothing is taken.
    public static func ready(_ waitable: any Waitable, _ body: @escaping () throws -> Success) -> Selection {
        Selection(waitable: waitable) { waitable.isReady ? try body() : nil }
    }

    /// Where `queue` has something, or is closed and empty (nil), `body` is called with it.
    public static func next<Storage>(
        of queue: OrderedQueue<Storage>, _ body: @escaping (Storage.Element?) throws -> Success
    ) -> Selection {
        Selection(waitable: queue) { queue.isReady ? try body(queue.tryGet()) : nil }
    }

    /// Where somebody sends on `channel`, or it is closed (nil), `body` is called with what is sent.
    public static func next<Element>(
        of channel: Channel<Element>, _ body: @escaping (Element?) throws -> Success
    ) -> Selection {
        Selection(waitable: channel) { channel.isReady ? try body(channel.tryReceive()) : nil }
    }

    /// Where `queue`, between threads, has something, `body` is called with it; another thread may take it first.
    public static func next<Element>(
        of queue: ThreadQueue<Element>, _ body: @escaping (Element) throws -> Success
    ) -> Selection {
        Selection(waitable: queue) { try queue.tryGet().map(body) }
    }

    /// Where `limit` has passed, `body` is called.
    public static func after(_ limit: Duration, _ body: @escaping () throws -> Success) -> Selection {
        ready(Alarm(in: limit), body)
    }
}

/// Waits until one of several things can be taken, takes it, and does what goes with it: what comes of that. Where several
/// can be, the first of them; only one is taken. Nil where none could be by `deadline`.
///
/// ```swift
/// let line = try select([
///     .next(of: commands) { $0 },
///     .ready(socket.readable) { try reader.readLine() },
///     .after(.seconds(30)) { "ping" },
/// ])
/// ```
///
/// Throws what is done throws, or the interruption of the wait. Costs a link for each thing while it waits.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
public func select<Success>(
    _ selections: [Selection<Success>], until deadline: Instant = .never, hub: Hub = .current
) throws -> Success? {
    func attempt() throws -> Success? {
        for selection in selections {
            if let success = try selection.take() { return success }
        }
        return nil
    }
    if let success = try attempt() { return success }
    let place = WaitPlace(hub: hub, of: "a select")
    let links = selections.map { $0.waitable.link { place.wakeAll() } }
    defer { for link in links { link.cancel() } }
    while true {
        // What is being done may wait, and something else may come meanwhile: it is found at the next attempt.
        if let success = try attempt() { return success }
        guard try place.wait(for: "one of several", until: deadline) else { return nil }
    }
}

/// A time that is over: to be waited for beside other things. Belongs to its hub's thread.
public final class Alarm: Waitable {
    private let done: Event
    private let timer: HubTimer

    /// Rings once, when `limit` has passed.
    public init(in limit: Duration, hub: Hub = .current) {
        let done = Event(hub: hub)
        self.done = done
        timer = HubTimer(hub: hub) { done.set() }
        timer.fire(at: hub.loop.now() + limit)
    }

    /// Whether the time is over.
    public var isReady: Bool { done.isSet }

    /// As ``Waitable`` says.
    @discardableResult
    public func link(_ call: @escaping () -> Void) -> Link { done.link(call) }
}

/// A descriptor that can be read, as something to be waited for beside others. Each link costs a greenlet that waits.
public final class Readiness: Waitable {
    private let hub: Hub
    private let look: () -> Bool
    private let wait: () throws -> Void

    init(hub: Hub, look: @escaping () -> Bool, wait: @escaping () throws -> Void) {
        self.hub = hub
        self.look = look
        self.wait = wait
    }

    /// Whether a read would not wait, as far as is known.
    public var isReady: Bool { look() }

    /// As ``Waitable`` says. `call` is called once, also where the descriptor is closed.
    @discardableResult
    public func link(_ call: @escaping () -> Void) -> Link {
        let link = Link(call)
        let watcher = hub.spawn(name: "select") { [wait] in
            try? wait()
            link.fire()
        }
        if watcher.failureToBegin != nil { link.fire() }
        link.onCancel = { watcher.kill() }
        return link
    }
}

extension StreamSocket {
    /// That it can be read without waiting: bytes, the end, or an error.
    public var readable: Readiness {
        Readiness(hub: hub) {
            self.mayRead
        } wait: {
            try self.waitReadable()
        }
    }
}

extension DescriptorWatch {
    /// That it can be read without blocking.
    public var readable: Readiness {
        Readiness(hub: hub) {
            self.isReadable
        } wait: {
            _ = try self.waitReadable()
        }
    }
}

/// A queue between threads: greenlets of any hub put into it and take out of it, and wait while it is full or empty.
/// Other threads, and async code, put and take without waiting.
///
/// Costs a lock for each operation, and a post to the other hub where somebody there waits. Within one hub a `Queue` is
/// much cheaper.
public final class ThreadQueue<Element: Sendable>: Sendable {
    private struct State {
        var elements = FirstInFirstOut<Element>()
        var isClosed = false
        var getters: [CrossWaiter] = []
        var putters: [CrossWaiter] = []
        var observers: [Observer] = []
    }

    /// Who is told, on its own hub's thread, that there may be something.
    private final class Observer: @unchecked Sendable {
        // SAFETY: the link is touched on its hub's thread alone, by posted work and by who made it.
        let mailbox: HubMailbox
        let link: Link

        init(_ mailbox: HubMailbox, _ link: Link) {
            self.mailbox = mailbox
            self.link = link
        }

        func tell() {
            mailbox.post { self.link.fire() }
        }
    }

    /// What an attempt came to.
    private enum Attempt<Success> {
        case done(Success)
        case wait(CrossWaiter)
    }

    private let state: UncheckedLocked<State>
    /// How many it holds at most.
    public let limit: Int

    /// An empty queue of at most `limit` things.
    public init(limit: Int = .max) {
        require(limit > 0, "a queue that holds nothing")
        self.limit = limit
        state = UncheckedLocked(State())
    }

    /// How many things are in it at this moment.
    public var count: Int { state.withLock { $0.elements.count } }

    /// Puts `element` into it as soon as there is room. Throws as `put(_:until:)` does.
    @discardableResult
    public func put(_ element: Element) throws -> Bool {
        try put(element, until: .never)
    }

    /// Puts `element` into it as soon as there is room: false where there was none by `deadline`. Only in greenlets.
    /// Throws `QueueClosed`, or the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func put(_ element: Element, until deadline: Instant) throws -> Bool {
        try attempt(\.putters, for: "room in a queue between threads", until: deadline) { state throws(QueueClosed) in
            if state.isClosed { throw QueueClosed() }
            guard state.elements.count < self.limit else { return nil }
            state.elements.append(element)
            for observer in state.observers { observer.tell() }
            return (true, Self.popFirst(&state.getters))
        } ?? false
    }

    /// The next thing as soon as there is one: nil where there was none by `deadline`, or when the queue is closed and
    /// empty. Only in greenlets. Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func get(until deadline: Instant = .never) throws -> Element? {
        let found: Element?? = try attempt(\.getters, for: "a queue between threads", until: deadline) { state in
            guard state.elements.count > 0 else { return state.isClosed ? (nil, nil) : nil }
            let element = state.elements.removeNext()
            return (element, Self.popFirst(&state.putters))
        }
        return found ?? nil
    }

    /// Puts `element` into it if there is room now: whether it did. From any thread.
    @discardableResult
    public func tryPut(_ element: Element) -> Bool {
        let (isIn, woken) = state.withLock { state -> (Bool, CrossWaiter?) in
            guard !state.isClosed, state.elements.count < limit else { return (false, nil) }
            state.elements.append(element)
            for observer in state.observers { observer.tell() }
            return (true, Self.popFirst(&state.getters))
        }
        woken?.wake()
        return isIn
    }

    /// The next thing, if there is one now. From any thread.
    public func tryGet() -> Element? {
        let (element, woken) = state.withLock { state -> (Element?, CrossWaiter?) in
            guard state.elements.count > 0 else { return (nil, nil) }
            return (state.elements.removeNext(), Self.popFirst(&state.putters))
        }
        woken?.wake()
        return element
    }

    /// Lets nothing more in. What is there can still be taken. From any thread.
    public func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            for observer in state.observers { observer.tell() }
            defer { (state.getters, state.putters) = ([], []) }
            return state.getters + state.putters
        }
        for waiter in waiting { waiter.wake() }
    }

    /// Tries `step` until it gives something (with who is to be woken then), or `deadline` passes: nil.
    private func attempt<Success>(
        _ list: WritableKeyPath<State, [CrossWaiter]>, for what: StaticString, until deadline: Instant,
        _ step: (inout State) throws -> (Success, CrossWaiter?)?
    ) throws -> Success? {
        let hub = Hub.current
        while true {
            let attempt = try state.withLock { state -> Attempt<(Success, CrossWaiter?)> in
                if let done = try step(&state) { return .done(done) }
                let waiter = CrossWaiter(hub: hub)
                state[keyPath: list].append(waiter)
                return .wait(waiter)
            }
            switch attempt {
            case .done((let success, let woken)):
                woken?.wake()
                return success
            case .wait(let waiter):
                var isWoken = false
                defer { if !isWoken { leave(waiter, list) } }
                isWoken = try waiter.wait(for: what, until: deadline)
                guard isWoken else { return nil }
            }
        }
    }

    /// Takes a waiter out that gave up. If it had been chosen to be woken already, the next one is instead.
    private func leave(_ waiter: CrossWaiter, _ list: WritableKeyPath<State, [CrossWaiter]>) {
        let next = state.withLock { state -> CrossWaiter? in
            if let index = state[keyPath: list].firstIndex(where: { $0 === waiter }) {
                state[keyPath: list].remove(at: index)
                return nil
            }
            return Self.popFirst(&state[keyPath: list])
        }
        next?.wake()
    }

    private static func popFirst(_ list: inout [CrossWaiter]) -> CrossWaiter? {
        list.isEmpty ? nil : list.removeFirst()
    }
}

extension ThreadQueue: Waitable {
    /// Whether `get` would not wait.
    public var isReady: Bool { state.withLock { $0.elements.count > 0 || $0.isClosed } }

    /// As ``Waitable`` says; `call` is called on the thread of the running hub.
    @discardableResult
    public func link(_ call: @escaping () -> Void) -> Link {
        let link = Link(call)
        let observer = Observer(Hub.current.ownMailbox, link)
        state.withLock { $0.observers.append(observer) }
        link.onCancel = { [weak self] in
            self?.state.withLock { state in state.observers.removeAll { $0 === observer } }
        }
        return link
    }
}

/// As `Locked`, for a value that is not `Sendable` by itself, but whose parts never leave the lock by two ways.
final class UncheckedLocked<Value>: @unchecked Sendable {
    // SAFETY: `value` is touched only inside `lock`.
    private var value: Value
    private let lock = Lock()

    init(_ value: Value) {
        self.value = value
    }

    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        try lock.withLock { try body(&value) }
    }
}

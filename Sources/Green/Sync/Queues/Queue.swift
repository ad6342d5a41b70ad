/// A queue that hands on in the order things came.
public typealias Queue<Element> = OrderedQueue<FirstInFirstOut<Element>>

/// A queue that hands on what came last.
public typealias LifoQueue<Element> = OrderedQueue<LastInFirstOut<Element>>

/// A queue that hands on the smallest.
public typealias PriorityQueue<Element: Comparable> = OrderedQueue<SmallestFirst<Element>>

/// A queue is closed: nothing more can be put into it.
public struct QueueClosed: Error, Hashable, CustomStringConvertible {
    /// One line for a log.
    public var description: String { "the queue is closed" }

    /// The error.
    public init() {}
}

/// Hands things from greenlets to greenlets of one hub: `put` waits while it is full, `get` while it is empty.
///
/// ```swift
/// let queue = Queue<Int>(limit: 10)
/// spawn { for number in 1...100 { try queue.put(number) }; queue.close() }
/// for number in queue { print(number) }
/// ```
///
/// Neither allocates once the queue has grown. Who waits is served in the order they came, but a greenlet that asks
/// while something is there need not queue up behind those who were woken and have not run yet.
public final class OrderedQueue<Storage: QueueStorage>: Sequence {
    /// What it hands on.
    public typealias Element = Storage.Element

    // SAFETY: of the unchecked properties: each access is over before anything else can run.
    @exclusivity(unchecked) @usableFromInline var storage = Storage()
    /// How many it holds at most.
    public let limit: Int
    /// Whether nothing more will be put into it.
    public var isClosed: Bool { unsafe closed }
    @exclusivity(unchecked) @usableFromInline var closed = false
    @usableFromInline let getters: WaitPlace
    @usableFromInline let putters: WaitPlace
    @exclusivity(unchecked) @usableFromInline var links = LinkList()

    /// An empty queue of at most `limit` things, one at least.
    public init(limit: Int = .max, hub: Hub = .current) {
        require(limit > 0, "a queue that holds nothing is a Channel")
        self.limit = limit
        getters = WaitPlace(hub: hub, of: "a queue")
        putters = WaitPlace(hub: hub, of: "a queue")
    }

    /// A queue that begins with `elements`; `limit` is raised to their number where it is less.
    public convenience init(_ elements: some Sequence<Element>, limit: Int = .max, hub: Hub = .current) {
        let elements = Array(elements)
        self.init(limit: Swift.max(1, limit, elements.count), hub: hub)
        for element in elements { unsafe storage.append(element) }
    }

    /// How many things are in it.
    @inlinable public var count: Int { unsafe storage.count }
    /// Whether it holds nothing.
    @inlinable public var isEmpty: Bool { unsafe storage.count == 0 }
    /// Whether `put` would wait.
    @inlinable public var isFull: Bool { unsafe storage.count >= limit }

    /// Puts `element` into it as soon as there is room. Throws as `put(_:until:)` does.
    @inlinable
    @discardableResult
    public func put(_ element: Element) throws -> Bool {
        try put(element, until: .never)
    }

    /// Puts `element` into it as soon as there is room: false where there was none by `deadline`. Throws `QueueClosed`,
    /// also when it is closed meanwhile, or the interruption of the wait.
    @inlinable
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func put(_ element: Element, until deadline: Instant) throws -> Bool {
        while isFull && !isClosed {
            guard try putters.wait(for: "room in a queue", until: deadline) else { return false }
        }
        if isClosed { throw QueueClosed() }
        append(element)
        return true
    }

    /// Puts `element` into it if there is room now: whether it did. Never waits, also outside of greenlets.
    @inlinable
    @discardableResult
    public func tryPut(_ element: Element) -> Bool {
        guard !isFull, !isClosed else { return false }
        append(element)
        return true
    }

    /// The next thing, as soon as there is one: nil where there was none by `deadline`, or when the queue is closed and
    /// empty. Throws the interruption of the wait.
    @inlinable public func get(until deadline: Instant = .never) throws(Interruption) -> Element? {
        while isEmpty {
            guard !isClosed, try getters.wait(for: "a queue", until: deadline) else { return nil }
        }
        return removeNext()
    }

    /// The next thing, if there is one now. Never waits.
    @inlinable public func tryGet() -> Element? {
        isEmpty ? nil : removeNext()
    }

    /// The next thing, which stays; nil where there is none now. Never waits.
    public var peek: Element? { isEmpty ? nil : unsafe storage.next }

    /// Lets nothing more in. What is there can still be taken, unless the close is `immediate`: then it is dropped. Who
    /// waits for more gets nil, who waits for room throws.
    public func close(immediate: Bool = false) {
        getters.wakeAll()
        unsafe closed = true
        if immediate { unsafe storage = Storage() }
        putters.wakeAll()
        unsafe links.fire()
    }

    /// Goes through what comes until the queue is closed and empty. An interruption ends it too: the greenlet's next
    /// wait then throws it again.
    public func makeIterator() -> AnyIterator<Element> {
        AnyIterator { try? self.get() }
    }

    /// Calls `body` with what comes until the queue is closed and empty. Unlike a loop over the queue it throws the
    /// interruption that ends it; and what `body` throws.
    public func forEach(_ body: (Element) throws -> Void) throws {
        while let element = try get() { try body(element) }
    }

    @inlinable
    func append(_ element: Element) {
        getters.wakeFirst()
        unsafe storage.append(element)
        if unsafe !links.isEmpty { unsafe links.fire() }
    }

    @inlinable
    func removeNext() -> Element {
        putters.wakeFirst()
        return unsafe storage.removeNext()
    }
}

extension OrderedQueue: Waitable {
    /// Whether `get` would not wait.
    public var isReady: Bool { !isEmpty || isClosed }

    /// As ``Waitable`` says.
    @discardableResult
    public func link(_ call: @escaping () -> Void) -> Link { unsafe links.add(call) }
}

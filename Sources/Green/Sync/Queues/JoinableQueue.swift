/// A queue whose users say when each thing that they took is done, so that others can wait until all is. Costs what a
/// ``Queue`` does.
public final class JoinableQueue<Element> {
    private let queue: Queue<Element>
    private let done: WaitPlace
    /// Things that were put in and are not done yet.
    public private(set) var unfinished = 0

    /// An empty queue of at most `limit` things.
    public init(limit: Int = .max, hub: Hub = .current) {
        queue = Queue(limit: limit, hub: hub)
        done = WaitPlace(hub: hub, of: "a queue")
    }

    /// How many things are in it.
    public var count: Int { queue.count }

    /// As `Queue.put`.
    @discardableResult
    public func put(_ element: Element) throws -> Bool {
        try put(element, until: .never)
    }

    /// As `Queue.put`.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func put(_ element: Element, until deadline: Instant) throws -> Bool {
        // Counted first: who takes it may say that it is done before this greenlet's next turn.
        unfinished += 1
        do {
            if try queue.put(element, until: deadline) { return true }
        } catch {
            taskDone()
            throw error
        }
        taskDone()
        return false
    }

    /// As `Queue.get`.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func get(until deadline: Instant = .never) throws(Interruption) -> Element? {
        try queue.get(until: deadline)
    }

    /// Says that a thing which was taken is done.
    public func taskDone() {
        require(unfinished > 0, "taskDone was called more often than there were things in the queue")
        unfinished -= 1
        if unfinished == 0 { done.wakeAll() }
    }

    /// Waits until all that was put in is done. Throws the interruption of the wait.
    @discardableResult
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func join() throws(Interruption) -> Bool {
        try join(until: .never)
    }

    /// Waits until all that was put in is done (true) or `deadline` passes (false). Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func join(until deadline: Instant) throws(Interruption) -> Bool {
        while unfinished > 0 {
            guard try done.wait(for: "a queue to be done", until: deadline) else { return false }
        }
        return true
    }

    /// As `Queue.close`.
    public func close(immediate: Bool = false) {
        if immediate { while queue.tryGet() != nil { taskDone() } }
        queue.close()
    }
}

extension JoinableQueue: Sequence {
    /// As `Queue.makeIterator`.
    public func makeIterator() -> AnyIterator<Element> { queue.makeIterator() }
}

/// A group of at most so many greenlets: `spawn` waits while it is full.
public final class Pool: Group {
    /// How many greenlets may be alive in it.
    public let size: Int
    private let places: WaitPlace

    /// An empty pool of `size` places.
    public init(size: Int, hub: Hub = .current) {
        require(size > 0, "a pool of \(size) places")
        self.size = size
        places = WaitPlace(hub: hub, of: "a pool")
        super.init(hub: hub)
    }

    /// How many more can be started without waiting.
    public var freeCount: Int { max(0, size - count) }

    /// Waits for a place, then starts a greenlet. Throws the interruption of the wait; nothing is started then.
    @discardableResult
    public override func spawn<Success>(
        name: String? = nil, file: StaticString = #fileID, line: UInt = #line, _ body: @escaping () throws -> Success
    ) throws(Interruption) -> Greenlet<Success> {
        try waitForPlace()
        let greenlet = try super.spawn(name: name, file: file, line: line, body)
        // Without a stack it has failed already, and leaves the place to the next.
        if greenlet.isDone { places.wakeFirst() }
        return greenlet
    }

    /// Starts a greenlet if there is a place for it now; nil where there is none. Never waits.
    public func trySpawn<Success>(
        name: String? = nil, file: StaticString = #fileID, line: UInt = #line, _ body: @escaping () throws -> Success
    ) -> Greenlet<Success>? {
        guard count < size else { return nil }
        let greenlet = hub.spawn(name: name, file: file, line: line, body)
        add(greenlet)
        return greenlet
    }

    /// Waits until there is a place. Throws the interruption of the wait.
    @discardableResult
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func waitForPlace() throws(Interruption) -> Bool {
        try waitForPlace(until: .never)
    }

    /// Waits until there is a place (true) or `deadline` passes (false). Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func waitForPlace(until deadline: Instant) throws(Interruption) -> Bool {
        while count >= size {
            guard try places.wait(for: "a place in a pool", until: deadline) else { return false }
        }
        return true
    }

    override func remove(_ number: UInt64) {
        super.remove(number)
        places.wakeFirst()
    }
}

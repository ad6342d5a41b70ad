/// Greenlets that belong together: to be waited for, or ended, as one. `Pool` is one with a limit. Costs an entry in a
/// dictionary and a link for each greenlet.
public class Group {
    /// The hub of its greenlets.
    public let hub: Hub
    private var members: [UInt64: AnyGreenlet] = [:]
    private var serial: UInt64 = 0
    private let empty: WaitPlace

    /// An empty group.
    public init(hub: Hub = .current) {
        self.hub = hub
        empty = WaitPlace(hub: hub, of: "a group")
    }

    /// How many of its greenlets have not ended.
    public var count: Int { members.count }

    /// Starts a greenlet in the group. In a `Pool` it waits for a place first, and throws the interruption of that wait.
    @discardableResult
    public func spawn<Success>(
        name: String? = nil, _ body: @escaping () throws -> Success
    ) throws(Interruption) -> Greenlet<Success> {
        let greenlet = hub.spawn(name: name, body)
        add(greenlet)
        return greenlet
    }

    /// Takes in a greenlet that was started elsewhere. It counts against a pool's limit, but does not wait for a place.
    public func add(_ greenlet: AnyGreenlet) {
        empty.check()
        guard !greenlet.isDone else { return }
        serial += 1
        let number = serial
        members[number] = greenlet
        greenlet.link { [weak self] in self?.remove(number) }
    }

    /// Waits until all have ended. Throws as `join(until:)` does.
    @discardableResult
    public func join() throws(Interruption) -> Bool {
        try join(until: .never)
    }

    /// Waits until all have ended (true) or `deadline` passes (false). Their errors are for who holds them; this throws the
    /// interruption of the wait alone.
    public func join(until deadline: Instant) throws(Interruption) -> Bool {
        while !members.isEmpty {
            guard try empty.wait(for: "a group to end", until: deadline) else { return false }
        }
        return true
    }

    /// Ends all; `join` tells when they have cleaned up.
    public func kill() {
        for (_, greenlet) in members.sorted(by: { $0.key < $1.key }) { greenlet.kill() }
    }

    /// What `transform` makes of each item, each in a greenlet of the group, in the order of the items. The first error
    /// in that order is thrown, when the others of this call have been ended.
    public func map<Items: Sequence, Success>(
        _ items: Items, _ transform: @escaping (Items.Element) throws -> Success
    ) throws -> [Success] {
        var greenlets: [Greenlet<Success>] = []
        do {
            for item in items { greenlets.append(try spawn { try transform(item) }) }
            return try greenlets.map { try $0.get() }
        } catch {
            killAll(greenlets)
            shieldedJoin(greenlets)
            throw error
        }
    }

    /// What `transform` makes of each item, each in a greenlet of the group, as it comes: a queue that is closed after
    /// the last. Does not throw: what a greenlet throws is its result, and so is `GreenletLimit` where an item gets none;
    /// where there is none even to start the others, that is the only result. Who stops reading should `kill` the group.
    public func mapUnordered<Items: Sequence, Success>(
        _ items: Items, _ transform: @escaping (Items.Element) throws -> Success
    ) -> Queue<Result<Success, any Error>> {
        let results = Queue<Result<Success, any Error>>(hub: hub)
        let map = hub.spawn(name: "map") {
            defer { results.close() }
            let own = Group(hub: self.hub)
            for item in items {
                let greenlet = try self.spawn { _ = results.tryPut(Result { try transform(item) }) }
                if let failure = greenlet.failureToBegin { results.tryPut(.failure(failure)) }
                own.add(greenlet)
            }
            try own.join()
        }
        if let failure = map.failureToBegin {
            results.tryPut(.failure(failure))
            results.close()
        }
        return results
    }

    /// A greenlet has ended.
    func remove(_ number: UInt64) {
        members[number] = nil
        if members.isEmpty { empty.wakeAll() }
    }

    private func shieldedJoin(_ greenlets: [AnyGreenlet]) {
        hub.withoutInterruptions { () throws(Interruption) in
            for greenlet in greenlets { try greenlet.join() }
            return true
        }
    }
}

/// Ends all of `greenlets`; `joinAll` tells when they have cleaned up.
public func killAll(_ greenlets: [AnyGreenlet]) {
    for greenlet in greenlets { greenlet.kill() }
}

/// Waits until as many of `greenlets` as `count` says (all, without) have ended, or `limit` has passed: those that have.
/// Throws the interruption of the wait, not their errors.
@discardableResult
public func joinAll(
    _ greenlets: [AnyGreenlet], limit: Duration? = nil, count: Int? = nil
) throws(Interruption) -> [AnyGreenlet] {
    if greenlets.isEmpty { return [] }
    let hub = Hub.current
    let deadline = limit.map { hub.loop.now().advanced(by: $0) } ?? .never
    _ = try waitAll(greenlets, count: count, until: deadline, hub: hub)
    return greenlets.filter(\.isDone)
}

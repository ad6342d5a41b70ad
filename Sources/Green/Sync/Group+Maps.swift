extension Group {
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

    /// What `transform` makes of each item, each in a greenlet of the group, in the order of the items, as far ahead of who
    /// goes through it as `ahead` says. What a greenlet throws is its result. Who stops early ends those that are left.
    public func imap<Items: Sequence, Success>(
        _ items: Items, ahead: Int = 64, _ transform: @escaping (Items.Element) throws -> Success
    ) -> some Sequence<Result<Success, any Error>> {
        let greenlets = Queue<Greenlet<Success>>(limit: max(1, ahead), hub: hub)
        let feeder = hub.spawn(name: "map") {
            defer { greenlets.close() }
            for item in items {
                let greenlet = try self.spawn { try transform(item) }
                _ = greenlet.failureToBegin
                do { try greenlets.put(greenlet) } catch {
                    greenlet.kill()
                    throw error
                }
            }
        }
        return InOrder(greenlets: greenlets, feeder: feeder)
    }

    private func shieldedJoin(_ greenlets: [AnyGreenlet]) {
        hub.withoutInterruptions { () throws(Interruption) in
            for greenlet in greenlets { try greenlet.join() }
            return true
        }
    }
}

/// Results in the order of who makes them; ends them when it goes.
private final class InOrder<Success>: Sequence, IteratorProtocol {
    private let greenlets: Queue<Greenlet<Success>>
    private let feeder: Greenlet<Void>
    private var error: (any Error)?

    init(greenlets: Queue<Greenlet<Success>>, feeder: Greenlet<Void>) {
        self.greenlets = greenlets
        self.feeder = feeder
        error = feeder.failureToBegin
        if error != nil { greenlets.close() }
        unsafe feeder.isObserved = true
    }

    deinit {
        feeder.kill()
        greenlets.close()
        while let greenlet = greenlets.tryGet() { greenlet.kill() }
    }

    func next() -> Result<Success, any Error>? {
        defer { error = nil }
        if let error { return .failure(error) }
        guard let greenlet = try? greenlets.get() else { return nil }
        return Result { try greenlet.get() }
    }
}

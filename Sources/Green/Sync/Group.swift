/// Greenlets that belong together: to be waited for, or ended, as one. `Pool` is one with a limit. Costs an entry in a
/// dictionary and a link for each greenlet.
public class Group {
    /// The hub of its greenlets.
    public let hub: Hub
    private var members: [UInt64: AnyGreenlet] = [:]
    private var numbers: [ObjectIdentifier: UInt64] = [:]
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
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func spawn<Success>(
        name: String? = nil, file: StaticString = #fileID, line: UInt = #line, _ body: @escaping () throws -> Success
    ) throws(Interruption) -> Greenlet<Success> {
        let greenlet = hub.spawn(name: name, file: file, line: line, body)
        add(greenlet)
        return greenlet
    }

    /// Takes in a greenlet that was started elsewhere. It counts against a pool's limit, but does not wait for a place.
    public func add(_ greenlet: AnyGreenlet) {
        empty.check()
        guard !greenlet.isDone, numbers[ObjectIdentifier(greenlet)] == nil else { return }
        serial += 1
        let number = serial
        members[number] = greenlet
        numbers[ObjectIdentifier(greenlet)] = number
        greenlet.link { [weak self] in self?.remove(number) }
    }

    /// Lets go of a greenlet that has not ended: it goes on without the group.
    public func discard(_ greenlet: AnyGreenlet) {
        if let number = numbers[ObjectIdentifier(greenlet)] { remove(number) }
    }

    /// Starts a greenlet in the group, when there is a place for it, without waiting for that: the handle that comes back is
    /// there at once. Costs a second greenlet, which waits for the first. Killing it ends the work.
    @discardableResult
    public func applyAsync<Success>(
        name: String? = nil, file: StaticString = #fileID, line: UInt = #line, _ body: @escaping () throws -> Success
    ) -> Greenlet<Success> {
        hub.spawn(name: name, file: file, line: line) {
            let work = try self.spawn(name: name, file: file, line: line, body)
            defer { work.kill() }
            return try work.get()
        }
    }

    /// Waits until all have ended. Throws as `join(until:)` does.
    @discardableResult
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func join() throws(Interruption) -> Bool {
        try join(until: .never)
    }

    /// Waits until all have ended (true) or `deadline` passes (false). Their errors are for who holds them; this throws the
    /// interruption of the wait alone.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func join(until deadline: Instant) throws(Interruption) -> Bool {
        while !members.isEmpty {
            guard try empty.wait(for: "a group to end", until: deadline) else { return false }
        }
        return true
    }

    /// Ends all; `join` tells when they have cleaned up. Who waits for one by `get` has `reason` thrown, where there is one.
    public func kill(with reason: (any Error)? = nil) {
        for (_, greenlet) in members.sorted(by: { $0.key < $1.key }) {
            if let reason { greenlet.kill(with: reason) } else { greenlet.kill() }
        }
    }

    /// A greenlet has ended.
    func remove(_ number: UInt64) {
        guard let greenlet = members.removeValue(forKey: number) else { return }
        numbers[ObjectIdentifier(greenlet)] = nil
        if members.isEmpty { empty.wakeAll() }
    }
}

/// Ends all of `greenlets`; `joinAll` tells when they have cleaned up.
public func killAll(_ greenlets: [AnyGreenlet]) {
    for greenlet in greenlets { greenlet.kill() }
}

/// Waits until as many of `greenlets` as `count` says (all, without) have ended, or `limit` has passed: those that have.
/// Throws the interruption of the wait, not their errors.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
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

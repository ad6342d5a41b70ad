internal import CGreen

extension VirtualWorld {
    /// Runs `body` as the root greenlet of a hub on `host`, and with it the world until it ends; then ends all other
    /// hubs. Hands on its result or error; throws `Stalled` where all waited for what could never come.
    public func run<Success>(
        options: HubOptions = HubOptions(), _ body: @escaping (Hub) throws -> Success
    ) throws -> Success {
        let hub = Hub(loop: host.makeLoop(), options: options)
        defer { windUp() }
        do {
            return try hub.run { try body(hub) }
        } catch {
            throw stalled ?? error
        }
    }

    /// What the root hub's loop does while it waits: lets the world go on until that hub has work or `deadline` came.
    func drive(_ loop: VirtualLoop, until deadline: UInt64) {
        check()
        while true {
            clock += turnCost.clampedNanoseconds
            runDue()
            stepHubs()
            if deadline <= clock || !loop.isIdle { return }
            if steppedHubs.contains(where: { !$0.isIdle(at: clock) }) { continue }
            let next = min(deadline, agenda.soonest ?? .max, steppedHubs.map(\.deadline).min() ?? .max)
            if next == .max || next > 1_000_000_000 + horizon.clampedNanoseconds {
                stall(loop)
                return
            }
            clock = max(clock, next)
        }
    }

    /// Lets all of the agenda happen whose moment has come.
    private func runDue() {
        while let action = agenda.popDue(at: clock) { action() }
    }

    /// Gives each hub that has something to do a turn, beginning with any of them.
    private func stepHubs() {
        guard !steppedHubs.isEmpty else { return }
        let hubs = steppedHubs
        let offset = hubs.count == 1 ? 0 : Int(generator.next() % UInt64(hubs.count))
        for index in hubs.indices {
            let stepped = hubs[(index + offset) % hubs.count]
            if !stepped.isIdle(at: clock) { step(stepped) }
        }
        steppedHubs.removeAll(where: \.isDone)
    }

    private func step(_ stepped: SteppedHub) {
        let driver = unsafe green_current_hub()
        isStepping = true
        stepped.step()
        isStepping = false
        unsafe green_set_current_hub(driver)
    }

    /// Ends the hubs that are left, when the root hub is gone.
    private func windUp() {
        for stepped in steppedHubs { stepped.end() }
        while !steppedHubs.isEmpty {
            clock += turnCost.clampedNanoseconds
            runDue()
            stepHubs()
            guard steppedHubs.allSatisfy({ $0.isIdle(at: clock) }) else { continue }
            let next = min(agenda.soonest ?? .max, steppedHubs.map(\.deadline).min() ?? .max)
            guard next != .max else { break }
            clock = max(clock, next)
        }
    }

    /// Nothing will ever happen again: says who waits for what, and ends the root hub's greenlets.
    private func stall(_ loop: VirtualLoop) {
        let hubs = [loop.hub!] + steppedHubs.map(\.hub)
        let report = hubs.map { $0.describeGreenlets() }.joined(separator: "\n")
        stalled = Stalled(description: "all wait, and nothing is to come (seed \(seed)):\n\(report)")
        loop.hub.killAll()
    }
}

internal import CGreen

/// What one greenlet is doing at this moment, for those who look into a running hub.
public struct GreenletInfo: Sendable, CustomStringConvertible {
    /// What a greenlet can be doing.
    public enum State: String, Sendable {
        /// It can go on, when its turn comes.
        case ready
        /// It is on the processor.
        case running
        /// It waits.
        case waiting
    }

    /// Its number; hubs count theirs from 1.
    public let number: UInt64
    /// The name it was given, else one with its number.
    public let name: String
    /// What it is doing.
    public let state: State
    /// What it waits for, if it does.
    public let waitsFor: String?
    /// How long it has waited, if it does.
    public let waited: Duration?
    /// The number of the greenlet that spawned it, where one did.
    public let spawner: UInt64?
    /// Where it was spawned; nil where it was started without a handle.
    public let spawnPoint: SpawnPoint?
    /// How long ago it was started.
    public let age: Duration
    /// Whether it is being ended.
    public let isKilled: Bool

    /// One line.
    public var description: String {
        let wait = waitsFor.map { " for \($0)" } ?? ""
        let since = waited.map { " since \($0)" } ?? ""
        let place = spawnPoint.map { " at \($0)" } ?? ""
        return "\(name): \(state.rawValue)\(wait)\(since), started \(age) ago\(place)\(isKilled ? ", killed" : "")"
    }
}

extension Hub {
    /// All greenlets that are alive, in the order they were started. Costs an allocation or two each.
    public var greenlets: [GreenletInfo] {
        unsafe core.checkThread("a hub")
        var found: [GreenletInfo] = []
        for index in unsafe core.pointee.records.indices {
            let record = unsafe core.pointee.records[index]
            if unsafe record.pointee.state != .idle { found.append(unsafe info(of: record)) }
        }
        return found.sorted { $0.number < $1.number }
    }

    /// A report of what the hub is doing, one line for each greenlet below the one that spawned it, for a log or a terminal; with
    /// `stacks`, and where each waits in the code (``StackTrace``), which takes some milliseconds for each name.
    public func describeGreenlets(stacks: Bool = false) -> String {
        let all = greenlets
        var lines = [
            "hub: \(all.count) greenlets, at most \(greenletHighWater) so far, \(unsafe core.pointee.timers.count) timers"
        ]
        let traces = stacks ? stackTraces : [:]
        var names: [UInt: String] = [:]
        let alive = Set(all.map(\.number))
        let children = Dictionary(grouping: all) { $0.spawner.flatMap { alive.contains($0) ? $0 : nil } ?? 0 }
        // Those that are to be told, the next one last; who spawned whom may go deeper than a stack.
        var pending = (children[0] ?? []).reversed().map { (info: $0, depth: 1) }
        while let (info, depth) = pending.popLast() {
            let indent = String(repeating: "  ", count: min(depth, 16))
            lines.append(indent + "\(info)")
            if let trace = traces[info.number] { lines += trace.functions(&names).map { indent + "    " + $0 } }
            pending += (children[info.number] ?? []).reversed().map { ($0, depth + 1) }
        }
        return lines.joined(separator: "\n")
    }

    /// Writes `describeGreenlets` to whoever connects to a Unix socket at `path`, whose file only this process's user can
    /// use: `nc -U PATH` shows what a program that runs is doing. Ends with `stop()` of what comes back; the file stays then,
    /// and the next one takes its place. Throws where the socket is not to be had.
    /// With `stacks` it tells where each waits in the code, which keeps the hub for some milliseconds for each name.
    public func serveDescription(at path: String, stacks: Bool = false) throws(SocketError) -> StreamServer {
        let server = try StreamServer(hub: self, listener: try UnixListener(path: path).listener, limit: 4) {
            [unowned self] socket in
            try socket.write(describeGreenlets(stacks: stacks) + "\n", until: .in(.seconds(5)))
        }
        server.start()
        return server
    }

    private func info(of record: RecordPointer) -> GreenletInfo {
        let handle = unsafe record.pointee.handle?.takeUnretainedValue()
        let state = unsafe record.pointee.state
        return GreenletInfo(
            number: unsafe record.pointee.number,
            name: handle?.name ?? (unsafe "greenlet-\(record.pointee.number)"),
            state: state == .waiting ? .waiting : state == .ready ? .ready : .running,
            waitsFor: state == .waiting ? (unsafe record.pointee.waitsFor.description) : nil,
            waited: state == .waiting ? (unsafe record.pointee.waitingSince.duration(to: loop.now())) : nil,
            spawner: handle.flatMap { unsafe $0.spawner == 0 ? nil : $0.spawner },
            spawnPoint: handle?.spawnPoint,
            age: unsafe record.pointee.startedAt.duration(to: loop.now()),
            isKilled: unsafe record.pointee.isKilled
        )
    }

    /// Kills every greenlet that waits or is about to go on; those without a handle too.
    func killAll() {
        for index in unsafe core.pointee.records.indices {
            let record = unsafe core.pointee.records[index]
            switch unsafe record.pointee.state {
            case .waiting, .ready: unsafe core.kill(record)
            case .idle, .running: break
            }
        }
    }

    /// Ends greenlets that were started on a hub that nobody ran, without running them.
    func abandonGreenlets() {
        for index in unsafe core.pointee.records.indices {
            guard let handle = unsafe core.pointee.records[index].pointee.handle else { continue }
            let greenlet = unsafe handle.takeRetainedValue()
            unsafe greenlet.fail(Interruption.killed, on: core)
        }
    }

    /// Runs `body`, which must not wait, as this hub's thread does between two greenlets.
    func asCurrent(_ body: () -> Void) {
        let previous = unsafe green_current_hub()
        unsafe green_set_current_hub(core)
        body()
        unsafe green_set_current_hub(previous)
    }

    /// Runs `body` as if no hub ran on this thread.
    static func asNone(_ body: () -> Void) {
        let previous = unsafe green_current_hub()
        green_set_current_hub(nil)
        body()
        unsafe green_set_current_hub(previous)
    }
}

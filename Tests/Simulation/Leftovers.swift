internal import Green
internal import Observation
internal import Resolver
internal import SimulatedDaemon

/// What a daemon has that could be left over from queries.
final class Leftovers: @unchecked Sendable {
    // SAFETY: touched on the world's own thread only.
    private var greenletCount = 0
    private var timerCount = 0
    private let socketCount: Int
    private let hubCount: Int
    /// What it holds for others, of all workers together.
    private var accounts: [String: Int] = [:]
    /// All greenlets, a line each.
    private var greenlets: [String] = []

    /// Asks each hub of a daemon what it has, from a greenlet of the root hub. Waits for a moment.
    init(of daemon: SimulatedDaemon, in world: VirtualWorld) throws {
        hubCount = daemon.hubs.count
        socketCount = world.socketCount(of: daemon.host)
        for hub in daemon.hubs {
            hub.post { [self] in
                let hub = Hub.current
                greenletCount += hub.greenletCount
                timerCount += hub.timerCount
                greenlets.append(hub.describeGreenlets())
            }
        }
        try sleep(.milliseconds(1))
        daemon.shared?.readAccounts { accounts["\($0.name)", default: 0] += $0.held }
    }

    /// What there is more of than before; nil where there is nothing. The daemon's looks at files,
    /// and connections to Redis, wait with a deadline or have just done so.
    func more(than before: Leftovers, hasRedis: Bool) -> String? {
        let ownTimers = 4 + (hasRedis ? 2 * hubCount : 0)
        let counts = [
            ("greenlets", greenletCount, before.greenletCount), ("timers", timerCount, before.timerCount + ownTimers),
            ("sockets", socketCount, before.socketCount),
        ]
        for (what, now, then) in counts where now > then {
            return "\(now) \(what), \(then) before any query:\n\(greenlets.joined(separator: "\n"))"
        }
        for (what, now) in accounts.sorted(by: { $0.key < $1.key }) where now > before.accounts[what] ?? 0 {
            return "\(what): \(now), \(before.accounts[what] ?? 0) before any query"
        }
        return nil
    }
}

extension Judge {
    /// Judges that nothing that the daemon holds for clients is more than it may be.
    func judgeLimits(_ daemon: SimulatedDaemon) {
        daemon.shared?.readAccounts { account in
            guard account.held > account.limit else { return }
            fail("no limit is exceeded", "\(account.name): \(account.held) of \(account.limit)")
        }
    }

    /// Judges that the cache is within its size.
    func judgeMemory(_ daemon: SimulatedDaemon) {
        guard let memory = daemon.shared?.memory, memory.held > memory.limit else { return }
        fail("the cache is within its size", "\(memory.held) bytes of \(memory.limit)")
    }
}

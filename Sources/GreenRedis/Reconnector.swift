internal import Green

/// Keeps one link to a server for as long as it is wanted: connects, hands the link to `use`, and after a failure begins
/// again, with a pause that doubles from one failure to the next.
final class Reconnector {
    private let options: RedisOptions
    private let hub: Hub
    private var failures = 0

    /// A link that has lived so long counts as good: the next pause is the shortest again.
    private static let proof: UInt64 = 5_000_000_000

    init(_ options: RedisOptions, hub: Hub) {
        self.options = options
        self.hub = hub
    }

    /// Goes on until the greenlet is killed, then throws that. `use` works with a link until it throws; `lost` is told why
    /// there is none for now.
    func run(use: (RedisLink) throws -> Void, lost: (RedisError) -> Void) throws(Interruption) {
        while true {
            let begun = hub.loop.now()
            do {
                let link = try RedisLink.open(options, hub: hub, until: begun.advanced(by: options.connectLimit))
                defer { link.close() }
                let connected = hub.loop.now()
                defer { if hub.loop.now() >= connected.advanced(byNanoseconds: Self.proof) { failures = 0 } }
                try use(link)
            } catch let interruption as Interruption {
                throw interruption
            } catch {
                lost((error as? RedisError) ?? .notConnected("\(error)"))
            }
            try hub.sleep(until: hub.loop.now().advanced(byNanoseconds: pause()))
        }
    }

    /// The pause after one more failure, up to half of it longer by chance: many clients shall not come back at once.
    private func pause() -> UInt64 {
        let first = max(1, options.firstPause.clampedNanoseconds)
        let whole = min(options.longestPause.clampedNanoseconds, first << UInt64(min(failures, 16)))
        failures += 1
        return whole + hub.loop.random() % (whole / 2 + 1)
    }
}

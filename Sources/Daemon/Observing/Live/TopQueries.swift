internal import DNSWire
internal import Green
internal import Observation

/// Which names and clients come most often, while somebody wants to know: `vireo top`, and the page. Of the main thread's hub.
///
/// It watches the tap as anybody does. Where queries come too fast for that, it takes one in two, one in four, and so on, and
/// counts each for as many. What is shown is of the last half to whole minute.
final class TopQueries {
    /// Somebody who wants to know; for as long as there is the object.
    final class Ticket {
        private let top: TopQueries

        fileprivate init(_ top: TopQueries) { self.top = top }

        deinit { top.leave() }
    }

    /// What came in half a minute.
    private struct Window {
        let begunAt: Instant
        var names = HeavyHitters<[UInt8]>(size: 256)
        var denied = HeavyHitters<[UInt8]>(size: 256)
        var clients = HeavyHitters<ClientIdentity>(size: 256)
    }

    /// Something with how often it came, for certain.
    typealias Count = (name: String, count: UInt64)

    private let tap: QueryTap
    private let hub = Hub.current
    private var ticketCount = 0
    private var watcher: QueryTap.Watcher?
    private var interval: UInt32 = 1
    private var window: Window?
    private var former: Window?
    private var collecting: Greenlet<Void>?

    /// So many may want to know at once.
    static let mostTickets = 24
    /// What came is collected so often, however many want to know.
    private static let distance = Duration.milliseconds(100)
    /// A window is so long.
    private static let length: UInt64 = 30_000_000_000
    /// So many entries at once are too many, and so many few: what is shown is of half a minute, of which 5,000 a second say enough.
    private static let many = 500
    private static let few = 150
    /// A turn counts so many.
    private static let turn = 32

    /// Nobody wants to know yet.
    init(_ tap: QueryTap) {
        self.tap = tap
    }

    /// Counts from now on, as long as the ticket is kept; nil where too many want to know.
    func join() -> Ticket? {
        guard ticketCount < Self.mostTickets else { return nil }
        ticketCount += 1
        if ticketCount == 1 {
            (interval, former) = (1, nil)
            window = Window(begunAt: hub.loop.now())
            watcher = tap.watch()
            collecting = hub.spawn(name: "top queries") { [weak self, hub] in
                while true {
                    try hub.sleep(until: hub.loop.now().advanced(by: Self.distance))
                    guard let self else { return }
                    collect()
                }
            }
        }
        return Ticket(self)
    }

    private func leave() {
        ticketCount -= 1
        guard ticketCount == 0 else { return }
        (watcher, window, former) = (nil, nil, nil)
        collecting?.kill()
        collecting = nil
    }

    /// Counts what came since the last time.
    func collect() {
        guard var window else { return }
        guard let watcher else { return self.watcher = tap.watch(oneIn: interval) }
        // What finds no room for others' sake is no reason to take less.
        let (entries, overflow) = watcher.takeOwn()
        for (number, entry) in entries.enumerated() {
            giveWay(before: number, every: Self.turn)
            let weight = UInt64(interval)
            let name = entry.name.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
            window.names.add(name, weight)
            window.clients.add(entry.identity, weight)
            if entry.source == .rule { window.denied.add(name, weight) }
        }
        if window.begunAt.nanoseconds(to: hub.loop.now()) >= Self.length {
            former = window
            window = Window(begunAt: hub.loop.now())
        }
        self.window = window
        if overflow > 0 || entries.count > Self.many, interval < QueryTap.longestInterval / 2 {
            adjust(interval * 2)
        } else if entries.count < Self.few, interval > 1 {
            adjust(interval / 2)
        }
    }

    private func adjust(_ interval: UInt32) {
        self.interval = interval
        watcher = nil
        watcher = tap.watch(oneIn: interval)
    }

    /// For how many seconds it has counted what it shows.
    var seconds: UInt64 {
        guard let begunAt = former?.begunAt ?? window?.begunAt else { return 0 }
        return begunAt.nanoseconds(to: hub.loop.now()) / 1_000_000_000
    }

    /// The names that came most often.
    func names(_ limit: Int) -> [Count] {
        giveWay()
        return (window?.names.surest(limit, with: former?.names) ?? []).map { (ShownQuery.name($0.key), $0.certain) }
    }

    /// The names that rules denied most often.
    func denied(_ limit: Int) -> [Count] {
        giveWay()
        return (window?.denied.surest(limit, with: former?.denied) ?? []).map { (ShownQuery.name($0.key), $0.certain) }
    }

    /// The clients that asked most often.
    func clients(_ limit: Int) -> [Count] {
        giveWay()
        return (window?.clients.surest(limit, with: former?.clients) ?? []).map { ($0.key.text, $0.certain) }
    }

    /// All of it for programs.
    func write(_ limit: Int, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("seconds", seconds)
            for (key, counts) in [("names", names(limit)), ("denied", denied(limit)), ("clients", clients(limit))] {
                writer.key(key)
                writer.array { writer in
                    for (name, count) in counts {
                        writer.object { writer in
                            writer.member("name", name)
                            writer.member("count", count)
                        }
                    }
                }
            }
        }
    }
}

// A live tap on queries and their answers.
//
//     the worker       tap.isOpen                a look at a word: all that it costs while nobody watches
//                      ring.append(entry)        where somebody does: a copy into a queue of its own; full: dropped, counted
//     who watches      watcher.take()            empties every worker's queue into those of all who watch, and takes its own
//
// Invariants: a worker takes no lock and waits for nobody. All queues are bounded.

internal import Green
internal import Synchronization

/// Where those who watch are told of queries as they are answered.
package final class QueryTap: Sendable {
    /// A query that was answered.
    package struct Entry: Sendable, Hashable {
        /// When, in nanoseconds since 1970.
        package var time: Int64
        /// Who asked, as a number (`IPAddress.number`).
        package var client: UInt128
        /// The name in wire form, as its client wrote it; empty where the query had no question.
        package var name: [UInt8]
        /// The type.
        package var type: UInt16
        /// The rcode.
        package var responseCode: UInt16
        /// Where the answer came from.
        package var source: AnswerSource
        /// How long it was waited for; 0 where it was not.
        package var nanoseconds: UInt64
        /// How it came.
        package var transport = QueryTransport.udp
        /// What became of its answer.
        package var outcome = AnswerOutcome.answered
        /// The number of what its client is called (`ClientDirectory`); 0 where it has no name.
        package var clientName: UInt64 = 0
        /// Who asked, as it is shown.
        package var identity: ClientIdentity { ClientIdentity(client, name: clientName) }

        /// A query with what came of it, but for its name.
        package init(
            _ type: UInt16, from client: UInt128, _ responseCode: UInt16, _ source: AnswerSource, nanoseconds: UInt64,
            at time: Int64
        ) {
            (self.time, self.client, self.type) = (time, client, type)
            (self.responseCode, self.source, self.nanoseconds) = (responseCode, source, nanoseconds)
            name = []
        }
    }

    /// Somebody who watches; for as long as there is the object.
    package final class Watcher: Sendable {
        private let tap: QueryTap
        private let number: Int

        fileprivate init(_ tap: QueryTap, _ number: Int) {
            (self.tap, self.number) = (tap, number)
        }

        /// What came since the last time, and how many more there were, of all kinds, that nobody had room
        /// for. Not on a worker's thread.
        package func take() -> (entries: [Entry], dropped: UInt64) {
            let taken = tap.take(number)
            return (taken.entries, taken.overflow &+ taken.missed)
        }

        /// The same, with how many this watcher alone had no room for.
        package func takeOwn() -> (entries: [Entry], overflow: UInt64) {
            let taken = tap.take(number)
            return (taken.entries, taken.overflow)
        }

        deinit { tap.remove(number) }
    }

    /// Who reads messages; for as long as there is the object.
    package final class MessageWatcher: Sendable {
        private let tap: QueryTap

        fileprivate init(_ tap: QueryTap) { self.tap = tap }

        /// What came since the last time, and how many messages found no room.
        package func take() -> (messages: [MessageTap.Message], dropped: UInt64) { tap.messages.take() }

        deinit {
            tap.setMessages(false)
            tap.messages.end()
        }
    }

    /// Who takes traces; for as long as there is the object.
    package final class TraceWatcher: Sendable {
        private let tap: QueryTap

        fileprivate init(_ tap: QueryTap) { self.tap = tap }

        /// What came since the last time, and how many traces found no room.
        package func take() -> (records: [TraceTap.Record], dropped: UInt64) { tap.traces.take() }

        deinit { tap.setTraces(share: 0, slow: .max) }
    }

    /// What part of the queries one is told of.
    private struct Part {
        /// In units of 2^-32.
        let share: UInt64
        /// One in so many is no less than that.
        let interval: UInt32
    }

    /// What is kept for one who watches.
    private struct Sink {
        let number: Int
        let wants: @Sendable (Entry) -> Bool
        /// The share of queries that it is told of, in units of 2^-32.
        let share: UInt64
        /// Workers tell of one in so many: never of less than its share.
        let interval: UInt32
        let most: Int
        var entries: [Entry] = []
        /// Entries that it had no room for.
        var overflow: UInt64 = 0
        /// Records that workers had no room for.
        var missed: UInt64 = 0
        private var random = UInt64.random(in: 0...UInt64.max)

        init(_ number: Int, _ part: Part, most: Int, _ wants: @escaping @Sendable (Entry) -> Bool) {
            (self.number, share, interval, self.most, self.wants) = (number, part.share, part.interval, most, wants)
        }

        /// Takes an entry, which stands for `count` queries, with the probability that makes up its share.
        mutating func offer(_ entry: Entry, for count: UInt32) {
            let threshold = share &* UInt64(min(max(1, count), longestInterval))
            guard threshold >= 1 << 32 || next() < threshold, wants(entry) else { return }
            if entries.count < most { entries.append(entry) } else { overflow &+= 1 }
        }

        /// 32 random bits (SplitMix64).
        private mutating func next() -> UInt64 {
            random &+= 0x9E37_79B9_7F4A_7C15
            var mixed = random
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return (mixed ^ mixed >> 31) >> 32
        }
    }

    /// Those who watch.
    private struct Sinks {
        var all: [Sink] = []
        var next = 0
        /// Those that have a place of their own.
        var reserved: Set<Int> = []
        /// Records that workers had no room for, as far as that was told.
        var dropped: UInt64 = 0
        /// Whether somebody reads messages.
        var hasMessages = false
        /// Whether somebody takes traces of some queries.
        var hasTraces = false
    }

    /// Each worker's queue, from when it first has something to tell.
    package let rings = WorkerCopies { RecordRing() }
    /// Whole messages, where somebody reads them.
    package let messages = MessageTap()
    /// Traces of some questions, where somebody takes them.
    package let traces = TraceTap()
    private let sinks = Locked(Sinks())
    private let wanted = Atomic<UInt32>(0)

    private static let messageBit: UInt32 = 1 << 31
    private static let traceBit: UInt32 = 1 << 30
    /// So many may watch at once.
    package static let mostWatchers = 32
    /// So many entries wait for one of them.
    package static let mostEntries = 4_096
    /// One of so many queries is the least that can be watched.
    package static let longestInterval: UInt32 = 1_000_000

    /// Nobody watches.
    package init() {}

    /// What is wanted, in one word: of how many queries one is told of, whether messages are, and whether some are traced.
    @inline(__always)
    package var word: UInt32 { wanted.load(ordering: .relaxed) }

    /// Whether messages are told of, as a word says.
    @inline(__always)
    package static func hasMessages(_ word: UInt32) -> Bool { word & messageBit != 0 }

    /// Whether some queries are traced, as a word says.
    package static func hasTraces(_ word: UInt32) -> Bool { word & traceBit != 0 }

    /// Whether something is to be done before a query is looked at, as a word says.
    @inline(__always)
    package static func isWatched(_ word: UInt32) -> Bool { word >= traceBit }

    /// Whether somebody is told of answers, as a word says.
    @inline(__always)
    package static func tellsAnswers(_ word: UInt32) -> Bool { word & ~traceBit != 0 }

    /// Of so many queries one is told of; 0 while nobody watches.
    package var interval: UInt32 { word & ~(Self.messageBit | Self.traceBit) }

    /// Whether anybody watches answers.
    @inline(__always)
    package var isOpen: Bool { Self.tellsAnswers(word) }

    /// Watches what `wants` says of one in `interval` queries, from now on; nil where too many watch. `wants` is asked under a
    /// lock: it looks at the entry and nothing else.
    package func watch(
        oneIn interval: UInt32 = 1, most: Int = mostEntries, _ wants: @escaping @Sendable (Entry) -> Bool = { _ in true }
    ) -> Watcher? {
        let interval = min(max(1, interval), Self.longestInterval)
        // Rounded up: where workers tell of just as many, it takes them all.
        let share = ((1 << 32) + UInt64(interval) - 1) / UInt64(interval)
        return watch(Part(share: share, interval: interval), most: most, isReserved: false, wants)
    }

    /// Watches a share of the queries, from one in a million to all, each as likely as any other; however many watch.
    package func watch(share: Double, most: Int) -> Watcher {
        let share = max(1 / Double(Self.longestInterval), min(1, share))
        let part = Part(share: UInt64((share * 4_294_967_296).rounded()), interval: UInt32(1 / share))
        guard let watcher = watch(part, most: most, isReserved: true, { _ in true }) else {
            preconditionFailure("a place that is reserved is not free")
        }
        return watcher
    }

    private func watch(
        _ part: Part, most: Int, isReserved: Bool, _ wants: @escaping @Sendable (Entry) -> Bool
    ) -> Watcher? {
        let number = sinks.withLock { sinks -> Int? in
            guard isReserved || sinks.all.count - sinks.reserved.count < Self.mostWatchers else { return nil }
            // What is left from before belongs to nobody new.
            drain(&sinks)
            sinks.next += 1
            if isReserved { sinks.reserved.insert(sinks.next) }
            sinks.all.append(Sink(sinks.next, part, most: most, wants))
            adjust(sinks)
            return sinks.next
        }
        return number.map { Watcher(self, $0) }
    }

    /// Reads messages from now on; nil where somebody does already.
    package func watchMessages() -> MessageWatcher? {
        guard messages.begin() else { return nil }
        setMessages(true)
        return MessageWatcher(self)
    }

    /// Takes traces from now on: of a share of the queries, and of questions that take so long. One does at a time: whoever begins
    /// last says which.
    package func watchTraces(share: Double, slow: Duration?) -> TraceWatcher {
        // What is left from before belongs to nobody new.
        _ = traces.take()
        setTraces(share: share, slow: slow.map { $0.clampedNanoseconds } ?? .max)
        return TraceWatcher(self)
    }

    private func setTraces(share: Double, slow: UInt64) {
        sinks.withLock { sinks in
            traces.want(share: share, slow: slow)
            sinks.hasTraces = traces.sharePicked > 0
            adjust(sinks)
        }
    }

    private func setMessages(_ wanted: Bool) {
        sinks.withLock { sinks in
            sinks.hasMessages = wanted
            adjust(sinks)
        }
    }

    /// Tells of a query, on the worker's thread, by its own queue; `interval` is what it went by.
    package func tell(
        _ entry: Entry, _ name: Span<UInt8>, oneIn interval: UInt32, by ring: RecordRing
    ) {
        let facts =
            UInt64(entry.type) | UInt64(entry.responseCode) << 16 | UInt64(UInt8(truncatingIfNeeded: entry.source.rawValue)) << 32
            | UInt64(UInt8(truncatingIfNeeded: entry.transport.rawValue)) << 40 | UInt64(entry.outcome.rawValue) << 48
        ring.append(
            [
                facts, UInt64(bitPattern: entry.time), entry.nanoseconds, UInt64(truncatingIfNeeded: entry.client),
                UInt64(truncatingIfNeeded: entry.client >> 64), UInt64(interval),
                entry.clientName,
            ], name)
    }

    private func take(_ number: Int) -> (entries: [Entry], overflow: UInt64, missed: UInt64) {
        sinks.withLock { sinks in
            drain(&sinks)
            guard let place = sinks.all.firstIndex(where: { $0.number == number }) else { return ([], 0, 0) }
            let taken = (sinks.all[place].entries, sinks.all[place].overflow, sinks.all[place].missed)
            (sinks.all[place].entries, sinks.all[place].overflow, sinks.all[place].missed) = ([], 0, 0)
            return taken
        }
    }

    private func remove(_ number: Int) {
        sinks.withLock { sinks in
            sinks.all.removeAll { $0.number == number }
            sinks.reserved.remove(number)
            adjust(sinks)
        }
    }

    private func adjust(_ sinks: Sinks) {
        let bits = (sinks.hasMessages ? Self.messageBit : 0) | (sinks.hasTraces ? Self.traceBit : 0)
        wanted.store((sinks.all.map(\.interval).min() ?? 0) | bits, ordering: .relaxed)
    }

    /// Empties what the workers have written into the queues of those who watch. Each of these grows in place: what a record costs
    /// does not depend on how many wait.
    private func drain(_ sinks: inout Sinks) {
        let rings = rings.all
        for ring in rings {
            ring.drain { head, name in
                let source = AnswerSource(rawValue: Int(head[0] >> 32 & 0xFF)) ?? .error
                var entry = Entry(
                    UInt16(truncatingIfNeeded: head[0]), from: UInt128(head[4]) << 64 | UInt128(head[3]),
                    UInt16(truncatingIfNeeded: head[0] >> 16), source, nanoseconds: head[2], at: Int64(bitPattern: head[1]))
                entry.name = name
                entry.transport = QueryTransport(rawValue: Int(head[0] >> 40 & 0xFF)) ?? .udp
                entry.outcome = AnswerOutcome(rawValue: UInt8(truncatingIfNeeded: head[0] >> 48)) ?? .answered
                entry.clientName = head[6]
                let count = UInt32(truncatingIfNeeded: head[5])
                for place in sinks.all.indices { sinks.all[place].offer(entry, for: count) }
            }
        }
        let dropped = rings.reduce(UInt64(0)) { $0 &+ $1.dropped.value }
        let new = dropped &- sinks.dropped
        sinks.dropped = dropped
        guard new > 0 else { return }
        for place in sinks.all.indices { sinks.all[place].missed &+= new }
    }
}

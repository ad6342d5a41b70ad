internal import AnswerCache
internal import DNSWire
internal import Glibc
internal import Green
internal import Synchronization

/// What a snapshot of many names costs: writing and reading it, and what a worker notices of a writing in the background.
///
/// A worker's hub answers hits in turns of 64. Each turn is timed, and apart from those are kept in which the kernel gave
/// the processor to somebody else, which a machine that has other things to do does at any time: what is left are the
/// computation and the waits for a shard's lock.
struct SnapshotCost {
    private let count: Int
    private let cache: MemoryCache
    private let moment: SnapshotMoment

    /// A cache with so many names.
    init(names count: Int) throws(CacheError) {
        self.count = count
        cache = try MemoryCache(sizeBytes: max(64 << 20, count * 200), seed: 0x5EED)
        moment = SnapshotMoment(wallSeconds: 1_800_000_000, boot: BootSeconds(rawValue: 1000))
        var exchange = Exchange("n0000000.example.com", .a)
        for number in 0..<count {
            exchange.renumber(number)
            let provenance = Provenance(upstream: 1, transport: .udp)
            _ = cache.keep(exchange.key(in: cache), reply: exchange.reply, from: provenance, at: moment.boot)
        }
    }

    /// Measures, and prints a line of JSON for each figure.
    func measure() throws {
        let cost = self
        HubGroup().start(name: "worker") {
            try cost.load(cost.pieces())
            for _ in 0..<3 { try cost.takeTurns() }
            exit(0)
        } ended: { error in
            if let error { Measure.leave("Measure: \(error)") }
        }
        while true { sleep(1) }
    }

    /// The snapshot, written without a pause.
    private func pieces() -> [[UInt8]] {
        let start = Self.now()
        var writer = SnapshotWriter(cache, at: moment, upstreams: [1: "192.0.2.1:53"])
        var pieces: [[UInt8]] = []
        var longest: UInt64 = 0
        var before = Self.now()
        while let piece = writer.nextPiece() {
            pieces.append(piece)
            let after = Self.now()
            (longest, before) = (max(longest, after - before), after)
        }
        let bytes = pieces.reduce(0) { $0 + $1.count }
        print(
            #"{"written": \#(writer.count), "milliseconds": \#((Self.now() - start) / 1_000_000), "bytes": \#(bytes), "#
                + #""pieces": \#(pieces.count), "longest piece in microseconds": \#(longest / 1_000)}"#)
        return pieces
    }

    /// Reads it into other caches, by one thread and by several.
    private func load(_ pieces: [[UInt8]]) throws {
        let bytes = Array(pieces.joined())
        for threads in [1, 4] {
            let other = try MemoryCache(sizeBytes: max(64 << 20, count * 200), seed: 0xBEEF)
            let start = Self.now()
            let reader = SnapshotReader(into: other, at: moment) {
                Array(bytes[min($0, bytes.count)..<min($0 + $1, bytes.count)])
            }
            let parts = try reader.parts(threads) { _ in 1 }
            let checked = Self.now()
            let loads = parts.map { part in Hub.current.spawn { try blocking { try part.load() } } }
            let outcome = try loads.map { try $0.get() }.reduce(SnapshotReader.Outcome(), +)
            print(
                #"{"loaded": \#(outcome.loaded), "threads": \#(threads), "milliseconds": \#((Self.now() - start) / 1_000_000), "#
                    + #""of these for the checksums": \#((checked - start) / 1_000_000)}"#)
        }
    }

    /// Turns of a worker for a second without and for a second with a writing beside it.
    private func takeTurns() throws {
        for isWriting in [false, true] {
            let stop = StopFlag()
            let cost = self
            let writing = Hub.current.spawn(name: "writing") {
                guard isWriting else { return }
                try blocking { cost.write(until: stop) }
            }
            let turns = try turns(for: .seconds(1))
            stop.value.store(true, ordering: .relaxed)
            try writing.join()
            print(#"{"writing": \#(isWriting), \#(turns)}"#)
        }
    }

    /// Writes snapshots one after the other, as the daemon does.
    private func write(until stop: StopFlag) {
        while !stop.value.load(ordering: .relaxed) {
            var writer = SnapshotWriter(cache, at: moment, upstreams: [:])
            while !stop.value.load(ordering: .relaxed), writer.nextPiece(SnapshotWriter.pause) != nil {}
        }
    }

    /// Takes turns of 64 hits; what there is to say about them.
    private func turns(for duration: Duration) throws -> String {
        var exchange = Exchange("n0000000.example.com", .a)
        var buffer = [UInt8](repeating: 0, count: 1232)
        var quiet: [UInt64] = []
        var disturbed: [UInt64] = []
        var number = 0
        let end = Hub.current.loop.now().advanced(by: duration)
        while Hub.current.loop.now() < end {
            try Hub.current.yield(afterEvents: true)
            let switches = Self.switches()
            let start = Self.now()
            for _ in 0..<64 {
                number = (number + 7919) % count
                exchange.renumber(number)
                let key = exchange.key(in: cache)
                var span = buffer.mutableSpan
                guard case .hit = cache.answer(key, at: moment.boot, into: &span, at: 12 + key.name.count + 4) else {
                    Measure.leave("Measure: a miss")
                }
            }
            let took = Self.now() - start
            if Self.switches() == switches { quiet.append(took) } else { disturbed.append(took) }
        }
        return #""turns": \#(Self.describe(quiet)), "turns in which others ran": \#(Self.describe(disturbed))"#
    }

    private static func describe(_ turns: [UInt64]) -> String {
        let turns = turns.sorted()
        let at = { (share: Double) in turns.isEmpty ? 0 : turns[Int(Double(turns.count - 1) * share)] / 1_000 }
        return #"{"count": \#(turns.count), "median": \#(at(0.5)), "p99.9": \#(at(0.999)), "longest": \#(at(1)), "#
            + #""above 2 ms": \#(turns.count { $0 > 2_000_000 })}"#
    }

    /// How often this thread lost the processor without wanting to.
    private static func switches() -> Int {
        var usage = rusage()
        // RUSAGE_THREAD, which the module for C does not show.
        unsafe getrusage(__rusage_who_t(1), &usage)
        return usage.ru_nivcsw
    }

    private static func now() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// A flag that the writing thread looks at.
private final class StopFlag: Sendable {
    let value = Atomic(false)
}

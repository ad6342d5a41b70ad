import Synchronization

/// The same work on Swift tasks.
enum TaskWork {
    static func run() async {
        let count = 100_000
        await measure("spawn+join", count) { for index in 0..<count { _ = await Task { index }.value } }
        await measure("spawn", count) {
            await withDiscardingTaskGroup { group in
                for _ in 0..<count { group.addTask {} }
            }
        }
        await measure("switch", 2 * count) {
            async let other: Void = yields(count)
            await yields(count)
            await other
        }
        await measure("event", 2 * count) {
            let (ping, pong) = (Flag(), Flag())
            async let other: Void = answer(count, ping, pong)
            for _ in 0..<count {
                ping.set()
                await pong.wait()
            }
            await other
        }
        await measure("queue(1)", count) {
            let (full, free) = (Flag(), Flag())
            let place = Place()
            async let other: Void = fill(count, full, free) { place.value.store($0, ordering: .relaxed) }
            for _ in 0..<count {
                await full.wait()
                _ = place.value.load(ordering: .relaxed)
                free.set()
            }
            await other
        }
        await sleepers()
    }

    private static func answer(_ count: Int, _ ping: Flag, _ pong: Flag) async {
        for _ in 0..<count {
            await ping.wait()
            pong.set()
        }
    }

    private static func fill(_ count: Int, _ full: Flag, _ free: Flag, _ put: @Sendable (Int) -> Void) async {
        for index in 0..<count {
            put(index)
            full.set()
            await free.wait()
        }
    }

    private static func yields(_ count: Int) async {
        for _ in 0..<count { await Task.yield() }
    }

    private static func sleepers() async {
        let count = 100_000
        let before = residentBytes()
        let begin = nanosecondsNow()
        let started = Place()
        let tasks = (0..<count).map { _ in
            Task {
                started.value.wrappingAdd(1, ordering: .relaxed)
                try await Task.sleep(for: .seconds(3600))
            }
        }
        while started.value.load(ordering: .relaxed) < count { await Task.yield() }
        let took = Double(nanosecondsNow() - begin) / Double(count)
        report("sleeper", nanoseconds: took, bytes: Double(residentBytes() - before) / Double(count))
        for task in tasks { task.cancel() }
    }

    private static func measure(_ name: String, _ count: Int, _ body: () async -> Void) async {
        var best = Double.infinity
        for _ in 0..<5 {
            let begin = nanosecondsNow()
            await body()
            best = min(best, Double(nanosecondsNow() - begin) / Double(count))
        }
        report(name, nanoseconds: best)
    }
}

/// A number that tasks share.
final class Place: Sendable {
    let value = Atomic<Int>(0)
}

/// What one task waits for and another sets: the cheapest that the language offers, a continuation under a lock.
final class Flag: Sendable {
    private enum State {
        case clear
        case set
        case awaited(UnsafeContinuation<Void, Never>)
    }

    private let state = Mutex(State.clear)

    /// Waits until it is set, and clears it.
    func wait() async {
        await withUnsafeContinuation { continuation in
            let isSet = state.withLock { state -> Bool in
                if case .set = state {
                    state = .clear
                    return true
                }
                state = .awaited(continuation)
                return false
            }
            if isSet { continuation.resume() }
        }
    }

    /// Sets it, or lets go on who waits.
    func set() {
        let waiting = state.withLock { state -> UnsafeContinuation<Void, Never>? in
            guard case .awaited(let continuation) = state else {
                state = .set
                return nil
            }
            state = .clear
            return continuation
        }
        waiting?.resume()
    }
}

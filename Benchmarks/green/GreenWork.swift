import Green

/// The work on greenlets.
enum GreenWork {
    /// Runs all, or the part that is named, for who looks at it with a profiler.
    static func run(_ part: String?) throws {
        let parts: [(String, () throws -> Void)] = [
            ("spawn", spawnAndJoin), ("switch", switches), ("event", events), ("queue", queue), ("sleeper", sleepers),
        ]
        try Hub(loop: LibeventLoop()).run {
            for (name, work) in parts where part == nil || part == name { try work() }
        }
    }

    /// Starts a greenlet with a closure and waits for its end.
    private static func spawnAndJoin() throws {
        let count = 200_000
        report(
            "spawn+join",
            nanoseconds: try best(count: count) {
                for index in 0..<count { try spawn { index }.join() }
            })
        // Many at once: what a spawn and its run cost without the joiner's own wait.
        report(
            "spawn",
            nanoseconds: try best(count: count) {
                for _ in 0..<count / 100 {
                    for index in 0..<100 { spawn { index } }
                    try yield()
                }
            })
    }

    /// Two greenlets give each other the processor.
    private static func switches() throws {
        let count = 500_000
        report(
            "switch",
            nanoseconds: try best(count: 2 * count) {
                let other = spawn { for _ in 0..<count { try yield() } }
                for _ in 0..<count { try yield() }
                try other.join()
            })
    }

    /// Two greenlets wake each other; an operation is one wait and one set.
    private static func events() throws {
        let count = 200_000
        report(
            "event",
            nanoseconds: try best(count: 2 * count) {
                let (ping, pong) = (Event(), Event())
                let other = spawn {
                    for _ in 0..<count {
                        try ping.wait()
                        ping.clear()
                        pong.set()
                    }
                }
                for _ in 0..<count {
                    ping.set()
                    try pong.wait()
                    pong.clear()
                }
                try other.join()
            })
    }

    /// Through a queue of one place, from a greenlet to another.
    private static func queue() throws {
        let count = 200_000
        report(
            "queue(1)",
            nanoseconds: try best(count: count) {
                let queue = Queue<Int>(limit: 1)
                let other = spawn { for index in 0..<count { try queue.put(index) } }
                for _ in 0..<count { _ = try queue.get() }
                try other.join()
            })
    }

    /// 100,000 greenlets that sleep, until all do.
    private static func sleepers() throws {
        let count = 100_000
        let before = residentBytes()
        let begin = nanosecondsNow()
        var began = 0
        let greenlets = (0..<count).map { _ in
            spawn {
                began += 1
                try sleep(.seconds(3600))
            }
        }
        while began < count { try yield() }
        let took = Double(nanosecondsNow() - begin) / Double(count)
        report("sleeper", nanoseconds: took, bytes: Double(residentBytes() - before) / Double(count))
        killAll(greenlets)
        try joinAll(greenlets)
    }
}

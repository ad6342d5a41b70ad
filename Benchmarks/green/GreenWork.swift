import CGreen
import Glibc
import Green

/// The work on greenlets.
enum GreenWork {
    /// Runs all, or the part that is named, for who looks at it with a profiler.
    static func run(_ part: String?) throws {
        let parts: [(String, () throws -> Void)] = [
            // First: what others give back to the system while it counts would be taken for its own.
            ("parked", parked),
            ("spawn", spawnAndJoin), ("switch", switches), ("event", events), ("queue", queue), ("sleeper", sleepers),
            ("late", lateness),
        ]
        if part == nil || part == "bare" { bareSwitches() }
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
        // Without a handle and a closure: runs at once, and has ended when the call returns.
        let hub = Hub.current
        report(
            "start",
            nanoseconds: try best(count: count) {
                for index in 0..<count { try hub.start({ _, _ in }, subject: nil, slot: index) }
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

    /// The switch of stacks alone: two flows of control that give each other the processor.
    private static func bareSwitches() {
        let count = 5_000_000
        let size = 64 << 10
        let stack = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4_096)
        green_fiber_adopt_thread(Bare.one)
        let (one, other) = (Bare.one, Bare.other)
        green_fiber_make(other, stack, size) { GreenWork.bounce(Bare.other, Bare.one, .max) }
        report("bare", nanoseconds: best(count: 2 * count) { bounce(one, other, count) })
        green_fiber_discard(other)
        stack.deallocate()
    }

    /// Gives the processor away so many times: the same code in both flows, as greenlets that wait share theirs.
    @inline(never)
    private static func bounce(_ own: UnsafeMutablePointer<green_fiber>, _ to: UnsafeMutablePointer<green_fiber>, _ count: Int) {
        for _ in 0..<count { green_fiber_switch(own, to) }
    }

    /// The ends of `bareSwitches`.
    private enum Bare {
        nonisolated(unsafe) static let one = UnsafeMutablePointer<green_fiber>.allocate(capacity: 1)
        nonisolated(unsafe) static let other = UnsafeMutablePointer<green_fiber>.allocate(capacity: 1)
    }

    /// Connections that are silent and have no greenlet.
    private static func parked() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(7), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(7), &limit)
        let count = min(50_000, Int(limit.rlim_cur) / 2 - 50)
        var others: [Int32] = []
        let before = residentBytes()
        let begin = nanosecondsNow()
        var sockets: [StreamSocket] = []
        for _ in 0..<count {
            var ends: [Int32] = [-1, -1]
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
            let socket = try StreamSocket(adopting: ends[0])
            socket.whenReadable { [unowned socket] in
                if socket.isOpen { spawn { try socket.write(socket.read(upTo: 100)) } }
            }
            sockets.append(socket)
            others.append(ends[1])
        }
        let took = Double(nanosecondsNow() - begin) / Double(count)
        report("parked", nanoseconds: took, bytes: Double(residentBytes() - before) / Double(count))
        for socket in sockets { socket.close() }
        for other in others { close(other) }
        try yield()
    }

    /// How much later than asked a sleep of a millisecond ends: the median.
    private static func lateness() throws {
        let late = try (0..<500).map { _ in
            let end = nanosecondsNow() + 1_000_000
            try sleep(.milliseconds(1))
            return Double(nanosecondsNow()) - Double(end)
        }
        report("late", nanoseconds: late.sorted()[late.count / 2])
    }
}

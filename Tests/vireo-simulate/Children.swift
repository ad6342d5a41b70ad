@preconcurrency import Glibc

/// A seed that failed.
struct Failure {
    let seed: UInt64
    /// What happened, in words.
    let how: String
    /// Whether a check failed; else the process ended, or did not.
    let isOfCheck: Bool
}

/// The program, started again.
final class Child {
    /// Its process, 0 once that has ended.
    private(set) var pid = pid_t()
    /// Where its lines are read; -1 where they are shown as they come.
    let output: Int32
    private var unread: [UInt8] = []

    /// Starts it with these arguments. Ends this program where that cannot be done.
    init(_ arguments: [String], capturing: Bool) {
        var ends: [Int32] = [-1, -1]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if capturing {
            guard pipe(&ends) == 0, ends.allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }) else {
                stop("no pipe: \(String(cString: strerror(errno)))")
            }
            posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        }
        output = ends[0]
        var words = (["/proc/self/exe"] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        let error = posix_spawn(&pid, "/proc/self/exe", &actions, nil, &words, environ)
        guard error == 0 else { stop("cannot start itself: \(String(cString: strerror(error)))") }
        if capturing { close(ends[1]) }
    }

    /// The whole lines that have come since the last time; nil at the end.
    func lines() -> [Substring]? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(output, &bytes, bytes.count)
        guard count > 0 else { return nil }
        unread += bytes[..<count]
        guard let end = unread.lastIndex(of: 10) else { return [] }
        let text = String(decoding: unread[..<end], as: UTF8.self)
        unread.removeSubrange(...end)
        return text.split(separator: "\n")
    }

    /// What its process came to, as waitpid has it; ended by force, and nil, where it has not ended within so many seconds.
    func status(within seconds: Int) -> Int32? {
        guard pid > 0 else { return nil }
        var status: Int32 = 0
        let deadline = time(nil) + seconds
        while waitpid(pid, &status, WNOHANG) == 0 {
            guard time(nil) < deadline else {
                end()
                return nil
            }
            usleep(20_000)
        }
        pid = 0
        return status
    }

    /// Ends it by force.
    func end() {
        guard pid > 0 else { return }
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        pid = 0
    }
}

/// Children that run seeds, each some of them in order.
struct Children {
    private var running: [(child: Child, seed: UInt64, since: Int)]
    private let limit: Int
    /// How many answers were judged by those that have ended.
    private(set) var judged = 0

    /// Starts a child for each list of arguments; `limit` is how many seconds a seed may take.
    init(_ arguments: [[String]], limit: Int) {
        running = arguments.map { (Child($0, capturing: true), 0, time(nil)) }
        self.limit = limit
    }

    /// Waits for all: the first seed that fails; nil where none does. Whoever is beyond it is ended.
    mutating func firstFailure() -> Failure? {
        var first: Failure?
        while !running.isEmpty {
            var places = running.map { pollfd(fd: $0.child.output, events: Int16(POLLIN), revents: 0) }
            poll(&places, nfds_t(places.count), 1_000)
            for index in running.indices.reversed() {
                let hasNews = places[index].revents != 0
                let failure = hasNews ? take(index) : hang(index)
                if let failure, failure.seed < first?.seed ?? .max { first = failure }
            }
            running.removeAll { $0.child.pid == 0 }
            guard let first else { continue }
            for each in running where each.seed > first.seed { each.child.end() }
            running.removeAll { $0.child.pid == 0 }
        }
        return first
    }

    /// A child that has been at a seed for too long.
    private func hang(_ index: Int) -> Failure? {
        guard time(nil) - running[index].since > limit else { return nil }
        running[index].child.end()
        return Failure(seed: running[index].seed, how: "hangs: it has taken more than \(limit) s", isOfCheck: false)
    }

    /// Takes what a child says; what went wrong with it.
    private mutating func take(_ index: Int) -> Failure? {
        let child = running[index].child
        guard let lines = child.lines() else {
            let status = child.status(within: limit) ?? SIGKILL
            guard status != 0 else { return nil }
            let signal = status & 0x7F
            let how = signal == 0 ? "ends with exit status \(status >> 8)" : "ends by \(String(cString: strsignal(signal)))"
            return Failure(seed: running[index].seed, how: how, isOfCheck: false)
        }
        for line in lines {
            let words = line.split(separator: " ")
            guard words.count == 2, let number = UInt64(words[1]) else { continue }
            switch words[0] {
            case "seed": (running[index].seed, running[index].since) = (number, time(nil))
            case "held": judged += Int(number)
            case "fails":
                child.end()
                return Failure(seed: number, how: "fails", isOfCheck: true)
            default: break
            }
        }
        return nil
    }
}

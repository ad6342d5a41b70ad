import Glibc
import Green
import Testing

/// Each in a process of its own: what a signal does belongs to the whole process.
@Suite struct SignalTests {
    @Test func `everybody who wants a signal gets it, in one hub and in another`() async {
        await #expect(processExitsWith: .success) {
            let results = ThreadQueue<Int32>()
            let ready = ThreadQueue<Int>()
            let group = HubGroup()
            try Hub(loop: LibeventLoop()).run {
                let hub = Hub.current
                group.start(name: "other") {
                    let signals = try Signals([SIGUSR1])
                    ready.tryPut(1)
                    if let signal = try signals.next(until: Hub.current.soon) { results.tryPut(signal) }
                }
                _ = try ready.get(until: hub.soon)
                let first = try Signals([SIGUSR1, SIGHUP])
                let second = try Signals([SIGUSR2, SIGUSR1])
                kill(getpid(), SIGUSR1)
                guard try first.next(until: hub.soon) == SIGUSR1, try second.next(until: hub.soon) == SIGUSR1,
                    try results.get(until: hub.soon) == SIGUSR1
                else { fatalError("SIGUSR1 did not come to all") }
                second.close()
                kill(getpid(), SIGHUP)
                guard try first.next(until: hub.soon) == SIGHUP else { fatalError("no SIGHUP") }
                while group.count > 0 { try sleep(.milliseconds(1)) }
            }
        }
    }

    @Test func `a signal that nobody wants any more does what it did before`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGUSR1) { _ in exit(EXIT_SUCCESS) }
            try Hub(loop: LibeventLoop()).run {
                let hub = Hub.current
                do {
                    let signals = try Signals([SIGUSR1])
                    kill(getpid(), SIGUSR1)
                    guard try signals.next(until: hub.soon) == SIGUSR1 else { fatalError("no signal") }
                    signals.close()
                    guard try signals.next(until: hub.soon) == nil else { fatalError("a closed watch") }
                }
                var mask = sigset_t()
                pthread_sigmask(SIG_BLOCK, nil, &mask)
                guard sigismember(&mask, SIGUSR1) == 1 else { fatalError("not blocked as before") }
                sigemptyset(&mask)
                pthread_sigmask(SIG_SETMASK, &mask, nil)
                kill(getpid(), SIGUSR1)
                try sleep(.seconds(20))
                fatalError("still caught")
            }
        }
    }

    /// What a thread of this process, or a child, blocks: the line of its status.
    static func blocked(_ path: String) throws -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, 256, file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
            if text.hasPrefix("SigBlk:") { return String(text.split(separator: "\t").last!.dropLast()) }
        }
        return nil
    }

    @Test func `threads of Green's own block all signals, and what they start blocks none`() async {
        await #expect(processExitsWith: .success) {
            /// Runs `cat` and gives what it blocks.
            @Sendable func child() throws -> String? {
                let path = "/tmp/green-signals-\(getpid())-\(pthread_self())"
                defer { unlink(path) }
                var actions = posix_spawn_file_actions_t()
                posix_spawn_file_actions_init(&actions)
                posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
                defer { posix_spawn_file_actions_destroy(&actions) }
                var pid: pid_t = 0
                var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("cat"), strdup("/proc/self/status"), nil]
                guard posix_spawn(&pid, "/bin/cat", &actions, nil, &arguments, environ) == 0 else { throw Failure() }
                var status: Int32 = 0
                waitpid(pid, &status, 0)
                return try SignalTests.blocked(path)
            }
            // The tests' own thread blocks all: one of libdispatch's.
            var empty = sigset_t()
            sigemptyset(&empty)
            pthread_sigmask(SIG_SETMASK, &empty, nil)
            try Hub(loop: LibeventLoop()).run {
                let hub = Hub.current
                let signals = try Signals([SIGTERM, SIGHUP])
                let none = "0000000000000000"
                guard try child() == none, try blocking({ try child() }) == none else { fatalError("a child blocks signals") }
                let answer = ThreadQueue<String>()
                HubGroup().start(name: "worker") {
                    answer.tryPut(try SignalTests.blocked("/proc/thread-self/status") ?? "")
                }
                // All but SIGKILL, SIGSTOP, the threads' own two, and those of a fault.
                let blocked = UInt64(try answer.get(until: hub.soon) ?? "", radix: 16) ?? 0
                for signal in [SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGCHLD, SIGALRM, SIGPIPE] {
                    guard blocked & (1 << UInt64(signal - 1)) != 0 else { fatalError("\(signal) is not blocked") }
                }
                guard blocked & (1 << UInt64(SIGSEGV - 1)) == 0 else { fatalError("a fault would be silent") }
                withExtendedLifetime(signals) {}
            }
        }
    }
}

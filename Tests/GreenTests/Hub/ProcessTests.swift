import Glibc
import Green
import Testing

/// Programs that run beside this one.
@Suite struct ProcessTests {
    @Test func `a program is run to its end with what it reads and writes`() throws {
        try onHub { hub throws in
            let large = [UInt8](repeating: 65, count: 1_000_000)
            let copied = try ChildProcess.run(["cat"], input: large, until: hub.soon)
            #expect(copied.output == large && copied.errors.isEmpty && copied.end == .exited(0))
            let failed = try ChildProcess.run(["sh", "-c", "echo out; echo err >&2; exit 3"], until: hub.soon)
            #expect(failed.text == "out\n" && failed.errors == Array("err\n".utf8) && failed.end == .exited(3))
            // One that reads nothing of its input is no error.
            #expect(try ChildProcess.run(["true"], input: large, until: hub.soon).end == .exited(0))
        }
    }

    @Test func `a program begins with a clean mask and handles signals as usual`() throws {
        try onHub { hub throws in
            var (blocked, before) = (sigset_t(), sigset_t())
            sigfillset(&blocked)
            pthread_sigmask(SIG_BLOCK, &blocked, &before)
            defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
            let result = try ChildProcess.run(
                ["sh", "-c", "grep -E 'Sig(Blk|Ign)' /proc/self/status; kill -TERM $$"], until: hub.soon)
            #expect(result.end == .signaled(SIGTERM))
            // Signals 32 and 33 are the C library's own.
            let masks = result.text.split(separator: "\n").map { UInt64($0.split(separator: "\t").last ?? "", radix: 16) ?? .max }
            #expect(masks.map { $0 & 0x7FFF_FFFF } == [0, 0])
        }
    }

    @Test func `a program that takes too long, or says too much, is killed and gone`() throws {
        try onHub { hub throws in
            func isGone(_ text: String) -> Bool { kill(Int32(text) ?? 0, 0) != 0 && errno == ESRCH }
            for kind in 0..<3 {
                let number = "/tmp/green-process-\(hub.loop.random())"
                defer { unlink(number) }
                let script = kind == 1 ? "echo $$ > \(number); yes" : "echo $$ > \(number); exec sleep 1000"
                let running = hub.spawn {
                    try ChildProcess.run(
                        ["sh", "-c", script], limit: 10_000, until: kind == 0 ? .in(.milliseconds(300)) : hub.soon)
                }
                if kind == 2 {
                    while (try? hub.loop.files.read(number, limit: 100))?.isEmpty ?? true { try sleep(.milliseconds(1)) }
                    running.kill()
                }
                do {
                    _ = try running.get()
                    Issue.record("it ended")
                } catch {
                    switch kind {
                    case 0: #expect(error.isTimeout && "\(error)" == "sh: timed out")
                    case 1: #expect(error is BufferedReader.TooLong)
                    default: #expect(error as? Interruption == .killed)
                    }
                }
                let text = String(decoding: (try? hub.loop.files.read(number, limit: 100)) ?? [], as: UTF8.self)
                #expect(isGone(String(text.dropLast())))
            }
        }
    }

    @Test func `a program is talked to line by line`() throws {
        try onHub { hub throws in
            let child = try ChildProcess(
                ["sh", "-c", "while read line; do echo \"$NAME $line\"; done; pwd"],
                environment: ["NAME": "anna", "PATH": "/usr/bin:/bin"], directory: "/")
            let reader = BufferedReader(child.output)
            for number in 0..<3 {
                try child.input.write("line \(number)\n", until: hub.soon)
                #expect(try reader.readLine(until: hub.soon) == "anna line \(number)")
            }
            #expect(try child.wait(until: .in(.milliseconds(1))) == nil)
            child.input.close()
            #expect(try reader.readLine(until: hub.soon) == "/")
            #expect(try reader.readLine(until: hub.soon) == nil)
            #expect(try child.wait(until: hub.soon) == .exited(0))
            #expect(throws: SocketError.closed) { try child.input.write("x", until: hub.soon) }
        }
    }

    @Test func `what cannot be run is told with its name`() throws {
        try onHub { hub throws in
            do {
                _ = try ChildProcess.run(["no-such-program"])
                Issue.record("it ran")
            } catch {
                #expect("\(error)" == "no-such-program: no such file")
            }
            #expect(throws: SocketError.self) { try ChildProcess(["true\0x"]) }
            #expect(throws: SocketError.self) { try ChildProcess([]) }
            #expect(throws: SocketError.notFound) { try ChildProcess(["true"], directory: "/nowhere") }
        }
    }

    @Test func `programs leave no descriptors and no zombies behind`() async {
        await #expect(processExitsWith: .success) {
            try green {
                func descriptors() throws -> Int {
                    try ChildProcess.run(["sh", "-c", "ls /proc/\(getpid())/fd | wc -l"]).output.reduce(0) {
                        $1 < 48 ? $0 : $0 * 10 + Int($1) - 48
                    }
                }
                let before = try descriptors()
                for number in 0..<100 {
                    if number % 2 == 0 { _ = try ChildProcess.run(["true"]) } else { _ = try ChildProcess(["sleep", "1000"]) }
                }
                let after = try descriptors()
                guard after <= before + 20 else { fatalError("\(after) descriptors, not \(before)") }
                let deadline = Instant.in(.seconds(20))
                while waitpid(-1, nil, WNOHANG) >= 0 {
                    guard Instant.now < deadline else { fatalError("zombies") }
                    try sleep(.milliseconds(5))
                }
            }
        }
    }
}

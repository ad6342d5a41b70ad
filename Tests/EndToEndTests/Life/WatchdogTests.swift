import Foundation
import Testing

extension EndToEnd {
    /// What the service manager's watchdog is told.
    @Suite(.enabled(if: geteuid() == 0, "needs root, to stop a thread of another process"))
    struct WatchdogTests {
        /// Holds one thread of another process for as long as this one runs (ptrace(2): SEIZE, INTERRUPT).
        private static let holder = """
            import ctypes, signal, sys
            ptrace = ctypes.CDLL(None).ptrace
            ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
            held = [ptrace(request, int(sys.argv[1]), None, None) for request in (0x4206, 0x4207)]
            print("held" if held == [0, 0] else "not held", flush=True)
            signal.pause()
            """

        /// The thread of a worker.
        private func worker(of pid: pid_t) throws -> String? {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task").first { task in
                (try? String(contentsOfFile: "/proc/\(pid)/task/\(task)/comm", encoding: .utf8)) == "worker-1\n"
            }
        }

        @Test func `it is fed while every worker turns, not while one of them stands still, and again once it goes on`() throws {
            let manager = try ServiceManager("listen: [\"127.0.0.1:\(FreePort.take())\"]\nupstreams: [\"192.0.2.1\"]\nworkers: 2")
            try manager.start()
            func count(_ start: String) -> Int {
                manager.takeMessages()
                return manager.messages.count { $0.hasPrefix(start) }
            }
            try eventually("food and figures") { count("WATCHDOG=1") > 0 && count("STATUS=") > 0 ? true : nil }
            let process = try #require(manager.process)
            let thread = try #require(try worker(of: process.pid))
            let holder = try ManagedProcess(["python3", "-c", Self.holder, thread])
            let word = try eventually("the holder") { holder.output.hasSuffix("held\n") ? holder.output : nil }
            guard word == "held\n" else { return }
            let (fed, told) = (count("WATCHDOG=1"), count("STATUS="))
            // The main thread goes on: it tells figures each ten seconds.
            try eventually("the next figures", within: .seconds(30)) { count("STATUS=") > told ? true : nil }
            #expect(count("WATCHDOG=1") <= fed + 1)
            holder.send(SIGKILL)
            try eventually("food again") { count("WATCHDOG=1") > fed + 1 ? true : nil }
        }
    }
}

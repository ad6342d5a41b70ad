import DNSWire
import Foundation
import Synchronization
import Testing

extension EndToEnd {
    /// A service manager that opens sockets, and keeps them over restarts.
    @Suite struct RestartTests {
        private static func number(_ name: String, _ usual: Int) -> Int {
            ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? usual
        }

        @Test func `a socket for TLS that is handed over without a certificate ends the start with what is wanted`() throws {
            let manager = try ServiceManager("listen: [\"127.0.0.1:\(FreePort.take())\"]\nupstreams: [\"192.0.2.1\"]\nuser: root")
            try manager.open(SOCK_STREAM, port: FreePort.take(), named: "tls")
            let process = try manager.startOnly()
            #expect(try process.waitForExit(within: .seconds(4)) == .code(1))
            #expect(process.errors.contains("needs a certificate"), "\(process.errors)")
        }

        @Test func `no query is lost over restarts under load`() throws {
            let upstream = try FakeUpstream()
            let port = FreePort.take()
            let manager = try ServiceManager("listen: [\"127.0.0.1:\(port)\"]\nupstreams: [\"\(upstream.address)\"]\nworkers: 2")
            try manager.start()
            #expect(manager.kept.count == 4 && Set(manager.kept.map(\.name)) == ["kept.plain.127.0.0.1_\(port)"])
            let rate = Self.number("VIREO_RESTART_RATE", 500)
            let isOver = Atomic<Bool>(false)
            // Several clients, so that each worker has some.
            let lost = Mutex<[Int]>([])
            let sent = Mutex<Int>(0)
            let clients = (0..<4).map { number in
                let thread = Thread {
                    guard let socket = try? UDPSocket(to: port) else { return }
                    var (asked, answered, next) = (0, 0, ContinuousClock.now)
                    while !isOver.load(ordering: .relaxed) {
                        let name = "n\(asked % 50).c\(number).example."
                        socket.send((try? Message.query(name, .a, id: UInt16(truncatingIfNeeded: asked)).encoded()) ?? [])
                        asked += 1
                        next += .nanoseconds(4_000_000_000 / rate)
                        repeat {
                            let left = next - ContinuousClock.now
                            if socket.receive(within: max(.zero, left)) != nil { answered += 1 }
                        } while ContinuousClock.now < next
                    }
                    while answered < asked, socket.receive(within: .seconds(3)) != nil { answered += 1 }
                    lost.withLock { $0.append(asked - answered) }
                    sent.withLock { $0 += asked }
                }
                thread.start()
                return thread
            }
            for _ in 0..<Self.number("VIREO_RESTARTS", 2) {
                Thread.sleep(forTimeInterval: 0.1)
                try manager.restart()
                #expect(manager.kept.count == 4)
            }
            isOver.store(true, ordering: .relaxed)
            try eventually("the clients to end") { clients.allSatisfy(\.isFinished) ? true : nil }
            print("restarts: \(sent.withLock { $0 }) queries, \(lost.withLock { $0 }) lost")
            #expect(lost.withLock { $0 } == [0, 0, 0, 0] && sent.withLock { $0 } > 40)
        }

        @Test func `sockets of units take the place of what listen says of their transport`() throws {
            let upstream = try FakeUpstream()
            let (port, other) = (FreePort.take(), FreePort.take())
            let manager = try ServiceManager("listen: [\"127.0.0.1:\(other)\"]\nupstreams: [\"\(upstream.address)\"]\nworkers: 2")
            try manager.open(SOCK_DGRAM, port: port, named: "dns")
            try manager.open(SOCK_STREAM, port: port, named: "dns")
            try manager.start()
            let client = DNSClient(port: port)
            #expect(try client.ask("a.example.", .a, over: .udp).answers.count == 1)
            #expect(try client.ask("a.example.", .a, over: .tcp).answers.count == 1)
            #expect(throws: (any Error).self) {
                try DNSClient(port: other).ask(.query("a.example.", .a), within: .milliseconds(200))
            }
            // They are the manager's own already.
            #expect(manager.kept.isEmpty)
            // All else goes by them, too: what is left out is told, and a reload of the same file finds nothing changed.
            let process = try #require(manager.process)
            #expect(process.errors.contains("a socket unit opens what is listened on, and not this"))
            #expect(process.errors.contains("listen=127.0.0.1:\(other)"))
            kill(process.pid, SIGHUP)
            try eventually("the reload to be reported") { process.errors.contains("settings read again") ? true : nil }
            #expect(!process.errors.contains("change only with a restart"))
            try manager.restart()
            #expect(try client.ask("a.example.", .a, over: .udp).answers.count == 1)
        }

        @Test func `a socket that was kept for a place where nobody listens any more is kept no longer`() throws {
            let upstream = try FakeUpstream()
            let port = FreePort.take()
            let manager = try ServiceManager("listen: [\"127.0.0.1:\(port)\"]\nupstreams: [\"\(upstream.address)\"]\nworkers: 1")
            try manager.open(SOCK_STREAM, port: FreePort.take(), named: "kept.plain.10.0.0.1_53")
            try manager.start()
            #expect(try DNSClient(port: port).ask("a.example.", .a, over: .udp).answers.count == 1)
            #expect(manager.messages.contains("FDSTOREREMOVE=1\nFDNAME=kept.plain.10.0.0.1_53"))
        }
    }
}

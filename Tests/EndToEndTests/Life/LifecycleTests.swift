import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// Stopping, and reading the configuration again.
    @Suite struct LifecycleTests {
        @Test(arguments: [SIGTERM, SIGINT])
        func `a stop answers the queries in flight and ends well`(signal: Int32) throws {
            let upstream = try FakeUpstream(delay: .milliseconds(500))
            let vireo = try VireoServer(upstreams: [upstream.address])
            let socket = try UDPSocket(to: vireo.port)
            let connection = try TCPConnection(to: vireo.port)
            for id in 0..<50 {
                socket.send(try Message.query("n\(id).example.", .a, id: UInt16(id)).encoded())
            }
            connection.send(try Message.query("tcp.example.", .a).encoded())
            try eventually("the upstream to be asked") { upstream.questionCount >= 51 ? true : nil }
            vireo.process.send(signal)
            var answered = Set<UInt16>()
            while answered.count < 50, let reply = socket.receive(within: .seconds(2)) {
                let message = try Message(reply.span)
                #expect(message.responseCode == .noError)
                answered.insert(message.id)
            }
            #expect(answered.count == 50)
            #expect(connection.receive(within: .seconds(2)) != nil)
            #expect(try vireo.process.waitForExit(within: .seconds(3)) == .code(0))
        }

        @Test func `a stop answers all that the kernel had for it`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address], "workers: 1")
            _ = try vireo.ask("kept.example.", .a)
            let socket = try UDPSocket(to: vireo.port)
            vireo.process.send(SIGSTOP)
            let total = 500
            for id in 0..<total { socket.send(try Message.query("kept.example.", .a, id: UInt16(id)).encoded()) }
            vireo.process.send(SIGTERM)
            vireo.process.send(SIGCONT)
            #expect(try vireo.process.waitForExit(within: .seconds(4)) == .code(0))
            var answered = Set<UInt16>()
            while answered.count < total, let reply = socket.receive(within: .milliseconds(100)) {
                answered.insert(try Message(reply.span).id)
            }
            #expect(answered.count == total)
        }

        @Test func `with a hosts file, too, signals are heard: a reload is one, and a stop ends well`() throws {
            let upstream = try FakeUpstream()
            let directory = try TestDirectory()
            let hosts = try directory.write("192.0.2.77 printer.home\n", to: "hosts")
            let vireo = try VireoServer(upstreams: [upstream.address], "hosts: \(hosts)")
            #expect(try vireo.ask("printer.home.", .a).answers.count == 1)
            for _ in 0..<20 { vireo.process.send(SIGHUP) }
            try eventually("the reload to be reported") { vireo.process.errors.contains("settings read again") ? true : nil }
            #expect(try vireo.ask("printer.home.", .a).answers.count == 1)
            vireo.process.send(SIGTERM)
            #expect(try vireo.process.waitForExit(within: .seconds(3)) == .code(0))
        }

        @Test func `closed standard descriptors stay out of sockets' way`() throws {
            let upstream = try FakeUpstream()
            let port = FreePort.take()
            let arguments = "serve --listen 127.0.0.1:\(port) --upstream \(upstream.address)"
            let process = try ManagedProcess(["sh", "-c", "exec \(VireoServer.binary) \(arguments) <&- >&- 2>&-"])
            let client = DNSClient(port: port)
            try eventually("an answer") { try? client.ask(.query("a.example.", .a), within: .milliseconds(200)) }
            for descriptor in 0...2 {
                let target = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process.pid)/fd/\(descriptor)")
                #expect(target == "/dev/null")
            }
            process.send(SIGTERM)
            #expect(try process.waitForExit(within: .seconds(3)) == .code(0))
        }

        @Test func `a stop does not wait for ever for an upstream that is silent`() throws {
            let upstream = try FakeUpstream(delay: .seconds(60))
            let vireo = try VireoServer(upstreams: [upstream.address])
            let socket = try UDPSocket(to: vireo.port)
            socket.send(try Message.query("a.example.", .a).encoded())
            try eventually("the upstream to be asked") { upstream.questionCount >= 1 ? true : nil }
            vireo.process.send(SIGTERM)
            #expect(try vireo.process.waitForExit(within: .seconds(3.5)) == .code(0))
        }

        @Test func `a reload takes new upstreams and keeps the cache`() throws {
            let old = try FakeUpstream(ip: [192, 0, 2, 1])
            let new = try FakeUpstream(ip: [192, 0, 2, 2])
            let vireo = try VireoServer(upstreams: [old.address])
            _ = try vireo.ask("kept.example.", .a)
            var number = 0
            try vireo.reload(upstreams: [new.address]) {
                number += 1
                return try vireo.ask("n\(number).example.", .a).answers.map { "\($0.data)" } == ["192.0.2.2"]
            }
            let asked = new.questionCount
            #expect(try vireo.ask("kept.example.", .a).answers.map { "\($0.data)" } == ["192.0.2.1"])
            #expect(new.questionCount == asked)
        }

        @Test func `no query is lost while the configuration is read again and again`() throws {
            let upstream = try FakeUpstream(delay: .milliseconds(100))
            let vireo = try VireoServer(upstreams: [upstream.address])
            let socket = try UDPSocket(to: vireo.port)
            var answered = Set<UInt16>()
            let total = 1_000
            for id in 0..<total {
                if id % 100 == 50 { vireo.process.send(SIGHUP) }
                socket.send(try Message.query("n\(id).example.", .a, id: UInt16(id)).encoded())
                while let reply = socket.receive(within: id % 10 == 0 ? .milliseconds(2) : .zero) {
                    let message = try Message(reply.span)
                    #expect(message.responseCode == .noError)
                    answered.insert(message.id)
                }
            }
            while answered.count < total, let reply = socket.receive(within: .seconds(6)) {
                answered.insert(try Message(reply.span).id)
            }
            #expect(answered.count == total)
        }

        @Test func `a bad file changes nothing and is reported`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address])
            try vireo.reload(yaml: "listen: [\"127.0.0.1:\(vireo.port)\"]\nupstream: [\"192.0.2.1\"]\n") {
                vireo.process.errors.contains("did you mean upstreams")
            }
            #expect(vireo.process.exit == nil)
            #expect(try vireo.ask("fresh.example.", .a).answers.count == 1)
        }

        @Test func `what cannot change while running is named, the rest is taken`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address], "cache: {size: 8MiB}\nworkers: 1")
            let more = "cache: {size: 16MiB, max-ttl: 77}\nworkers: 2"
            var number = 0
            try vireo.reload(upstreams: [upstream.address], more) {
                number += 1
                let isTaken = try vireo.ask("n\(number).example.", .a).answers.first?.ttl == 77
                // Said when all parts have taken what they can.
                return isTaken && vireo.process.errors.contains("settings read again")
            }
            let log = vireo.process.errors
            #expect(log.contains("cache.size") && log.contains("workers"), "\(log)")
            #expect(!log.contains("max-ttl"), "\(log)")
            // They are named again as long as they wait for a restart.
            try vireo.reload(upstreams: [upstream.address], more) {
                vireo.process.errors.components(separatedBy: "cache.size").count == 3
            }
        }

        @Test func `the log says what is in force, SIGUSR1 asks for figures, and other signals end nothing`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address])
            try eventually("the line of what is in force") { vireo.process.errors.contains("info serving") ? true : nil }
            for what in ["version=", "workers=", "upstreams=\(upstream.address)", "upstreams-from=configuration", "redis=none"] {
                #expect(vireo.process.errors.contains(what), "\(what): \(vireo.process.errors)")
            }
            for signal in [SIGUSR2, SIGALRM, SIGPIPE, SIGUSR1] { vireo.process.send(signal) }
            try eventually("the figures") { vireo.process.errors.contains("figures") ? true : nil }
            #expect(try vireo.ask("a.example.", .a).answers.count == 1)
            #expect(vireo.process.exit == nil)
        }

        @Test func `who may not ask is refused, and the others are answered`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address], "allow: 192.0.2.0/24")
            #expect(try vireo.ask("a.example.", .a).responseCode == .refused)
            try vireo.reload(upstreams: [upstream.address], "allow: local") {
                try vireo.ask("a.example.", .a).responseCode == .noError
            }
        }

        @Test func `the log level can change while running`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address], "log: {level: critical}")
            #expect(vireo.process.errors == "")
            try vireo.reload(upstreams: [upstream.address], "log: {level: debug}") { !vireo.process.errors.isEmpty }
        }
    }
}

import DNSWire
import Foundation
import Green
import GreenTLS
import Testing

/// The programs of Examples, run as they are.
@Suite struct ExampleTests {
    /// A program that runs, and what it printed so far.
    final class Program {
        let process = Process()
        let output = Pipe()

        init(_ name: String, _ arguments: [String] = []) throws {
            process.executableURL = Self.directory.appendingPathComponent(name)
            process.arguments = arguments
            process.standardOutput = output
            try process.run()
        }

        /// Where the build put the programs: beside the test bundle.
        static var directory: URL {
            URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        }

        /// The next line, or what there is before the end.
        func line() -> String {
            var bytes = Data()
            while let byte = try? output.fileHandleForReading.read(upToCount: 1), byte.count == 1, byte[0] != 10 { bytes += byte }
            return String(decoding: bytes, as: UTF8.self)
        }

        /// All that is printed until it ends by itself.
        func rest() -> String {
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return text
        }

        /// Ends it as an operator does; what it printed meanwhile.
        func stop() -> String {
            process.terminate()
            return rest()
        }

        /// The address that it says it listens on.
        func address() throws -> SocketAddress {
            let text = line()
            return try #require(
                SocketAddress(text.replacingOccurrences(of: "listening on ", with: ""), defaultPort: 0), "\(text)")
        }
    }

    @Test func `the ring goes round, each greenlet waking the next`() throws {
        let program = try Program("event-ring")
        let expected = (1...3).flatMap { round in (1...3).map { "round \(round): greenlet \($0)\n" } }.joined()
        #expect(program.rest() == expected)
        #expect(program.process.terminationStatus == 0)
    }

    @Test func `the echo server answers, and ends when asked`() throws {
        let program = try Program("echo-server", ["0"])
        let address = try program.address()
        try Hub(loop: LibeventLoop()).run {
            let deadline = Hub.current.loop.now().advanced(by: .seconds(20))
            let client = try StreamSocket.connect(to: address, until: deadline)
            try client.write([1, 2, 3])
            #expect(try client.read(upTo: 10, until: deadline) == [1, 2, 3])
        }
        #expect(program.stop() == "bye\n")
        #expect(program.process.terminationStatus == 0)
    }

    @Test func `the HTTP server counts as far as it is asked to`() throws {
        let program = try Program("http-server", ["0"])
        let address = try program.address()
        let reply = try Hub(loop: LibeventLoop()).run {
            let deadline = Hub.current.loop.now().advanced(by: .seconds(20))
            let client = try StreamSocket.connect(to: address, until: deadline)
            try client.write(Array("GET /count?to=3 HTTP/1.0\r\n\r\n".utf8))
            var reply: [UInt8] = []
            while case let more = try client.read(upTo: 4096, until: deadline), !more.isEmpty { reply += more }
            return String(decoding: reply, as: UTF8.self)
        }
        #expect(reply.hasPrefix("HTTP/1.0 200 OK\r\n") && reply.hasSuffix("\r\n\r\n1\n2\n3\n"))
        #expect(program.stop() == "bye\n")
        #expect(program.process.terminationStatus == 0)
    }

    @Test func `the pool fetches all pages side by side`() throws {
        let program = try Program("fan-out")
        #expect(program.rest().hasPrefix("100 pages in "))
        #expect(program.process.terminationStatus == 0)
    }

    @Test func `pages are fetched over HTTP`() throws {
        let server = try Program("http-server", ["0"])
        let address = try server.address()
        let client = try Program("http-get", ["http://\(address)/count?to=3", "http://\(address)/none"])
        let lines = client.rest().split(separator: "\n").sorted()
        #expect(lines.count == 2)
        #expect(lines.first == "http://\(address)/count?to=3: 200, 6 bytes")
        #expect(lines.last?.hasPrefix("http://\(address)/none: 404, ") == true)
        #expect(client.process.terminationStatus == 0)
        _ = server.stop()
    }

    @Test func `lines are sent back over TLS`() throws {
        let directory = NSTemporaryDirectory() + "green-example-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (certificate, key) = ("\(directory)/own.pem", "\(directory)/own.key")
        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout",
            key,
            "-out", certificate, "-subj", "/CN=example", "-addext", "subjectAltName=IP:127.0.0.1",
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        let program = try Program("tls-echo", [certificate, key, "0"])
        let address = try program.address()
        try green {
            var options = TLSClientOptions()
            options.trust = .file(certificate)
            let stream = try StreamSocket.connect(to: address, until: .in(.seconds(20)))
            let context = try TLSContext.client(options)
            let socket = try TLSSocket.connect(over: stream, host: "127.0.0.1", context: context, until: .in(.seconds(20)))
            try socket.write("one\ntwo\n")
            let reader = BufferedReader(socket)
            #expect(try reader.readLine(until: .in(.seconds(20))) == "one")
            #expect(try reader.readLine(until: .in(.seconds(20))) == "two")
            socket.close()
        }
        #expect(program.stop() == "bye\n")
        #expect(program.process.terminationStatus == 0)
    }

    @Test func `jobs in Redis are all done, each once`() throws {
        let redis = try RedisProgram()
        let program = try Program("job-queue", ["redis://127.0.0.1:\(redis.port)", "50"])
        #expect(program.rest() == "50 jobs done\n")
        #expect(program.process.terminationStatus == 0)
    }

    @Test func `hubs on three threads share their work`() throws {
        let program = try Program("hubs")
        #expect(program.rest() == "2262 primes below 20,000\n")
        #expect(program.process.terminationStatus == 0)
    }

    @Test func `greenlets, tasks and the main actor wait for each other`() throws {
        let program = try Program("async-bridge")
        #expect(program.rest() == "a task gives 42\nthe main actor counts 1\ngreenlets give 6\n")
        #expect(program.process.terminationStatus == 0)
    }

    @Test func `the same seed gives the same run of a simulated world`() throws {
        let runs = try (0..<2).map { _ in try Program("simulated", ["7"]).rest() }
        #expect(runs[0].hasPrefix("100 answers after ") && runs[0] == runs[1])
        #expect(try Program("simulated", ["8"]).rest() != runs[0])
    }

    /// A name server of one zone: an address with a TTL of 300 for each name that begins with "a", NXDOMAIN for others.
    final class Upstream: DatagramServer {
        var count = 0

        override func handle(_ datagram: consuming Datagram) {
            let path = datagram.returnPath
            guard let query = try? Message(datagram.bytes), let question = query.questions.first else { return }
            count += 1
            var reply = Message(id: query.id, flags: query.flags)
            (reply.flags.isResponse, reply.questions) = (true, [question])
            if "\(question.name)".hasPrefix("a") {
                reply.answers = [try! ResourceRecord(text: "\(question.name) 300 IN A 192.0.2.1")]
            } else {
                reply.responseCode = .nxDomain
                reply.authorities = [try! ResourceRecord(text: "example. 60 IN SOA ns.example. x.example. 1 2 3 4 60")]
            }
            guard let answer = Datagram(try! reply.encoded()) else { return }
            answer.setReturnPath(path)
            socket.send(answer)
        }
    }

    /// Asks a name server, with a cookie that differs each time, as dig does.
    private func ask(_ server: SocketAddress, _ name: String, id: UInt16) throws -> Message {
        var query = Message(id: id)
        (query.questions, query.flags.recursionDesired) = ([Question(Name(name)!, .a)], true)
        query.edns = EDNS(options: [EDNSOption(.cookie, (0..<8).map { UInt8(truncatingIfNeeded: Int(id) * 7 + $0) })])
        let socket = try DatagramSocket(connectedTo: server)
        socket.send(Datagram(try query.encoded())!)
        var reply: Message?
        #expect(try socket.receive(until: .in(.seconds(20))) { reply = try? Message($0.bytes) } == 1)
        return try #require(reply)
    }

    @Test func `the proxy asks each question once, counts TTLs down, and shares what it knows`() throws {
        let redis = try RedisProgram()
        try green {
            let hub = Hub.current
            let local = SocketAddress(.loopback, port: 0)
            let upstream = Upstream(socket: try DatagramSocket(listener: hub.loop.listen(.datagram, at: local, options: .init())))
            upstream.start()
            let arguments = ["127.0.0.1:0", "\(upstream.socket.localAddress!)", "redis://127.0.0.1:\(redis.port)"]
            let program = try Program("dns-proxy", arguments)
            let address = try program.address()
            for (index, name) in ["a.example.", "A.Example.", "b.example.", "a.example."].enumerated() {
                let reply = try ask(address, name, id: UInt16(index))
                #expect(reply.id == UInt16(index) && reply.questions.first.map { "\($0.name)" } == name)
                #expect(reply.responseCode == (name == "b.example." ? .nxDomain : .noError))
                #expect(reply.answers.first?.ttl ?? 300 > 290)
            }
            #expect(upstream.count == 2)
            let deadline = Instant.in(.seconds(20))
            while try ask(address, "a.example.", id: 9).answers[0].ttl == 300, Instant.now < deadline {
                try sleep(.milliseconds(50))
            }
            #expect(Instant.now < deadline && upstream.count == 2)
            // Another proxy finds it in Redis, with what is left of its time.
            let other = try Program("dns-proxy", arguments)
            let found = try ask(try other.address(), "a.example.", id: 10)
            #expect(found.answers.first?.ttl ?? 300 < 300 && upstream.count == 2)
            for program in [program, other] {
                _ = program.stop()
                #expect(program.process.terminationStatus == 0)
            }
            upstream.stop()
        }
    }
}

/// A redis-server on a free port, gone with its object.
final class RedisProgram {
    let port: UInt16
    private let process = Process()

    init() throws {
        port = try green { try serve(0) { _ in }.address.port }
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--dir", NSTemporaryDirectory(),
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let port = port
        try green {
            let deadline = Instant.in(.seconds(20))
            while (try? StreamSocket.connect(to: SocketAddress(.loopback, port: port), until: .in(.seconds(1)))) == nil {
                guard Instant.now < deadline else { throw SocketError.refused }
                try sleep(.milliseconds(5))
            }
        }
    }

    deinit {
        // Its threads inherit what the test's own block: SIGTERM may never reach it.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}

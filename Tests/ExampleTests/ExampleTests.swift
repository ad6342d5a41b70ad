import Foundation
import Green
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

    /// Answers each query with itself and a mark, and counts.
    final class Upstream: DatagramServer {
        var count = 0

        override func handle(_ datagram: consuming Datagram) {
            count += 1
            datagram.count += 1
            socket.send(datagram)
        }
    }

    @Test func `the proxy asks each question once, and answers with each query's own id`() throws {
        try Hub(loop: LibeventLoop()).run {
            let hub = Hub.current
            let local = SocketAddress(.loopback, port: 0)
            let upstream = Upstream(socket: try DatagramSocket(listener: hub.loop.listen(.datagram, at: local, options: .init())))
            upstream.start()
            let program = try Program("dns-proxy", ["127.0.0.1:0", "\(upstream.socket.localAddress!)"])
            let client = try DatagramSocket(connectedTo: try blockingAddress(program))
            for id in UInt8(1)...5 {
                var query = Datagram(hub: hub)!
                var buffer = query.buffer
                for index in 0..<20 { buffer[index] = index < 2 ? id : UInt8(index) }
                query.count = 20
                client.send(query)
                var seen = 0
                let got = try client.receive(until: hub.loop.now().advanced(by: .seconds(20))) { answer in
                    seen = answer.count
                    #expect(answer.bytes[0] == id && answer.bytes[2] == 2)
                }
                #expect(got == 1 && seen == 21)
            }
            #expect(upstream.count == 1)
            upstream.stop()
            #expect(program.stop() == "bye\n")
        }
    }

    private func blockingAddress(_ program: Program) throws -> SocketAddress { try program.address() }
}

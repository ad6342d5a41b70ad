import DNSWire
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Attacks at the size at which they were found, or near it, on the running program: others are answered as before.
    @Suite(.enabled(if: VireoServer.binary.contains("release"), "what is not optimised cannot take so much"))
    struct AttackTests {
        /// Sends a question with the length before it.
        private func ask(_ name: String, _ type: RecordType = .a, id: UInt16 = 1) throws -> [UInt8] {
            try Message.query(name, type, id: id).encoded()
        }

        @Test func `a thousand connections of one client with a slow question each keep nobody else from TCP`() throws {
            let upstream = try FakeUpstream(silent: "slow")
            let vireo = try VireoServer(upstreams: [upstream.address], "workers: 1")
            _ = try vireo.ask("known.example.", .a)
            let greedy = try (0..<1_000).map { number in
                let connection = try TCPConnection(to: vireo.port, from: "127.0.0.9")
                connection.send(try ask("slow\(number).d\(number).example."))
                return connection
            }
            try eventually("the questions to be asked") { upstream.questionCount > 200 ? true : nil }
            for number in 1...70 {
                let other = try TCPConnection(to: vireo.port, from: "127.0.1.\(number)")
                other.send(try ask("known.example."))
                #expect(other.receive(within: .seconds(2)) != nil)
            }
            #expect(greedy.count == 1_000 && vireo.process.exit == nil)
        }

        /// How one client asks silent names.
        enum Flood: String, CaseIterable, CustomTestStringConvertible {
            /// Each name of a domain of its own; all of one domain.
            case domains, domain
            var testDescription: String { rawValue }

            func name(_ number: Int) -> String {
                switch self {
                case .domains: "silent\(number).d\(number).example."
                case .domain: "silent\(number).evil.example."
                }
            }
        }

        @Test(arguments: Flood.allCases)
        func `6,000 silent names a second of one client fail no question of another`(_ flood: Flood) throws {
            let upstream = try FakeUpstream(silent: "silent")
            let vireo = try VireoServer(upstreams: [upstream.address], "workers: 1")
            let greedy = try UDPSocket(to: vireo.port, from: "127.0.0.9")
            let other = try UDPSocket(to: vireo.port, from: "127.0.0.10")
            var codes: [ResponseCode: Int] = [:]
            for turn in 0..<500 {
                for index in 0..<60 { greedy.send(try ask(flood.name(turn * 60 + index))) }
                while greedy.receive(within: .zero) != nil {}
                if turn % 5 == 0 {
                    other.send(try ask("good\(turn).example.", id: UInt16(turn)))
                    let answer = try Message(reading: other.receive(within: .seconds(2)))
                    codes[answer.responseCode, default: 0] += 1
                }
                usleep(10_000)
            }
            #expect(codes == [.noError: 100])
        }

        @Test func `a question that one client asks 12,000 times at once is answered to another`() throws {
            let upstream = try FakeUpstream(delay: .milliseconds(1_500))
            let vireo = try VireoServer(upstreams: [upstream.address], "workers: 1")
            let greedy = try UDPSocket(to: vireo.port, from: "127.0.0.9")
            for index in 0..<12_000 {
                greedy.send(try ask("popular.example.", id: UInt16(index)))
                if index % 300 == 0 { usleep(10_000) }
            }
            let other = try UDPSocket(to: vireo.port, from: "127.0.0.10")
            other.send(try ask("popular.example."))
            #expect(try Message(reading: other.receive(within: .seconds(4))).answers.count == 1)
        }

        @Test(.enabled(if: PrivateNetwork.isAllowed, "needs the right to make network namespaces and raw sockets"))
        func `ICMP messages forged for every port fail no question`() throws {
            // What is expected is told on the test's own thread.
            let codes = try PrivateNetwork.run {
                let upstream = try FakeUpstream(delay: .milliseconds(700))
                let vireo = try VireoServer(upstreams: [upstream.address], "workers: 1")
                let forger = try Forger(of: upstream.port)
                let client = try UDPSocket(to: vireo.port)
                for id in 0..<300 { client.send(try ask("n\(id).example.", id: UInt16(id))) }
                try eventually("the questions to be asked") { upstream.questionCount >= 300 ? true : nil }
                for port in UInt16(1_024)...UInt16.max { forger.forge(from: port) }
                var codes: [ResponseCode: Int] = [:]
                while codes.values.reduce(0, +) < 300, let bytes = client.receive(within: .seconds(6)) {
                    codes[try Message(bytes.span).responseCode, default: 0] += 1
                }
                return codes
            }
            #expect(codes == [.noError: 300])
        }

        @Test func `where guards of stacks take mappings, 50,000 questions that wait harm no hit, no command and no reload`()
            throws
        {
            let directory = try TestDirectory()
            let library = directory.file("no_guards.so")
            let source = TestDirectory.resource("preload/no_guards.c")
            let compiler = try Tool(["clang", "-shared", "-fPIC", "-O1", "-o", library, source])
            try #require(compiler.exit == .code(0), "\(compiler.errors)")
            let upstream = try FakeUpstream(silent: "silent")
            let vireo = try VireoServer(upstreams: [upstream.address], "workers: 1", environment: ["LD_PRELOAD": library])
            _ = try vireo.ask("known.example.", .a)
            let clients = try (1...64).map { try UDPSocket(to: vireo.port, from: "127.0.3.\($0)") }
            // Four ask for each name, so that fewer names are in flight than may be.
            for number in 0..<60_000 {
                clients[number % 64].send(try ask("silent\(number / 4).d\(number / 4 % 997).example."))
                if number % 600 == 0 { usleep(5_000) }
            }
            let other = try UDPSocket(to: vireo.port, from: "127.0.0.10")
            for id in 0..<200 {
                other.send(try ask("known.example.", id: UInt16(id)))
                #expect(try Message(reading: other.receive(within: .seconds(2))).id == UInt16(id))
            }
            // Who has asked little finds a place for what is to be asked, too; one in a thousand has by chance only counters of
            // some who ask much.
            var answered = 0
            for number in 1...16 {
                let late = try UDPSocket(to: vireo.port, from: "127.0.4.\(number)")
                late.send(try Message.query("new\(number).example.", .a, edns: EDNS()).encoded())
                answered += try Message(reading: late.receive(within: .seconds(2))).answers.count
            }
            #expect(answered >= 15, "of 16")
            let statistics = try Tool([VireoServer.binary, "cache", "stats", "--control", vireo.controlPath])
            #expect(statistics.exit == .code(0), "\(statistics.errors)")
            vireo.process.send(SIGHUP)
            try eventually("the reload; it says: \(vireo.process.errors)") {
                vireo.process.errors.contains("settings read again") ? true : nil
            }
            #expect(try vireo.ask("known.example.", .a).answers.count == 1)
        }

        @Test func `a client that reads nothing of many large answers is let go, and leaves nothing with the kernel`() throws {
            let directory = try TestDirectory()
            let lines = (0..<4_000).map { "192.0.\($0 / 250).\($0 % 250 + 1) large.home\n" }
            let hosts = try directory.write(lines.joined(), to: "hosts")
            let vireo = try VireoServer(upstreams: ["127.0.0.1:9"], "workers: 1\nhosts: \(hosts)")
            let question = try ask("large.home.")
            let connections = try (0..<100).map { _ in try TCPConnection(to: vireo.port, from: "127.0.0.9") }
            for connection in connections { for _ in 0..<128 { connection.send(question) } }
            let ports = Set(connections.map(\.localPort))
            /// How many of its ends of these connections the kernel still has, in whatever state.
            func ends() throws -> Int {
                try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8).split(separator: "\n").dropFirst().count { line in
                    let ends = line.split(separator: " ")[1...2].map { UInt16($0.split(separator: ":")[1], radix: 16) ?? 0 }
                    return ends[0] == vireo.port && ports.contains(ends[1])
                }
            }
            try eventually("the connections to be gone") { try ends() == 0 ? true : nil }
            #expect(try vireo.ask("large.home.", .a, over: .tcp).answers.count == 4_000)
        }
    }
}

import DNSWire
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Bytes of any kind at the sockets of the running program: it goes on, and grows no larger.
    @Suite struct HostileClientTests {
        private static let queries: [[UInt8]] = {
            let options = [EDNSOption(.cookie, [1, 2, 3, 4, 5, 6, 7, 8])]
            let messages: [Message] = [
                .query("www.example.", .a), .query("mail.example.", .mx, edns: EDNS(dnssecOK: true, options: options)),
                .query("version.bind.", .txt, class: .chaos), .query("example.", RecordType(rawValue: 252)),
            ]
            return messages.map { try! $0.encoded() }
        }()

        /// Resident memory in KiB.
        private func resident(_ pid: pid_t) throws -> Int {
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
            return try #require(Int(line.split(separator: " ").dropFirst().first ?? ""))
        }

        /// As many spoiled messages over UDP, and for every tenth a TCP connection with a few of them.
        private func assail(_ vireo: VireoServer, _ count: Int, seed: UInt64) throws {
            var mutate = Mutation(seed: seed)
            let socket = try UDPSocket(to: vireo.port)
            for round in 0..<count {
                socket.send(mutate(Self.queries[round % Self.queries.count]))
                if round % 16 == 0 { while socket.receive(within: .milliseconds(round % 64 == 0 ? 1 : 0)) != nil {} }
                guard round % 10 == 0 else { continue }
                let connection = try TCPConnection(to: vireo.port)
                for step in 0..<3 {
                    let message = mutate(Self.queries[(round + step) % Self.queries.count])
                    // The length is right, or spoiled as well.
                    if step == 2 { connection.sendRaw(mutate([0, UInt8(truncatingIfNeeded: message.count)] + message)) }
                    if step < 2 { connection.send(message) }
                }
                if round % 20 == 0 { connection.finishSending() }
                if round % 30 == 0 { _ = connection.receive(within: .milliseconds(1)) }
            }
        }

        @Test func `thousands of spoiled queries over UDP and TCP: it answers on, and its memory does not grow`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address], "cache: {size: 1MiB}")
            try assail(vireo, 4_000, seed: 1)
            let before = try resident(vireo.process.pid)
            for seed: UInt64 in 2...4 { try assail(vireo, 4_000, seed: seed) }
            #expect(try vireo.ask("a.example.", .a).answers.count == 1)
            #expect(try vireo.ask("a.example.", .a, over: .tcp).answers.count == 1)
            let after = try resident(vireo.process.pid)
            #expect(after < before + 4_096 || !Sanitizer.allowsMeasures, "from \(before) to \(after) KiB")
            #expect(vireo.process.exit == nil)
            vireo.process.send(SIGTERM)
            #expect(try vireo.process.waitForExit(within: .seconds(4)) == .code(0))
        }
    }
}

import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// dnstap, read by the programs of those who made it.
    @Suite(
        .enabled(if: Tool.exists("fstrm_capture") && Tool.exists("dnstap-read"), "fstrm-bin and bind9-dnsutils: make test-deps"))
    struct DnstapReadTests {
        @Test func `fstrm_capture takes what dnstap-read reads: messages of clients and to upstreams, queries and responses`()
            throws
        {
            let directory = try TestDirectory()
            let (socket, file) = (directory.file("tap.sock"), directory.file("tap.fstrm"))
            let capture = try ManagedProcess(["fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", socket, "-w", file])
            try eventually("the socket of fstrm_capture") { access(socket, F_OK) == 0 ? true : nil }
            let upstream = try FakeUpstream()
            let server = try VireoServer(
                upstreams: [upstream.address], "dnstap: \"unix:\(socket)\"\nchaos: {id: tapped}")
            func sent() throws -> Int {
                let metrics = try Tool([VireoServer.binary, "metrics", "--control", server.controlPath]).output
                return metrics.firstMatch(of: /vireo_dnstap_messages_total (\d+)/).flatMap { Int($0.output.1) } ?? 0
            }
            var number = 0
            try eventually("messages to be taken; it says \(server.process.errors)") {
                number += 1
                _ = try server.ask("n\(number).example.", .a)
                return try sent() > 0 ? true : nil
            }
            _ = try server.ask("last.example.", .aaaa)
            _ = try server.ask("last.example.", .aaaa, over: .tcp)
            server.process.send(SIGTERM)
            try server.process.waitForExit()
            capture.send(SIGTERM)
            try capture.waitForExit()
            let tool = try Tool(["dnstap-read", file])
            let lines = tool.output.split(separator: "\n").filter { $0.lowercased().contains("last.example/in/aaaa") }
            for (kind, count) in [(" CQ ", 2...2), (" CR ", 2...2), (" FQ ", 1...9), (" FR ", 1...9)] {
                // An upstream may be asked again, where it is slow.
                #expect(count.contains(lines.count { $0.contains(kind) }), "\(kind) in \(lines)\(tool.errors)")
            }
            #expect(lines.contains { $0.contains("127.0.0.1") && $0.contains("UDP") })
            #expect(lines.contains { $0.contains(" CQ ") && $0.contains("TCP") })
            let details = try Tool(["dnstap-read", "-y", file]).output
            #expect(details.contains("identity: tapped") && details.contains("version: vireo "), "\(details.prefix(2_000))")
            #expect(details.contains("ANSWER: 1") && details.contains("last.example.\t"))
        }

        @Test(.enabled(if: Tool.exists("kdig") && Tool.exists("curl")))
        func `dnstap-read says of each query and response how it came: UDP, TCP, TLS or HTTPS`() throws {
            let directory = try TestDirectory()
            let (socket, file) = (directory.file("tap.sock"), directory.file("tap.fstrm"))
            let capture = try ManagedProcess(["fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", socket, "-w", file])
            try eventually("the socket of fstrm_capture") { access(socket, F_OK) == 0 ? true : nil }
            let upstream = try FakeUpstream()
            let vireo = try EncryptedVireo(upstreams: [upstream.address], "dnstap: \"unix:\(socket)\"")
            var number = 0
            try eventually("messages to be taken") {
                number += 1
                _ = try vireo.server.ask("n\(number).example.", .a)
                let metrics = try Tool([VireoServer.binary, "metrics", "--control", vireo.server.controlPath]).output
                return metrics.contains(/vireo_dnstap_messages_total [1-9]/) ? true : nil
            }
            _ = try vireo.server.ask("udp.example.", .a)
            _ = try vireo.server.ask("tcp.example.", .a, over: .tcp)
            let secure = ["-p", "\(vireo.tlsPort)", "+tls", "+tls-ca=\(vireo.authority)", "+tls-hostname=dns.test"]
            _ = try Tool(["kdig", "@127.0.0.1"] + secure + ["dot.example", "A"])
            let message = PresentationText.base64URL(Message.query("doh.example.", .a).wire)
            _ = try Tool([
                "curl", "-sS", "-o", "/dev/null", "--cacert", vireo.authority, "--resolve",
                "dns.test:\(vireo.httpsPort):127.0.0.1",
                "https://dns.test:\(vireo.httpsPort)/dns-query?dns=\(message)",
            ])
            vireo.server.process.send(SIGTERM)
            try vireo.server.process.waitForExit()
            capture.send(SIGTERM)
            try capture.waitForExit()
            let read = try Tool(["dnstap-read", "-y", file])
            let frames = read.output.components(separatedBy: "\n---")
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
            for (name, carrier, number) in [("udp", "UDP", 1), ("tcp", "TCP", 2), ("dot", "DOT", 3), ("doh", "DOH", 4)] {
                for (kind, type) in [("CLIENT_QUERY", 5), ("CLIENT_RESPONSE", 6)] as [(String, UInt8)] {
                    let own = frames.filter { $0.contains("type: \(kind)\n") && $0.contains("\(name).example") }
                    // BIND 9.18 knows no more than UDP and TCP, and calls all else UDP.
                    let isKnown = ["\(carrier)", number > 2 ? "UDP" : carrier].contains { word in
                        own.first?.contains("socket_protocol: \(word)\n") == true
                    }
                    #expect(own.count == 1 && isKnown, "\(kind) of \(name): \(own) \(read.errors)")
                    // Type, family (IPv4) and protocol, and then the question's name in the same frame.
                    let head: [UInt8] = [0x08, type, 0x10, 1, 0x18, UInt8(number)]
                    let label = [3] + Array(name.utf8)
                    let frame = bytes.indices.contains { place in
                        bytes[place...].starts(with: head)
                            && !bytes[place...].prefix(120).split(separator: label).dropFirst().isEmpty
                    }
                    #expect(frame, "\(kind) of \(name)")
                }
            }
        }

        @Test func `nobody who takes it, or one who speaks something else, holds no query up`() throws {
            let directory = try TestDirectory()
            let (upstream, web) = (try FakeUpstream(), try FakeUpstream())
            let port = FreePort.take()
            let other = try VireoServer(upstreams: [web.address], "http: \"127.0.0.1:\(port)\"")
            for place in ["unix:\(directory.file("nobody"))", "tcp:127.0.0.1:\(port)"] {
                let server = try VireoServer(upstreams: [upstream.address], "dnstap: \"\(place)\"")
                try eventually("a line about it", within: .seconds(15)) {
                    _ = try server.ask("www.example.", .a)
                    return server.process.errors.contains("dnstap is taken by nobody") ? true : nil
                }
                #expect(try server.ask("other.example.", .a).answers.count == 1)
            }
            withExtendedLifetime(other) {}
        }
    }
}

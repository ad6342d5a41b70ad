import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// Vireo behind a network that lies: somebody on the way answers first.
    @Suite struct VerificationTests {
        private static let zone = "$TTL 60\n@ SOA ns hostmaster 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\n* A 192.0.2.1\n"
        private static let forged = "192.0.2.66"

        /// A server, the way to it, and one that speaks TLS and is not on that way.
        private final class LyingWay {
            let nsd: NSDServer
            let way: OnPathForger
            let peer: EncryptedPeer

            init() throws {
                let directory = try TestDirectory()
                let zone = try directory.write(VerificationTests.zone, to: "way.zone")
                nsd = try NSDServer(zones: NSDServer.allZones.merging(["way.example.": zone]) { $1 })
                peer = try EncryptedPeer(.dnsdist, authority: nsd.port)
                way = try OnPathForger(to: nsd.port, trip: .milliseconds(30), ip: [192, 0, 2, 66])
            }

            deinit { way.stop() }
        }

        private func addresses(_ reply: Message) -> [String] { reply.answers.map { "\($0.data)" } }

        @Test(arguments: ["early", "twice", "LIST"])
        func `a forger who answers first is not believed, and nothing of his is kept`(_ suspect: String) throws {
            let lying = try LyingWay()
            let (way, peer) = (lying.way, lying.peer)
            let directory = try TestDirectory()
            let list = try directory.write("# forgers\n\(Self.forged)\n2001:db8::/32\n", to: "forged.txt")
            let with = "tls://127.0.0.1:\(peer.tlsPort)#dns.test?ca=\(peer.authority)"
            let reasons = suspect.replacing("LIST", with: list)
            let vireo = try VireoServer(
                upstreams: [way.address], "workers: 1\nhedge: 0\nverify: {with: [\"\(with)\"], suspect: [\(reasons)]}")
            for index in 0..<20 {
                #expect(try addresses(vireo.ask("honest\(index).way.example.", .a)) == ["192.0.2.1"])
            }
            for index in 0..<20 {
                for _ in 0..<2 { #expect(try addresses(vireo.ask("forged\(index).way.example.", .a)) == ["192.0.2.1"]) }
            }
            #expect(way.forgeries >= 20)
            let explained = try Tool([VireoServer.binary, "explain", "forged77.way.example", "--control", vireo.controlPath])
            #expect(explained.output.contains("suspicious (") && explained.output.contains("looks forged"), "\(explained.output)")
            let before = way.forgeries
            #expect(try addresses(vireo.ask("forged.forged3.way.example.", .a)) == ["192.0.2.1"])
            #expect(way.forgeries == before)
            try eventually("the forgery in the log: \(vireo.process.errors)") {
                vireo.process.errors.contains("looks forged") ? true : nil
            }
            #expect(vireo.process.errors.components(separatedBy: "looks forged").count == 2)
        }

        @Test func `without anybody to confirm it a forged answer is SERVFAIL with an extended error`() throws {
            let lying = try LyingWay()
            let way = lying.way
            let with = "tls://127.0.0.1:\(FreePort.take())#dns.test"
            let vireo = try VireoServer(upstreams: [way.address], "workers: 1\nverify: {with: [\"\(with)\"]}")
            for index in 0..<20 {
                #expect(try addresses(vireo.ask("honest\(index).way.example.", .a)) == ["192.0.2.1"])
            }
            let reply = try vireo.ask("forged.way.example.", .a, edns: EDNS())
            #expect(reply.responseCode == .servFail && reply.edns?.extendedError?.code == .networkError, "\(reply)")
        }

        @Test func `a bogus address is waited past, and NXDOMAIN where nothing else comes`() throws {
            let lying = try LyingWay()
            let way = lying.way
            let hijacker = try FakeUpstream(ip: [192, 0, 2, 80])
            let vireo = try VireoServer(
                upstreams: [way.address],
                """
                workers: 1
                bogus: ["\(Self.forged)"]
                forward: [{domain: hijacked.example, upstreams: ["\(hijacker.address)"], bogus: [192.0.2.80/31]}]
                """)
            #expect(try addresses(vireo.ask("forged.way.example.", .a)) == ["192.0.2.1"])
            let reply = try vireo.ask("typo.hijacked.example.", .a)
            #expect(reply.responseCode == .nxDomain && reply.authorities.map(\.type) == [.soa])
            let before = hijacker.questionCount
            #expect(try vireo.ask("typo.hijacked.example.", .aaaa).responseCode == .nxDomain)
            #expect(hijacker.questionCount == before)
        }

        @Test func `a check tells what is wrong with the file of addresses, and with the group`() throws {
            let directory = try TestDirectory()
            let list = try directory.write("192.0.2.1\n\nnowhere\n", to: "forged.txt")
            func check(_ text: String) throws -> Tool {
                try Tool([VireoServer.binary, "check", directory.write(text, to: "vireo.yaml")])
            }
            let with = "with: [\"tls://192.0.2.1#dns.example\"]"
            let bad = try check("upstreams: [192.0.2.2]\nverify: {\(with), suspect: [\(list)]}\n")
            #expect(bad.exit != .code(0))
            #expect(
                bad.errors.contains("forged.txt:3: \"nowhere\" is no address; expected an address or a prefix"), "\(bad.errors)")
            let missing = try check("upstreams: [192.0.2.2]\nverify: {\(with), suspect: [/nowhere/forged.txt]}\n")
            #expect(missing.errors.contains("/nowhere/forged.txt: cannot be read"), "\(missing.errors)")
            let idle = try check("upstreams: [\"tls://192.0.2.2#dns.example\"]\nverify: {\(with)}\n")
            #expect(idle.output.contains("warning: verify does nothing"), "\(idle.output)")
            let plain = try check("upstreams: [192.0.2.2]\nverify: {with: [192.0.2.3]}\n")
            #expect(plain.output.contains("warning: verify.with: 192.0.2.3:53 is plain DNS"), "\(plain.output)")
        }
    }
}

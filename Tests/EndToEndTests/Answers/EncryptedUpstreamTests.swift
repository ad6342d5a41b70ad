import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// Vireo in front of resolvers of other makers, over encrypted transports.
    @Suite struct EncryptedUpstreamTests {
        @Test(arguments: EncryptedPeer.Kind.allCases)
        func `questions go over TLS, and answers of any size come back`(_ kind: EncryptedPeer.Kind) throws {
            let nsd = try NSDServer()
            let peer = try EncryptedPeer(kind, authority: nsd.port)
            let how = "tls://127.0.0.1:\(peer.tlsPort)#dns.test?ca=\(peer.authority)"
            let vireo = try VireoServer(upstreams: [how])
            for type in [RecordType.mx, .txt, .soa, .a, .aaaa, .ns] {
                let (reply, direct) = (try vireo.ask("types.example.", type), try nsd.client.ask("types.example.", type))
                #expect(reply.responseCode == .noError)
                #expect(Set(reply.answers.map { "\($0.data)" }) == Set(direct.answers.map { "\($0.data)" }), "\(type)")
            }
            #expect(try vireo.ask("no-such-name.types.example.", .a).responseCode == .nxDomain)
        }

        @Test(arguments: EncryptedPeer.Kind.allCases, ["", "&method=get"])
        func `questions go over HTTPS, and answers of any size come back`(_ kind: EncryptedPeer.Kind, _ method: String) throws {
            let nsd = try NSDServer()
            let peer = try EncryptedPeer(kind, authority: nsd.port)
            let how = "https://127.0.0.1:\(peer.httpsPort)/dns-query#dns.test?ca=\(peer.authority)\(method)"
            let vireo = try VireoServer(upstreams: [how])
            for type in [RecordType.mx, .txt, .soa, .a, .aaaa, .ns] {
                let (reply, direct) = (try vireo.ask("types.example.", type), try nsd.client.ask("types.example.", type))
                #expect(reply.responseCode == .noError)
                #expect(Set(reply.answers.map { "\($0.data)" }) == Set(direct.answers.map { "\($0.data)" }), "\(type)")
            }
            #expect(try vireo.ask("no-such-name.types.example.", .a).responseCode == .nxDomain)
        }

        @Test func `a path that is not there is told with its status`() throws {
            let nsd = try NSDServer()
            let peer = try EncryptedPeer(.dnsdist, authority: nsd.port)
            let vireo = try VireoServer(
                upstreams: ["https://127.0.0.1:\(peer.httpsPort)/wrong#dns.test?ca=\(peer.authority)"])
            // Three in a row, of each worker.
            for index in 0..<20 { #expect(try vireo.ask("n\(index).types.example.", .a).responseCode == .servFail) }
            try eventually("the status in the log: \(vireo.process.errors)", within: .seconds(6)) {
                vireo.process.errors.contains("HTTP status 404 for /...") ? true : nil
            }
            #expect(!vireo.process.errors.contains("/wrong"))
        }

        @Test(arguments: [
            ("#other.test?ca=CA", "hostname mismatch"), ("#dns.test", "unable to get local issuer certificate"),
            ("?pin-sha256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "none of the pinned keys"),
        ])
        func `a certificate that is wrong is SERVFAIL with an extended error, said once, and mended by a reload`(
            _ tail: String, _ reason: String
        ) throws {
            let nsd = try NSDServer()
            let peer = try EncryptedPeer(.unbound, authority: nsd.port)
            let place = "tls://127.0.0.1:\(peer.tlsPort)"
            let vireo = try VireoServer(upstreams: [place + tail.replacing("CA", with: peer.authority)])
            let reply = try vireo.ask("types.example.", .soa, edns: EDNS())
            #expect(reply.responseCode == .servFail)
            #expect(reply.edns?.extendedError?.code == .networkError, "\(reply)")
            try eventually("the reason in the log: \(vireo.process.errors)", within: .seconds(5)) {
                vireo.process.errors.contains(reason) ? true : nil
            }
            for index in 0..<5 { _ = try? vireo.ask("n\(index).types.example.", .a) }
            #expect(vireo.process.errors.components(separatedBy: reason).count == 2)
            try vireo.reload(upstreams: ["\(place)#dns.test?ca=\(peer.authority)"]) {
                try vireo.ask("types.example.", .mx).responseCode == .noError
            }
        }

        @Test func `an upstream with a name is found through bootstrap`() throws {
            let directory = try TestDirectory()
            let zone = "$TTL 60\n@ SOA ns hostmaster 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\ndns A 127.0.0.1\n"
            let nsd = try NSDServer(
                zones: NSDServer.allZones.merging(["test.": directory.write(zone, to: "test.zone")]) { $1 })
            let peer = try EncryptedPeer(.unbound, authority: nsd.port)
            let vireo = try VireoServer(
                upstreams: ["tls://dns.test:\(peer.tlsPort)?ca=\(peer.authority)"], "bootstrap: [\"\(nsd.address)\"]")
            #expect(try vireo.ask("types.example.", .soa).responseCode == .noError)
        }

        @Test func `a certificate that has expired is told as such`() throws {
            let nsd = try NSDServer()
            let peer = try EncryptedPeer(.dnsdist, authority: nsd.port, isExpired: true)
            let vireo = try VireoServer(upstreams: ["tls://127.0.0.1:\(peer.tlsPort)#dns.test?ca=\(peer.authority)"])
            #expect(try vireo.ask("types.example.", .soa).responseCode == .servFail)
            try eventually("the reason in the log: \(vireo.process.errors)", within: .seconds(5)) {
                vireo.process.errors.contains("certificate has expired") ? true : nil
            }
        }

        @Test func `a check tells which file of an upstream cannot be used`() throws {
            let directory = try TestDirectory()
            let file = try directory.write("upstreams: [\"tls://192.0.2.1?ca=/nowhere/ca.pem\"]\n", to: "vireo.yaml")
            let tool = try Tool([VireoServer.binary, "check", file])
            #expect(tool.exit != .code(0))
            #expect(tool.errors.contains("tls://192.0.2.1:853: /nowhere/ca.pem"), "\(tool.errors)")
        }
    }
}

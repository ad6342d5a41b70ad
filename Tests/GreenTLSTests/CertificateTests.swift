import Foundation
import Green
import GreenTLS
import Testing

/// Certificates that are shown, given as text, renewed, and picked by name.
@Suite struct CertificateTests {
    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: Certificates.shared.file(name), encoding: .utf8)
    }

    @Test func `a peer's certificate tells whose it is, for which hosts, and for how long`() throws {
        try onHub { hub throws in
            let server = try serve(hub, try Certificates.shared.server(), handler: echo)
            let socket = try connect(hub, to: server, try Certificates.shared.client())
            let certificate = try #require(socket.peerCertificate)
            #expect(certificate.subject == "CN=green.test" && certificate.issuer == "CN=green.test")
            #expect(certificate.commonName == "green.test" && certificate.hosts == ["green.test"])
            #expect(certificate.addresses == [.loopback])
            let now = Int64(Date().timeIntervalSince1970)
            #expect(certificate.begin <= now && certificate.end > now + 86_400 && certificate.end < now + 3 * 86_400)
            // What it says of its key is what a pin wants.
            var peer = TLSPeer("green.test")
            (peer.pins, peer.trustsPinsAlone) = ([.key(certificate.keyDigest)], true)
            let stream = try StreamSocket.connect(to: server.address, until: hub.soon)
            _ = try TLSSocket.connect(over: stream, to: peer, context: try TLSContext.client(), until: hub.soon)
            // A session that is resumed shows it too.
            try socket.write([1], until: hub.soon)
            _ = try socket.read(upTo: 1, until: hub.soon)
            socket.finish(until: hub.soon)
            server.stop()
        }
    }

    @Test func `a server sees a client's certificate, or that it has none`() throws {
        try onHub { hub throws in
            let certificates = Certificates.shared
            var seen: [String?] = []
            for isShown in [true, false] {
                let context = try certificates.server { if isShown { $0.clientTrust = .file(certificates.file("other.pem")) } }
                let server = try serve(hub, context) { socket in
                    seen.append(socket.peerCertificate?.commonName)
                    try socket.write([1])
                }
                let client = try certificates.client { if isShown { $0.identity = certificates.identity("other") } }
                let socket = try connect(hub, to: server, client)
                #expect(try socket.read(upTo: 1, until: hub.soon) == [1])
                socket.close()
                server.stop()
            }
            #expect(seen == ["green.test", nil])
        }
    }

    @Test func `an encrypted certificate is refused, and nobody is asked for its pass phrase`() throws {
        let (certificate, key) = (try text("good.pem"), try text("good.key"))
        let first = "-----BEGIN CERTIFICATE-----\n"
        let header = first + "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
        let locked = certificate.replacingOccurrences(of: first, with: header)
        #expect(locked != certificate)
        #expect(throws: TLSError.self) {
            try TLSContext.server(TLSServerOptions(identity: TLSIdentity(certificatePEM: locked, keyPEM: key)))
        }
        var options = TLSClientOptions()
        options.trust = .pem(locked)
        #expect { try TLSContext.client(options) } throws: { "\($0)".contains("password") }
    }

    @Test(arguments: World.allCases) func `certificates, keys and trust are taken from texts`(_ world: World) throws {
        let (certificate, key) = (try text("good.pem"), try text("good.key"))
        // The chain goes along: here a second certificate that nobody asks for.
        let chain = certificate + (try text("other.pem"))
        let options = TLSServerOptions(identity: TLSIdentity(certificatePEM: chain, keyPEM: key))
        let context = try TLSContext.server(options)
        var trusting = TLSClientOptions()
        trusting.trust = .pem("some words before\n" + certificate)
        let client = try TLSContext.client(trusting)
        try onHub(world) { hub throws in
            let server = try serve(hub, context, handler: echo)
            let socket = try connect(hub, to: server, client)
            try socket.write("hello", until: hub.soon)
            #expect(try socket.read(upTo: 10, until: hub.soon) == Array("hello".utf8))
            socket.close()
            server.stop()
        }
    }

    @Test func `a text that is no certificate, or a key that does not fit, is refused with what it is`() throws {
        let (certificate, key, other) = (try text("good.pem"), try text("good.key"), try text("other.key"))
        func refusal(_ certificate: String, _ key: String, _ phrase: String? = nil) -> String {
            do throws(TLSError) {
                _ = try TLSContext.server(
                    TLSServerOptions(identity: TLSIdentity(certificatePEM: certificate, keyPEM: key, passPhrase: phrase)))
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(refusal(certificate, key) == "")
        for wrong in ["", "nonsense", String(certificate.prefix(200)), certificate + certificate.prefix(200), key] {
            #expect(refusal(wrong, key).hasPrefix("the certificates in PEM: "))
        }
        for wrong in ["", other, certificate, String(key.prefix(60))] {
            #expect(refusal(certificate, wrong).hasPrefix("the key in PEM: "))
        }
        let locked = try run(["openssl", "pkey", "-in", Certificates.shared.file("good.key"), "-aes256", "-passout", "pass:open"])
        #expect(refusal(certificate, locked, "open") == "")
        #expect(refusal(certificate, locked) == "the key in PEM: the key is encrypted, and no pass phrase was given")
        #expect(refusal(certificate, locked, "shut") == "the key in PEM: the pass phrase does not fit the key")
        var options = TLSClientOptions()
        options.trust = .pem("nothing")
        #expect(throws: TLSError.self) { try TLSContext.client(options) }
    }

    @Test(arguments: World.allCases) func `a server's new certificate is shown to who comes, and others go on`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let certificates = Certificates.shared
            let server = try serve(hub, try certificates.server("good"), handler: echo)
            let trusting = [
                try certificates.client(), try certificates.client { $0.trust = .file(certificates.file("other.pem")) },
            ]
            let early = try connect(hub, to: server, trusting[0])
            server.context = try certificates.server("other")
            let late = try connect(hub, to: server, trusting[1])
            #expect(throws: TLSError.self) { try connect(hub, to: server, trusting[0]) }
            for socket in [early, late] {
                try socket.write("hello", until: hub.soon)
                #expect(try socket.read(upTo: 10, until: hub.soon) == Array("hello".utf8))
                socket.close()
            }
            server.stop()
        }
    }

    @Test func `of several certificates a client gets the one for the name that it asks for`() throws {
        let certificates = Certificates.shared
        for name in ["one", "two"] {
            try run([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-keyout", certificates.file("\(name).key"), "-out", certificates.file("\(name).pem"), "-subj", "/CN=\(name)",
                "-addext", "subjectAltName=DNS:*.\(name).test",
            ])
        }
        try onHub { hub throws in
            let context = try certificates.server {
                $0.otherIdentities = [certificates.identity("one"), certificates.identity("two")]
            }
            let server = try serve(hub, context) { socket in try socket.write(socket.requestedHost ?? "") }
            let client = try certificates.client { $0.verification = .none }
            let names = ["a.one.test": "one", "b.two.test": "two", "green.test": "green.test", "other.test": "green.test"]
            for (host, shown) in names {
                let socket = try connect(hub, to: server, client, host: host)
                #expect(socket.peerCertificate?.commonName == shown)
                #expect(try socket.read(upTo: 100, until: hub.soon) == Array(host.utf8))
                socket.close()
            }
            server.stop()
        }
    }
}

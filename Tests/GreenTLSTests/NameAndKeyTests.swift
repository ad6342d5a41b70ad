import Green
import GreenTLS
import Testing

/// Names and keys that could be taken for something else than they are.
@Suite struct NameAndKeyTests {
    @Test(arguments: World.allCases) func `a host name with a NUL is refused, whatever the certificate says`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let server = try serve(hub, try Certificates.shared.server(), handler: echo)
            let client = try Certificates.shared.client()
            #expect(throws: TLSError.self) { _ = try connect(hub, to: server, client, host: "green.test\0.evil.test") }
            #expect(throws: TLSError.self) { _ = try connect(hub, to: server, client, host: "127.0.0.1\0.evil.test") }
            server.stop()
        }
    }

    @Test func `an encrypted key needs its pass phrase, and nobody is asked for it`() throws {
        let certificates = Certificates.shared
        let locked = certificates.file("locked.key")
        try run([
            "openssl", "pkey", "-in", certificates.file("good.key"), "-aes256", "-passout", "pass:open sesame", "-out", locked,
        ])
        func make(_ phrase: String?) throws -> TLSContext {
            let certificate = certificates.file("good.pem")
            return try .server(
                TLSServerOptions(
                    identity: TLSIdentity(certificateFile: certificate, keyFile: locked, passPhrase: phrase)))
        }
        _ = try make("open sesame")
        #expect(throws: TLSError.configuration(locked, reason: "the key is encrypted, and no pass phrase was given")) {
            try make(nil)
        }
        for wrong in ["", "sesame", String(repeating: "x", count: 5000)] {
            #expect(throws: TLSError.configuration(locked, reason: "the pass phrase does not fit the key")) { try make(wrong) }
        }
        #expect(throws: TLSError.self) {
            try TLSContext.server(
                TLSServerOptions(identity: TLSIdentity(certificateFile: "/nowhere/at all.pem", keyFile: locked)))
        }
    }
}

import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// Programs of other makers that ask Vireo over encrypted transports.
    @Suite struct EncryptedServingTests {
        @Test(.enabled(if: Tool.exists("kdig")), arguments: ["+tls", "+tls-ca", "+tls-hostname"])
        func `kdig gets answers over TLS, several on one connection`(_ way: String) throws {
            let nsd = try NSDServer()
            let vireo = try EncryptedVireo(upstreams: [nsd.address])
            let options = ["+tls", "+tls-ca=\(vireo.authority)", "+tls-hostname=dns.test"]
            let count = ["+tls": 1, "+tls-ca": 2, "+tls-hostname": 3][way] ?? 3
            let tool = try Tool(
                ["kdig", "@127.0.0.1", "-p", "\(vireo.tlsPort)"] + options.prefix(count)
                    + ["+keepopen", "+dnssec", "a-many.types.example", "A", "org.", "DS", ".", "DNSKEY"])
            #expect(tool.exit == .code(0), "\(tool.errors)")
            #expect(tool.output.components(separatedBy: "status: NOERROR").count == 4, "\(tool.output)")
            #expect(tool.output.contains("192.0.2.12") && tool.output.contains("TLS1.3"), "\(tool.output)")
        }

        @Test(.enabled(if: Tool.exists("kdig")))
        func `kdig refuses a certificate for another name`() throws {
            let nsd = try NSDServer()
            let vireo = try EncryptedVireo(upstreams: [nsd.address])
            let tool = try Tool([
                "kdig", "@127.0.0.1", "-p", "\(vireo.tlsPort)", "+tls", "+tls-ca=\(vireo.authority)", "+tls-hostname=other.test",
                "+retry=0", "types.example", "SOA",
            ])
            #expect(!tool.output.contains("status: NOERROR"), "\(tool.output)")
        }

        @Test(.enabled(if: Tool.exists("kdig")), arguments: ["+https", "+https-get"])
        func `kdig gets answers over HTTPS`(_ way: String) throws {
            let nsd = try NSDServer()
            let vireo = try EncryptedVireo(upstreams: [nsd.address])
            for path in ["/dns-query", "/other"] {
                let tool = try Tool([
                    "kdig", "@127.0.0.1", "-p", "\(vireo.httpsPort)", "+https=dns.test\(path)",
                    way == "+https" ? "+nohttps-get" : way,
                    "+tls-ca=\(vireo.authority)", "+tls-hostname=dns.test", "+padding", "+retry=0", "a-many.types.example", "A",
                ])
                #expect(
                    tool.output.contains("status: NOERROR") && tool.output.contains("192.0.2.12"), "\(tool.output) \(tool.errors)"
                )
                #expect(tool.output.contains("HTTP/2-"), "\(tool.output)")
            }
        }

        @Test(.enabled(if: Tool.exists("curl")), arguments: ["--http2", "--http1.1"])
        func `curl gets answers over both versions of HTTP, with and without TLS`(_ version: String) throws {
            let nsd = try NSDServer()
            let vireo = try EncryptedVireo(upstreams: [nsd.address])
            let query = Message.query("mail.types.example.", .a).wire
            let path = "/dns-query?dns=" + PresentationText.base64URL(query)
            let secure = try Tool([
                "curl", "-sS", "-o", "/dev/null", "-D", "-", version, "--cacert", vireo.authority, "--resolve",
                "dns.test:\(vireo.httpsPort):127.0.0.1",
                "https://dns.test:\(vireo.httpsPort)\(path)",
            ])
            let sign = version == "--http2" ? "HTTP/2 200" : "HTTP/1.1 200"
            #expect(
                secure.output.hasPrefix(sign) && secure.output.lowercased().contains("cache-control: max-age="),
                "\(secure.output) \(secure.errors)")
            let plain = try Tool([
                "curl", "-sS", "-o", "/dev/null", "-D", "-", version == "--http2" ? "--http2-prior-knowledge" : version,
                "http://127.0.0.1:\(vireo.httpPort)\(path)",
            ])
            #expect(plain.output.hasPrefix(sign), "\(plain.output) \(plain.errors)")
            // A name for curl itself to look up: the server that it then finds is this one.
            let local = try EncryptedVireo(upstreams: [nsd.address], "local: |\n  web.test. 60 IN A 127.0.0.1")
            let looked = try Tool([
                "curl", "-sS", "-o", "/dev/null", "-w", "%{remote_ip} %{http_code}", "--doh-insecure", "--doh-url",
                "https://127.0.0.1:\(local.httpsPort)/dns-query", "http://web.test:\(local.httpPort)/nowhere",
            ])
            #expect(looked.output == "127.0.0.1 404", "\(looked.output) \(looked.errors)")
        }

        @Test(arguments: ["unbound", "dnsdist"])
        func `resolvers of other makers forward to it over TLS`(_ kind: String) throws {
            let nsd = try NSDServer()
            let vireo = try EncryptedVireo(upstreams: [nsd.address])
            let directory = try TestDirectory()
            let port = FreePort.take()
            let arguments: [String]
            if kind == "unbound" {
                let text = """
                    server:
                      interface: 127.0.0.1@\(port)
                      username: ""
                      chroot: ""
                      directory: "\(directory.path)"
                      pidfile: ""
                      use-syslog: no
                      module-config: "iterator"
                      do-not-query-localhost: no
                      do-ip6: no
                      tls-cert-bundle: "\(vireo.authority)"
                    remote-control:
                      control-enable: no
                    forward-zone:
                      name: "."
                      forward-tls-upstream: yes
                      forward-addr: 127.0.0.1@\(vireo.tlsPort)#dns.test

                    """
                arguments = ["unbound", "-d", "-p", "-c", try directory.write(text, to: "unbound.conf")]
            } else {
                let text = """
                    setLocal('127.0.0.1:\(port)')
                    setACL('127.0.0.0/8')
                    newServer{address='127.0.0.1:\(vireo.tlsPort)', tls='openssl', subjectName='dns.test', caStore='\(vireo.authority)', validateCertificates=true, checkName='types.example.'}
                    newServer{address='127.0.0.1:\(vireo.httpsPort)', tls='openssl', subjectName='dns.test', caStore='\(vireo.authority)', validateCertificates=true, dohPath='/dns-query', checkName='types.example.'}

                    """
                arguments = ["dnsdist", "--supervised", "--disable-syslog", "-C", try directory.write(text, to: "dnsdist.conf")]
            }
            let process = try ManagedProcess(arguments, environment: ["PATH": "/usr/sbin:/sbin:/usr/bin:/bin"])
            let client = DNSClient(port: port)
            try eventually("\(kind) to answer; it says: \(process.errors)", within: .seconds(20)) {
                let reply = try? client.ask(.query("types.example.", .soa), within: .milliseconds(300))
                return reply?.answers.isEmpty == false ? true : nil
            }
            for name in ["mail.types.example.", "a-many.types.example.", "cname2.types.example."] {
                #expect(try client.ask(name, .a).answers.isEmpty == false)
            }
        }

        @Test(.enabled(if: Tool.exists("dnsdist") && Tool.exists("dig")), arguments: ["udp", "tcp", "tls", "https"])
        func `dnsdist says whom it asks for in a PROXY header`(_ way: String) throws {
            let nsd = try NSDServer()
            let vireo = try EncryptedVireo(
                upstreams: [nsd.address], "proxies: [127.0.0.2]\nallow: [127.0.0.5]")
            let (port, directory) = (FreePort.take(), try TestDirectory())
            let secure = ", tls='openssl', subjectName='dns.test', caStore='\(vireo.authority)', validateCertificates=true"
            let server = [
                "udp": "address='127.0.0.1:\(vireo.server.port)'",
                "tcp": "address='127.0.0.1:\(vireo.server.port)', tcpOnly=true",
                "tls": "address='127.0.0.1:\(vireo.tlsPort)'\(secure)",
                "https": "address='127.0.0.1:\(vireo.httpsPort)'\(secure), dohPath='/dns-query'",
            ][way]!
            let text = """
                setLocal('127.0.0.1:\(port)')
                setACL('127.0.0.0/8')
                newServer{\(server), source='127.0.0.2', useProxyProtocol=true, healthCheckMode='up'}

                """
            let process = try ManagedProcess(
                ["dnsdist", "--supervised", "--disable-syslog", "-C", try directory.write(text, to: "dnsdist.conf")],
                environment: ["PATH": "/usr/sbin:/sbin:/usr/bin:/bin"])
            func dig(from address: String) throws -> String {
                try Tool([
                    "dig", "-b", address, "@127.0.0.1", "-p", "\(port)", "+tries=1", "+time=2", "+nocookie", "mail.types.example",
                ])
                .output
            }
            try eventually("an answer; dnsdist says: \(process.errors)", within: .seconds(20)) {
                try dig(from: "127.0.0.5").contains("status: NOERROR") ? true : nil
            }
            #expect(try dig(from: "127.0.0.6").contains("status: REFUSED"))
        }

        @Test(arguments: [
            ("-tls1_1", "alert"), ("-tls1_2", "Protocol version: TLSv1.2"), ("-tls1_3", "Protocol version: TLSv1.3"),
        ])
        func `TLS 1.2 is the oldest that is spoken`(_ version: String, _ sign: String) throws {
            let vireo = try EncryptedVireo(upstreams: ["127.0.0.1:9"])
            let tool = try Tool([
                "openssl", "s_client", "-connect", "127.0.0.1:\(vireo.tlsPort)", "-brief", "-alpn", "dot", "-cipher",
                "DEFAULT:@SECLEVEL=0", version,
            ])
            #expect((tool.output + tool.errors).contains(sign), "\(tool.output) \(tool.errors)")
        }

        @Test(arguments: ["-tls1_2", "-tls1_3"])
        func `a session is resumed by another server with the same secret, and by none without it`(_ version: String) throws {
            let secret = try TestDirectory()
            let path = try secret.write(String(repeating: "0123456789abcdef", count: 3), to: "secret")
            let known = try (0..<2).map { _ in
                try EncryptedVireo(upstreams: ["127.0.0.1:9"], tls: ", session-secret: \"\(path)\"")
            }
            let stranger = try EncryptedVireo(upstreams: ["127.0.0.1:9"])
            func connect(_ server: EncryptedVireo, _ option: String) throws -> String {
                let command =
                    "(sleep 0.5; echo) | openssl s_client -connect 127.0.0.1:\(server.tlsPort) -servername dns.test \(version) \(option) '\(secret.file("session"))'"
                return try Tool(["sh", "-c", command]).output
            }
            #expect(try connect(known[0], "-sess_out").contains("New, TLSv1."))
            #expect(try connect(known[1], "-sess_in").contains("Reused, TLSv1."))
            #expect(try connect(stranger, "-sess_in").contains("New, TLSv1."))
        }

        @Test func `no client negotiates anew, or sends anything before the handshake is over`() throws {
            let vireo = try EncryptedVireo(upstreams: ["127.0.0.1:9"])
            let directory = try TestDirectory()
            let early = try directory.write("early", to: "early")
            func connect(_ input: String, _ options: String) throws -> String {
                let command =
                    "(sleep 0.4; echo '\(input)'; sleep 0.4) | openssl s_client -connect 127.0.0.1:\(vireo.tlsPort) \(options) 2>&1"
                return try Tool(["sh", "-c", command]).output
            }
            let anew = try connect("R", "-tls1_2")
            #expect(anew.contains("RENEGOTIATING") && anew.contains("no renegotiation"), "\(anew)")
            let session = "'\(directory.file("session"))'"
            _ = try connect("", "-tls1_3 -sess_out \(session)")
            let resumed = try connect("", "-tls1_3 -sess_in \(session) -early_data '\(early)'")
            #expect(resumed.contains("Reused, TLSv1.3") && resumed.contains("Early data was not sent"), "\(resumed)")
        }

        @Test func `a certificate that is replaced is shown without a restart, and a bad pair changes nothing`() throws {
            let vireo = try EncryptedVireo(upstreams: ["127.0.0.1:9"])
            func serial() throws -> String {
                try Tool([
                    "sh", "-c", "openssl s_client -connect 127.0.0.1:\(vireo.tlsPort) </dev/null | openssl x509 -noout -serial",
                ]).output
            }
            let first = try serial()
            #expect(first.contains("serial="))
            try vireo.directory.write("rubbish", to: "server.pem")
            try eventually("the bad certificate in the log: \(vireo.server.process.errors)", within: .seconds(8)) {
                vireo.server.process.errors.contains("certificates not read again, nothing changed") ? true : nil
            }
            #expect(try serial() == first)
            try EncryptedPeer.makeCertificates(vireo.directory, isExpired: false)
            try eventually("another certificate; it says: \(vireo.server.process.errors)", within: .seconds(8)) {
                let now = try serial()
                return now.contains("serial=") && now != first ? true : nil
            }
        }

        @Test func `a check says what is wrong with listeners and certificates`() throws {
            let directory = try TestDirectory()
            try EncryptedPeer.makeCertificates(directory, isExpired: false)
            let file = directory.file
            let pair = "certificate: \(file("server.pem")), key: \(file("server.key"))"
            let cases = [
                ("listen: [\"tls://127.0.0.1\"]", "needs a certificate, and there is no tls"),
                ("listen: [\"dot://127.0.0.1\"]", "expected tls://127.0.0.1"),
                ("listen: [\"tls://127.0.0.1/dns-query\"]\ntls: {\(pair)}", "has a path"),
                ("listen: [\"https://127.0.0.1/a b\"]\ntls: {\(pair)}", "path that cannot be served"),
                ("listen: [\"127.0.0.1:853\", \"tls://127.0.0.1\"]\ntls: {\(pair)}", "are the same address and port"),
                ("tls: {certificate: \(file("server.pem")), key: \(file("ca.key"))}", "key values mismatch"),
                ("tls: {certificate: \(file("missing.pem")), key: \(file("ca.key"))}", "missing.pem"),
                ("tls: {certificate: \(file("server.pem"))}", "key is missing"),
                ("tls: {\(pair), name: other.test}", "no certificate is for other.test"),
            ]
            for (yaml, sign) in cases {
                let tool = try Tool([VireoServer.binary, "check", try directory.write(yaml + "\n", to: "vireo.yaml")])
                #expect(tool.exit != .code(0) && tool.errors.contains(sign), "\(yaml): \(tool.errors)")
            }
            try EncryptedPeer.makeCertificates(directory, isExpired: true)
            let expired = try directory.write(
                "listen: [\"tls://127.0.0.1:8530\"]\ntls: {\(pair), name: dns.test}\n", to: "vireo.yaml")
            let tool = try Tool([VireoServer.binary, "check", expired])
            #expect((tool.output + tool.errors).contains("has expired"), "\(tool.output) \(tool.errors)")
        }
    }
}

/// Vireo with listeners for TLS and HTTP, and a certificate for dns.test and 127.0.0.1 that an authority of its own has signed.
final class EncryptedVireo: Sendable {
    let tlsPort = FreePort.take()
    let httpsPort = FreePort.take()
    let httpPort = FreePort.take()
    let directory: TestDirectory
    let server: VireoServer

    /// The authority's certificate.
    var authority: String { directory.file("ca.pem") }

    init(upstreams: [String], _ more: String = "", tls: String = "", also: String? = nil) throws {
        directory = try TestDirectory()
        try EncryptedPeer.makeCertificates(directory, isExpired: false)
        let listen = [
            "tls://127.0.0.1:\(tlsPort)", "https://127.0.0.1:\(httpsPort)/dns-query", "https://127.0.0.1:\(httpsPort)/other",
            "http://127.0.0.1:\(httpPort)/dns-query",
        ]
        let pair = "certificate: \"\(directory.file("server.pem"))\", key: \"\(directory.file("server.key"))\""
        server = try VireoServer(upstreams: upstreams, "tls: {\(pair)\(tls)}\n\(more)", listen: listen)
    }
}

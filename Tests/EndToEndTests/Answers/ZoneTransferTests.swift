import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// Response policy zones by AXFR, IXFR and NOTIFY, signed, from the servers that people have.
    @Suite struct ZoneTransferTests {
        private static let secret = "c2VjcmV0LW9mLXRoZS10ZXN0cyE="

        private static let path = ["PATH": "/usr/sbin:/sbin:/usr/bin:/bin"]
        private static let zone = """
            $ORIGIN rpz.example.
            $TTL 300
            @ SOA ns.example. host.example. 1 3600 600 86400 60
            @ NS ns.example.
            one.example CNAME .
            *.two.example CNAME .
            local.example A 192.0.2.77

            """

        /// A primary of the zone that tells somebody at a port of changes.
        private func primary(_ kind: String, _ directory: TestDirectory, _ port: UInt16, notifies vireo: UInt16) throws
            -> ManagedProcess
        {
            _ = try directory.write(Self.zone, to: "zone.db")
            if kind == "bind" {
                let text = """
                    key "transfer" { algorithm hmac-sha256; secret "\(Self.secret)"; };
                    options {
                      directory "\(directory.path)"; listen-on port \(port) { 127.0.0.1; }; listen-on-v6 { none; };
                      pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify explicit; notify-delay 0;
                      also-notify { 127.0.0.1 port \(vireo) key transfer; }; allow-transfer { key transfer; };
                    };
                    controls { };
                    zone "rpz.example" { type primary; file "zone.db"; allow-update { key transfer; }; };

                    """
                return try ManagedProcess(
                    ["named", "-g", "-n", "1", "-c", try directory.write(text, to: "named.conf")], environment: Self.path)
            }
            let text = """
                server:
                  listen: 127.0.0.1@\(port)
                  rundir: "\(directory.path)"
                database:
                  storage: "\(directory.path)"
                log:
                  - target: stderr
                    any: info
                key:
                  - id: transfer
                    algorithm: hmac-sha256
                    secret: \(Self.secret)
                remote:
                  - id: vireo
                    address: 127.0.0.1@\(vireo)
                    key: transfer
                acl:
                  - id: all
                    key: transfer
                    action: [transfer, update]
                zone:
                  - domain: rpz.example
                    storage: "\(directory.path)"
                    file: zone.db
                    acl: all
                    notify: vireo

                """
            return try ManagedProcess(["knotd", "-c", try directory.write(text, to: "knot.conf")], environment: Self.path)
        }

        @Test(arguments: ["bind", "knot"])
        func `a zone is transferred with a key, and a change that the primary tells of comes alone`(_ kind: String) throws {
            let (directory, upstream) = (try TestDirectory(), try FakeUpstream())
            let (port, own) = (FreePort.take(), FreePort.take())
            let primary = try primary(kind, directory, port, notifies: own)
            let client = DNSClient(port: port)
            try eventually("\(kind) to answer; it says: \(primary.errors)") {
                if let exit = primary.exit { throw TimedOut(what: "\(kind), which ended with \(exit): \(primary.errors)") }
                return try? client.ask(.query("rpz.example.", .soa), within: .milliseconds(200)).answers.isEmpty ? nil : true
            }
            let key = try directory.write("hmac-sha256:transfer.:\(Self.secret)\n", to: "transfer.key")
            try FileManager.default.createDirectory(atPath: directory.file("lists"), withIntermediateDirectories: false)
            // Workers take up lists one after the other: of one, what holds for one question holds for the next.
            let settings = """
                workers: 1
                lists: {bad: {from: "axfr://127.0.0.1:\(port)/rpz.example", tsig-key: "\(key)"}}
                lists-directory: "\(directory.file("lists"))"
                """
            let server = try VireoServer(upstreams: [upstream.address], settings, port: own)
            func code(_ name: String) throws -> ResponseCode { try server.ask(name, .a).responseCode }
            try eventually("the zone; it says: \(server.process.errors)") { try code("one.example.") == .nxDomain ? true : nil }
            #expect(try code("x.two.example.") == .nxDomain && code("three.example.") == .noError)
            #expect(try server.ask("local.example.", .a).answers.map { "\($0.data)" } == ["192.0.2.77"])
            let commands = try directory.write(
                """
                server 127.0.0.1 \(port)
                zone rpz.example
                update delete one.example.rpz.example. CNAME
                update add three.example.rpz.example. 300 CNAME .
                send

                """, to: "update")
            let update = try Tool(["nsupdate", "-y", "hmac-sha256:transfer:\(Self.secret)", commands])
            #expect(update.exit == .code(0), "\(update.errors)")
            try eventually("the change; it says: \(server.process.errors)\(primary.errors)") {
                try code("three.example.") == .nxDomain && code("one.example.") == .noError ? true : nil
            }
            #expect(try code("x.two.example.") == .nxDomain)
            #expect(primary.errors.contains("IXFR"), "\(primary.errors)")
            func counts(_ result: String) throws -> Int {
                let metrics = try Tool([VireoServer.binary, "metrics", "--control", server.controlPath]).output
                let sample = metrics.split(separator: "\n").first {
                    $0.hasPrefix("vireo_zone_transfers_total{result=\"\(result)\"}")
                }
                return sample?.split(separator: " ").last.flatMap { Int($0) } ?? -1
            }
            #expect(try counts("new") == 2 && counts("failure") == 0)
            #expect(
                try Tool([VireoServer.binary, "lists", "--control", server.controlPath]).output.contains(
                    "axfr://127.0.0.1:\(port)/rpz.example (confirmed"))
            // Who has another key gets nothing, and what is kept stays.
            _ = try directory.write("hmac-sha256:transfer.:AAAAAAAAAAAAAAAAAAAA\n", to: "transfer.key")
            try server.reload(upstreams: [upstream.address], settings.replacingOccurrences(of: "bad:", with: "worse:")) {
                server.process.errors.contains("list read list=worse")
            }
            #expect(try code("three.example.") == .nxDomain)
            try eventually("the failure to be counted") { try counts("failure") > 0 ? true : nil }
        }
    }
}

import DNSWire
import Foundation

/// A name server of another maker, with a configuration of its own on a port of its own.
final class PeerServer: Sendable {
    /// The servers that there are.
    enum Kind: String, CaseIterable {
        case bind = "BIND"
        case bindForwarder = "BIND as a forwarder"
        case knot = "Knot"
        case powerDNS = "PowerDNS"
        case unbound = "unbound"
    }

    let kind: Kind
    let port: UInt16
    private let directory: TestDirectory
    private let process: ManagedProcess
    /// Where the zones are that it reads.
    private let zones: PeerZones

    /// Names that unbound knows of its own (`local-zone`).
    static let localNames: [(name: String, type: RecordType)] = [
        ("a.local.example.", .a), ("mx.local.example.", .mx), ("alias.local.example.", .a), ("alias.local.example.", .cname),
        ("no.local.example.", .a), ("a.local.example.", .txt), ("redirect.example.", .a), ("x.y.redirect.example.", .a),
        ("x.redirect.example.", .txt), ("x.redirect.example.", .aaaa),
    ]

    /// Its address, as Vireo's configuration takes it.
    var address: String { "127.0.0.1:\(port)" }
    /// A client that asks it.
    var client: DNSClient { DNSClient(port: port) }

    /// The path on which servers are, which is not everybody's.
    private static let path = ["PATH": "/usr/sbin:/sbin:/usr/bin:/bin"]

    /// Starts one with these zones, or one that asks `authority` for them, and waits until it answers.
    init(_ kind: Kind, _ zones: PeerZones, authority: UInt16 = 0, port: UInt16 = FreePort.take()) throws {
        self.kind = kind
        self.port = port
        self.zones = zones
        let directory = try TestDirectory()
        self.directory = directory
        let home = directory.path
        let command: [String]
        switch kind {
        case .bind, .bindForwarder:
            let text = Self.named(zones, port, home, forwardingTo: kind == .bind ? nil : authority)
            command = ["named", "-g", "-n", "1", "-c", try directory.write(text, to: "named.conf")]
        case .knot:
            command = ["knotd", "-c", try directory.write(Self.knot(zones, port, home), to: "knot.conf")]
        case .powerDNS:
            try Self.preparePowerDNS(zones, port, directory)
            command = ["pdns_server", "--config-dir=\(home)"]
        case .unbound:
            command = ["unbound", "-d", "-p", "-c", try directory.write(Self.unbound(port, home, authority), to: "unbound.conf")]
        }
        process = try ManagedProcess(command, environment: Self.path)
        let process = process
        for zone in PeerZones.names {
            try eventually("\(kind.rawValue) to serve \(zone); it says: \(process.errors)", within: .seconds(20)) {
                if let exit = process.exit {
                    throw TimedOut(what: "\(kind.rawValue), which ended with \(exit): \(process.errors)")
                }
                let reply = try? client.ask(.query("web.\(zone)", .a), within: .milliseconds(500))
                return reply?.answers.isEmpty == false ? true : nil
            }
        }
    }

    /// The text of named.conf(5): authoritative, or a resolver that asks another server for everything.
    private static func named(_ zones: PeerZones, _ port: UInt16, _ home: String, forwardingTo authority: UInt16?) -> String {
        let role =
            authority.map { "recursion yes; forward only; forwarders { 127.0.0.1 port \($0); }; prefetch 0;" } ?? "recursion no;"
        let head = """
            options {
              directory "\(home)"; managed-keys-directory "\(home)"; pid-file none; session-keyfile none; lock-file none;
              listen-on port \(port) { 127.0.0.1; }; listen-on-v6 { none; }; query-source address 127.0.0.1;
              dnssec-validation no; empty-zones-enable no; notify no; max-cache-size 32M; allow-query { any; };
              \(role)
            };
            controls { };

            """
        guard authority == nil else { return head }
        return PeerZones.names.reduce(head) { text, zone in
            text + "zone \"\(zone)\" { type primary; check-names ignore; file \"\(zones.file(of: zone))\"; };\n"
        }
    }

    /// The text of knot.conf(5).
    private static func knot(_ zones: PeerZones, _ port: UInt16, _ home: String) -> String {
        let head = """
            server:
              listen: 127.0.0.1@\(port)
              rundir: "\(home)"
              udp-workers: 1
              tcp-workers: 1
              background-workers: 1
            control:
              listen: "\(home)/knot.sock"
            database:
              storage: "\(home)"
            log:
              - target: stderr
                any: warning
            template:
              - id: default
                storage: "\(home)"
                zonefile-sync: -1
                journal-content: none
            zone:

            """
        return PeerZones.names.reduce(head) { $0 + "  - domain: \($1)\n    file: \"\(zones.file(of: $1))\"\n" }
    }

    /// Writes what PowerDNS reads with its BIND backend, and tells it which zones are signed already.
    private static func preparePowerDNS(_ zones: PeerZones, _ port: UInt16, _ directory: TestDirectory) throws {
        let home = directory.path
        let list = PeerZones.names.map { "zone \"\($0)\" { type master; file \"\(zones.file(of: $0))\"; };\n" }.joined()
        try directory.write(list, to: "named.conf")
        let text = """
            launch=bind
            bind-config=\(home)/named.conf
            bind-dnssec-db=\(home)/dnssec.db
            local-address=127.0.0.1
            local-port=\(port)
            socket-dir=\(home)
            daemon=no
            guardian=no
            dname-processing=yes
            receiver-threads=1
            distributor-threads=1
            version-string=anonymous
            security-poll-suffix=

            """
        try directory.write(text, to: "pdns.conf")
        for arguments in [
            ["create-bind-db", "\(home)/dnssec.db"], ["set-presigned", "signed.example"], ["set-presigned", "hashed.example"],
        ] {
            let tool = try Tool(["pdnsutil", "--config-dir=\(home)"] + arguments, environment: path)
            guard tool.exit == .code(0) else { throw PeerFailure(what: "pdnsutil \(arguments): \(tool.errors) \(tool.output)") }
        }
    }

    /// The text of unbound.conf(5): all zones from another server, and a zone of its own.
    private static func unbound(_ port: UInt16, _ home: String, _ authority: UInt16) -> String {
        let head = """
            server:
              interface: 127.0.0.1
              port: \(port)
              username: ""
              chroot: ""
              directory: "\(home)"
              pidfile: ""
              use-syslog: no
              num-threads: 1
              module-config: "iterator"
              do-not-query-localhost: no
              do-ip6: no
              minimal-responses: no
              local-zone: "local.example." static
              local-data: "a.local.example. 300 A 192.0.2.200"
              local-data: "mx.local.example. 300 MX 10 A.Local.example."
              local-data: "alias.local.example. 300 CNAME Web.Agree.example."
              local-zone: "redirect.example." redirect
              local-data: "redirect.example. 300 A 192.0.2.201"
              local-data: "redirect.example. 300 TXT here"
            remote-control:
              control-enable: no

            """
        return PeerZones.names.reduce(head) { $0 + "stub-zone:\n  name: \"\($1)\"\n  stub-addr: 127.0.0.1@\(authority)\n" }
    }
}

import DNSWire
import Foundation

/// BIND 9, asking one upstream, with response policy zones.
final class BINDServer: Sendable {
    let port: UInt16
    private let directory: TestDirectory
    private let process: ManagedProcess

    /// A client that asks it.
    var client: DNSClient { DNSClient(port: port) }

    /// Starts it with zones by name, each with the file that it is read from; the first goes first.
    init(upstream: UInt16, policies: [(name: String, path: String)], port: UInt16 = FreePort.take()) throws {
        self.port = port
        directory = try TestDirectory()
        let file = try directory.write(
            Self.configuration(upstream: upstream, policies, port: port, directory: directory), to: "named.conf")
        process = try ManagedProcess(
            ["named", "-g", "-n", "1", "-c", file], environment: ["PATH": "/usr/sbin:/sbin:/usr/bin:/bin"])
        try eventually("BIND to answer; it says: \(process.errors)", within: .seconds(20)) {
            if let exit = process.exit { throw TimedOut(what: "BIND, which ended with \(exit): \(process.errors)") }
            return try? client.ask(.query("id.server", .txt, class: .chaos), within: .milliseconds(200))
        }
    }

    /// The text of named.conf(5). Nothing but the upstream is asked, and what only a recursive server can judge by (NSIP, NSDNAME)
    /// is off; rules hold for signed answers as well, for as long as they say, and tell no SOA record of their zone.
    private static func configuration(
        upstream: UInt16, _ policies: [(name: String, path: String)], port: UInt16, directory: TestDirectory
    ) -> String {
        let names = policies.map { "zone \"\($0.name)\";" }.joined(separator: " ")
        let zones = policies.map { "zone \"\($0.name)\" { type primary; file \"\($0.path)\"; };\n" }.joined()
        return """
            options {
              directory "\(directory.path)"; listen-on port \(port) { 127.0.0.1; }; listen-on-v6 { none; };
              pid-file none; session-keyfile none; lock-file none; notify no;
              recursion yes; forward only; forwarders { 127.0.0.1 port \(upstream); };
              dnssec-validation no; empty-zones-enable no; check-names primary ignore;
              response-policy { \(names) } qname-wait-recurse no break-dnssec yes nsip-enable no nsdname-enable no add-soa no
                max-policy-ttl 3600;
            };
            controls { };
            \(zones)
            """
    }
}

import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// The programs that people ask with, through Vireo, with NSD behind it.
    @Suite struct ClientToolTests {
        @Test(.enabled(if: Tool.exists("dig"))) func `dig gets cookies that are good with each server that has the keys`() throws
        {
            let nsd = try NSDServer()
            let directory = try TestDirectory()
            let (old, new) = (String(repeating: "0a", count: 16), String(repeating: "b1", count: 16))
            let settings = "cookies: require\ncookie-secret: \"\(directory.file("keys"))\"\n"
            func server(_ keys: String...) throws -> VireoServer {
                _ = try directory.write(keys.joined(separator: "\n") + "\n", to: "keys")
                return try VireoServer(upstreams: [nsd.address], settings)
            }
            func dig(_ server: VireoServer, _ options: String...) throws -> String {
                try Tool(["dig", "@127.0.0.1", "-p", "\(server.port)", "mail.types.example"] + options).output
            }
            let first = try server(old)
            let output = try dig(first)
            #expect(output.contains("status: NOERROR") && output.contains("(good)") && output.contains("BADCOOKIE"), "\(output)")
            let line = output.split(separator: "\n").last { $0.contains("; COOKIE: ") } ?? ""
            let cookie = line.dropFirst("; COOKIE: ".count).prefix { $0 != " " }
            #expect(cookie.count == 48)
            let second = try server(new, old)
            for (vireo, isGood) in [(first, true), (second, true), (try server(new), false)] {
                let output = try dig(vireo, "+cookie=\(cookie)", "+nobadcookie")
                #expect(output.contains(isGood ? "status: NOERROR" : "status: BADCOOKIE"), "\(output)")
            }
            #expect(try dig(first, "+nocookie").contains("Truncated, retrying in TCP mode"))
        }

        @Test(.enabled(if: Tool.exists("dig")))
        func `dig gets answers over UDP and TCP`() throws {
            let nsd = try NSDServer()
            let vireo = try VireoServer(upstreams: [nsd.address])
            for transport in ["+notcp", "+tcp"] {
                let options = ["dig", "@127.0.0.1", "-p", "\(vireo.port)", transport, "+tries=1"]
                let short = try Tool(options + ["+short", "A-many.Types.Example", "A"])
                #expect(Set(short.output.split(separator: "\n")) == ["192.0.2.11", "192.0.2.12", "192.0.2.13"])
                let full = try Tool(options + ["+dnssec", "com.", "DS"])
                #expect(full.output.contains("status: NOERROR"))
                #expect(full.output.contains("flags: qr rd ra;"))
                #expect(full.output.contains("RRSIG\tDS 8 1 86400"))
                #expect(!full.output.contains("WARNING") && !full.output.contains("Warning"), "\(full.output)")
                let missing = try Tool(options + ["nx-name.", "A"])
                #expect(missing.output.contains("status: NXDOMAIN") && missing.output.contains("SOA"))
            }
        }

        @Test(.enabled(if: Tool.exists("kdig")))
        func `kdig gets large answers over TCP, several on one connection`() throws {
            let nsd = try NSDServer()
            let vireo = try VireoServer(upstreams: [nsd.address])
            let tool = try Tool(
                ["kdig", "@127.0.0.1", "-p", "\(vireo.port)", "+tcp", "+dnssec", "+keepopen", ".", "DNSKEY", "org.", "DS"])
            #expect(tool.exit == .code(0), "\(tool.errors)")
            #expect(tool.output.components(separatedBy: "status: NOERROR").count == 3, "\(tool.output)")
            #expect(tool.output.components(separatedBy: "\tDNSKEY\t").count >= 3 || tool.output.contains("DNSKEY\t257 3 8"))
        }

        @Test(.enabled(if: Tool.exists("drill")))
        func `drill gets answers over UDP and TCP`() throws {
            let nsd = try NSDServer()
            let vireo = try VireoServer(upstreams: [nsd.address])
            let small = try Tool(["drill", "-p", "\(vireo.port)", "@127.0.0.1", "mail.types.example", "AAAA"])
            #expect(small.output.contains("rcode: NOERROR") && small.output.contains("2001:db8::25"), "\(small.output)")
            let large = try Tool(["drill", "-t", "-p", "\(vireo.port)", "@127.0.0.1", "txt-long.types.example", "TXT"])
            #expect(large.output.contains("0123456789"), "\(large.output)")
        }

        /// Whether this process may make network namespaces.
        private static let canUnshare =
            (try? Tool(["unshare", "--net", "--mount", "true"]))?.exit == .code(0) && Tool.exists("ip")

        @Test(.enabled(if: canUnshare, "needs the right to make network namespaces"))
        func `the C library's getaddrinfo gets answers on port 53`() throws {
            // In a network and a mount namespace of its own, where port 53 and resolv.conf are ours.
            let directory = try TestDirectory()
            let configuration = NSDServer.configuration(zones: NSDServer.allZones, port: 5353, directory: directory)
            try directory.write(configuration, to: "nsd.conf")
            try directory.write("nameserver 127.0.0.1\noptions timeout:3 attempts:1\n", to: "resolv.conf")
            try directory.write("hosts: dns\n", to: "nsswitch.conf")
            try directory.write("user: root\n", to: "vireo.yaml")
            let script = """
                set -e
                ip link set lo up
                mount --make-rprivate /
                for file in resolv.conf nsswitch.conf; do
                    [ -e /etc/$file ] || continue
                    mount --bind '\(directory.path)'/$file "$(readlink -f /etc/$file)"
                done
                PATH=$PATH:/usr/sbin
                nsd -d -c '\(directory.file("nsd.conf"))' 2>/dev/null & nsd=$!
                '\(VireoServer.binary)' --config '\(directory.file("vireo.yaml"))' --listen 127.0.0.1:53 \
                    --upstream 127.0.0.1:5353 --workers 1 --log-level error & vireo=$!
                trap 'kill $nsd $vireo; wait' EXIT
                timeout 20 sh -c 'until getent ahosts a.types.example >/dev/null; do sleep 0.05; done' || exit 9
                getent ahosts mail.types.example
                getent ahosts cname2.types.example
                getent hosts no-such-name.types.example || echo absent
                """
            let tool = try Tool(
                ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script], within: .seconds(60))
            #expect(tool.exit == .code(0), "\(tool.errors)")
            let addresses = Set(tool.output.split(separator: "\n").compactMap { $0.split(separator: " ").first })
            #expect(addresses == ["192.0.2.25", "2001:db8::25", "192.0.2.10", "absent"], "\(tool.output) \(tool.errors)")
        }
    }
}

import Foundation
import Green
import Testing

@testable import Daemon

/// What `vireo check` says of a file and of the files that it names.
@Suite struct CheckTests {
    /// All that is said of a text, mistakes or else warnings: `DIR` in it is a directory with `files`.
    private func lines(_ yaml: String, files: [String: String] = [:]) throws -> [String] {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("vireo-check-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for (name, text) in files { try text.write(toFile: "\(directory)/\(name)", atomically: true, encoding: .utf8) }
        let text = yaml.replacing("DIR", with: directory)
        let loader = ConfigurationLoader(text: { text }, machine: { [] })
        var said: [String]
        do {
            said = try loader.check().warnings
        } catch {
            said = "\(error)".split(separator: "\n").map(String.init)
        }
        said = said.map { $0.replacing(directory, with: "DIR") }
        return said
    }

    @Test func `mistakes, missing files, secrets and upstreams that are ourselves are told in one run, by lines`() throws {
        let lines = try lines(
            """
            wrokers: 2
            listen: ["127.0.0.1:5300"]
            http-token-file: DIR/none
            otlp: {to: "http://127.0.0.1:4318", headers-file: DIR/bad}
            upstreams:
              - 192.0.2.1
              - 127.0.0.1:5300
              - tls://192.0.2.2?ca=DIR/ca.pem
            forward: [{domain: a.example, upstreams: ["127.0.0.1:5300"]}]
            cookie-secret: DIR/keys
            tls:
              - certificate: DIR/a.pem
                key: DIR/a.key
              - certificate: DIR/b.pem
                key: DIR/bad
                session-secret: DIR/tickets
            lists: {zone: {from: "axfr://192.0.2.1/rpz.example", tsig-key: DIR/bad}}
            verify: {with: ["tls://192.0.2.9#dns.example"], suspect: [early, DIR/bad]}
            user: nobody-of-that-name
            workers: many
            """, files: ["bad": "nothing good\n"])
        let expected = [
            "1:1: wrokers: unknown key; did you mean workers?",
            "3:18: http-token-file: DIR/none: cannot be read: No such file or directory; expected a file with a secret in it",
            "4:51: otlp.headers-file: line 1 of \"DIR/bad\" is not that; expected a header such as",
            "7:5: upstreams[1]: 127.0.0.1:5300 is an address that this server listens on itself; expected",
            "8:5: upstreams[2]: tls://192.0.2.2:853: DIR/ca.pem",
            "9:43: forward[0].upstreams[0]: 127.0.0.1:5300 is an address",
            "10:16: cookie-secret: DIR/keys: ",
            "12:18: tls[0].certificate: DIR/a.pem: cannot be read: No such file or directory; expected a file that can be read",
            "13:10: tls[0].key: DIR/a.key: ",
            "14:18: tls[1].certificate: DIR/b.pem: ",
            "16:21: tls[1].session-secret: DIR/tickets: ",
            "17:64: lists.zone.tsig-key: ",
            "18:66: verify.suspect[1]: DIR/bad:1: \"nothinggood\" is no address; expected an address or a prefix on each line",
            "19:7: user: there is no user \"nobody-of-that-name\"; expected one of this machine, or root",
            "20:10: workers: \"many\" is not that; expected",
        ]
        for (line, start) in zip(lines, expected) { #expect(line.hasPrefix("the text:\(start)"), "\(line)") }
        #expect(lines.count == expected.count, "\(lines)")
        #expect(lines.allSatisfy { $0.contains("; expected ") || $0.contains("did you mean") }, "\(lines)")
    }

    @Test(arguments: [
        // No certificate is missed where tls is there and bad, and no address is our own where nobody knows which those are.
        ("listen: [\"tls://127.0.0.1:8530\"]\ntls: {certificate: 1, kye: 2}", 1),
        ("listen: [\"tls://127.0.0.1:8530\"]\ntlss: {certificate: /a, key: /b}", 1),
        ("listen: [dns.example]\nupstreams: [127.0.0.1]", 1), ("lisen: [127.0.0.2]\nupstreams: [127.0.0.1]", 1),
        ("cache: {redis: nowhere, redis-password-file: /nonexistent}", 1),
        ("groups: [{name: a, clients: [192.0.2.1], block: [ads]}]\nlists: {ads: {form: [/x]}}", 1),
        // What has nothing to do with a mistake is held against each other all the same.
        ("workers: many\nlisten: [\"tls://127.0.0.1:8530\"]\nproxies: [\"0.0.0.0/0\"]\nhttp: 0.0.0.0:9153", 4),
    ])
    func `a mistake brings no others with it, and hides none`(_ yaml: String, _ count: Int) throws {
        let said = try lines(yaml)
        #expect(said.count == count, "\(said)")
    }

    @Test func `files and directories that are not there yet are warned of, each with its place`() throws {
        let warnings = try lines(
            """
            upstreams: [192.0.2.1, 192.0.2.2]
            hosts: DIR/hosts
            cache: {snapshot: DIR/none/cache}
            log: {queries: {to: DIR/logs/queries}}
            control: DIR/run/control.sock
            lists-directory: DIR/lists
            lists:
              a: {from: DIR/x.txt}
              b: {from: ["DIR/*.block", DIR/good.txt, "https://lists.example/x"]}
            """, files: ["good.txt": "ads.example\n"])
        let expected = [
            "2:8: warning: hosts: DIR/hosts: cannot be read: No such file or directory",
            "8:13: warning: lists.a.from: DIR/x.txt: cannot be read: No such file or directory",
            "9:14: warning: lists.b.from[0]: no file is \"DIR/*.block\"",
            "6:18: warning: lists-directory: \"DIR/lists\" is no directory; until there is one, nothing is kept there",
            "3:19: warning: cache.snapshot: \"DIR/none\" is no directory",
            "4:21: warning: log.queries.to: \"DIR/logs\" is no directory; without it the daemon does not start",
            "5:10: warning: control: \"DIR/run\" is no directory; without it the daemon does not start",
        ]
        for (line, start) in zip(warnings, expected) { #expect(line.hasPrefix("the text:\(start)"), "\(line)") }
        #expect(warnings.count == expected.count, "\(warnings)")
        #expect(
            try lines(
                "upstreams: [192.0.2.1, 192.0.2.2]\nhosts: DIR/hosts\ncache: {snapshot: DIR/cache}\nlists: {a: {from: DIR/hosts}}",
                files: ["hosts": ""]
            ).isEmpty)
    }

    @Test(arguments: [
        ("listen: [\"0.0.0.0\", \"[::]\"]", "1:9: warning: listen: 0.0.0.0:53, [::]:53: all networks"),
        ("listen: [\"0.0.0.0\"]\nallow: local", nil),
        ("listen: [{address: 0.0.0.0, allow: local}, 127.0.0.1]", nil),
        ("listen: [192.0.2.7]", nil),
    ])
    func `listening everywhere without allow is warned of`(_ yaml: String, _ warning: String?) throws {
        let said = try lines(yaml)
        #expect(
            said.count == (warning == nil ? 0 : 1) && said.allSatisfy { $0.hasPrefix("the text:\(warning ?? "")") }, "\(said)")
    }

    @Test(arguments: [
        ("upstreams: [192.0.2.1]", true), ("upstreams: [192.0.2.1]\ncache: {serve-stale: 0}", true),
        ("upstreams: [192.0.2.1]\ncache: {serve-stale: 86400}", false), ("upstreams: [192.0.2.1, 192.0.2.2]", false),
        ("upstreams: [192.0.2.1]\nfallback: [192.0.2.2]", false), ("workers: 1", false),
    ])
    func `one upstream without stale answers is warned of`(_ yaml: String, _ isWarned: Bool) throws {
        let said = try lines(yaml)
        #expect(said.count == (isWarned ? 1 : 0), "\(said)")
        #expect(
            said.allSatisfy {
                $0.hasPrefix("the text:1:12: warning: upstreams: there is one upstream, and cache.serve-stale is 0")
            })
    }

    @Test(arguments: [
        ("cache: {stale: 1}", "cache.stale: unknown key; did you mean serve-stale?"),
        ("cache: {interval: 1}", "did you mean snapshot-interval?"), ("http: {}\ntoken: a", "did you mean http-token?"),
        ("cache: {redos: 1}", "did you mean redis?"), ("nothing-like-it: 1", "expected one of listen, "),
    ])
    func `an unknown key that is a word of a known one is told that`(_ yaml: String, _ hint: String) {
        #expect(complaint(yaml).contains(hint), "\(complaint(yaml))")
    }

    @Test(arguments: [("a", 8), ("é", 8), ("日", 8), ("👍", 8), ("ää€😀", 11)])
    func `columns of bytes that may not stand there count letters`(_ letters: String, _ column: Int) {
        #expect(
            complaint("a: b\nhosts: \(letters)\u{1}\n", withColumns: true).hasPrefix("vireo.yaml:2:\(column + 1): not valid YAML")
        )
    }

    @Test func `who is in the way of an address is read from the kernel's tables`() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        func line(_ local: String, _ state: String, _ inode: String) -> String {
            "   0: \(local) 00000000:0000 \(state) 00000000:00000000 00:00000000 00000000     0        0 \(inode) 1 0 100 0 0 10 0\n"
        }
        let table =
            head + line("0100007F:0035", "0A", "11") + line("00000000:0035", "0A", "12") + line("0200007F:0035", "0A", "13")
            + line("0100007F:0036", "0A", "14") + line("0100007F:0035", "01", "15") + line("0100007F:0035", "0A", "0")
            + line("0000000000000000FFFF00000100007F:0035", "0A", "16")
            + line("00000000000000000000000000000000:0035", "0A", "17")
            + line("00000000000000000000000001000000:0035", "0A", "18") + line("zz:0035", "0A", "19") + "short\n\n"
        func found(_ address: String, isDatagram: Bool = false) -> Set<String> {
            PortHolder.sockets(in: table, inTheWayOf: SocketAddress(Substring(address), defaultPort: 0)!, isDatagram: isDatagram)
        }
        func sockets(_ numbers: Int...) -> Set<String> { Set(numbers.map { "socket:[\($0)]" }) }
        #expect(found("127.0.0.1:53") == sockets(11, 12, 16, 17))
        #expect(found("127.0.0.1:53", isDatagram: true) == sockets(11, 12, 15, 16, 17))
        #expect(found("[::1]:53") == sockets(12, 17, 18))
        #expect(found("127.0.0.1:54") == sockets(14))
        #expect(found("0.0.0.0:53") == sockets(11, 12, 13, 16, 17, 18))
        #expect(found("127.0.0.1:99").isEmpty)
    }

    @Test(arguments: [("dnsmasq", "dnsmasq (pid 7)"), ("a b\u{1B}[2J", "\"a b\\u{1b}[2J\" (pid 7)"), ("", "\"\" (pid 7)")])
    func `a process is shown by its name, whatever that is`(_ name: String, _ shown: String) {
        #expect("\(PortHolder(pid: 7, name: name))" == shown)
    }
}

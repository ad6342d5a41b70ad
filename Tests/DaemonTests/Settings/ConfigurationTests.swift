import Green
import Testing
import Upstream

@testable import Daemon

/// Reads YAML as the loader does, without a file.
func read(_ yaml: String) throws(ConfigurationError) -> Settings {
    var settings = Settings()
    try settings.read(yaml: yaml, file: "vireo.yaml")
    // Settings are compared by what they say.
    settings.origins = [:]
    return settings
}

/// The message that reading YAML ends with, or "good"; without columns unless they are asked for.
func complaint(_ yaml: String, withColumns: Bool = false) -> String {
    do {
        _ = try read(yaml)
        return "good"
    } catch {
        guard !withColumns else { return error.description }
        return error.description.replacing(#/(vireo\.yaml:\d+):\d+: (?!not valid)/#) { "\($0.output.1): " }
    }
}

@Suite struct ConfigurationTests {
    @Test func `every key of a full file reaches its setting`() throws {
        let settings = try read(
            """
            listen: ["127.0.0.1:5300", "[::1]:5301", "0.0.0.0"]
            upstreams: ["192.0.2.1", "192.0.2.2:5353", "tcp://192.0.2.3", "udp://[2001:db8::1]:54", "2001:db8::2"]
            workers: 2
            max-udp-size: 4096
            timeout: 1500ms
            cache: {size: 1GiB, min-ttl: 5, max-ttl: 1h, negative-ttl: 60}
            hosts: /etc/hosts
            forward:
              - {domain: corp.example, upstreams: ["192.0.2.53"]}
              - domain: lab.example
                upstreams:
                  - tcp://192.0.2.54:5353
            log: {level: debug}
            chaos: {version: vireo, id: "one"}
            """)
        let addresses = ["127.0.0.1:5300", "[::1]:5301", "0.0.0.0:53"]
        #expect(settings.listen.map(\.description) == addresses)
        let upstreams = [
            "192.0.2.1:53", "192.0.2.2:5353", "tcp://192.0.2.3:53", "[2001:db8::1]:54", "[2001:db8::2]:53",
        ]
        #expect(settings.upstreams.map(\.description) == upstreams)
        #expect(settings.workers == 2)
        #expect(settings.maxUDPSize == 4_096)
        #expect(settings.timeout == .milliseconds(1_500))
        #expect(settings.cache.size == 1 << 30)
        #expect(settings.cache.minTTLSeconds == 5)
        #expect(settings.cache.maxTTLSeconds == 3_600)
        #expect(settings.cache.negativeTTLSeconds == 60)
        #expect(settings.hosts == "/etc/hosts")
        #expect(settings.forward.map { "\($0.domain)" } == ["corp.example.", "lab.example."])
        #expect(settings.forward[1].upstreams.map(\.description) == ["tcp://192.0.2.54:5353"])
        #expect(settings.log.level == .debug)
        #expect(settings.chaos.version == "vireo")
        #expect(settings.chaos.identity == "one")
    }

    @Test func `a key that is left out keeps its default`() throws {
        var expected = Settings()
        expected.workers = 3
        #expect(try read("workers: 3") == expected)
    }

    @Test func `a section with nothing in it keeps its defaults`() throws {
        #expect(try read("cache:\nworkers: 3").cache == CacheSettings())
    }

    @Test(arguments: [
        ("listen: [\"127.0.0.1:53\"]\nupstream: [\"192.0.2.1\"]", "vireo.yaml:2: upstream: unknown key; did you mean upstreams?"),
        ("cache:\n  size: 1MiB\n  max_ttl: 3", "vireo.yaml:3: cache.max_ttl: unknown key; did you mean max-ttl?"),
        ("forward:\n  - {domain: a.example, server: 192.0.2.1}", "vireo.yaml:2: forward[0].server: unknown key"),
    ])
    func `an unknown key is named with its line`(yaml: String, start: String) {
        #expect(complaint(yaml).hasPrefix(start))
    }

    @Test func `all mistakes are told at once, each with line, column, key and what was meant`() {
        let yaml = """
            wrokers: 2
            listen: ["127.0.0.1:53", "dns.example", "192.0.2.1:0"]
            cache:
              size: 64
              max_ttl: 5
            log: {level: debgu}
            forward:
              - {domain: a.example}
              - {domain: b..c, upstreams: [192.0.2.1], hedge: 101}
            lists: {ads: {form: /a}}
            local: |
              nas.home. IN A x
              tv.home. IN A y
            """
        let lines = complaint(yaml, withColumns: true).split(separator: "\n")
        let expected = [
            "1:1: wrokers: unknown key; did you mean workers?", "2:26: listen[1]: \"dns.example\" is a host name",
            "2:41: listen[2]: \"192.0.2.1:0\" has port 0", "4:9: cache.size: \"64\" is not that; expected a size",
            "5:3: cache.max_ttl: unknown key; did you mean max-ttl?", "6:14: log.level: \"debgu\" is not that; expected one of",
            "8:5: forward[0]: upstreams is missing", "9:14: forward[1].domain: \"b..c\" is not that",
            "9:51: forward[1].hedge: \"101\" is not that", "10:15: lists.ads.form: unknown key; did you mean from?",
            "11:8: local: line 1 cannot be read", "11:8: local: line 2 cannot be read",
        ]
        #expect(lines.count == expected.count, "\(lines)")
        for (line, start) in zip(lines, expected) { #expect(line.hasPrefix("vireo.yaml:\(start)"), "\(line) without \(start)") }
        #expect(lines.contains { $0.hasSuffix("; did you mean debug?") })
    }

    @Test func `of very many mistakes a hundred are told, and how many more there are`() {
        let yaml = (0..<500).map { "key\($0): 1" }.joined(separator: "\n")
        let lines = complaint(yaml).split(separator: "\n")
        #expect(lines.count == 101 && lines.last == "and 400 more mistakes")
        let names = (0..<500).map { "aads\($0)" }.joined(separator: ", ")
        let message = complaint("lists: {ads: {from: /a}}\ngroups: [{name: default, block: [\(names)]}]")
        #expect(message.contains("\"aads0\" is no list; expected one of ads; did you mean ads?"), "\(message.prefix(300))")
        #expect(message.split(separator: "\n").count == 101)
    }

    @Test func `an unknown key that is like no other is told all that there are`() {
        let names = Settings.table.keys.map(\.name).joined(separator: ", ")
        #expect(complaint("zone: a").hasSuffix("unknown key; expected one of \(names)"))
    }

    @Test(arguments: [
        ("workers: many", "vireo.yaml:1: workers: \"many\" is not that; expected a whole number from 1 to 256"),
        ("workers: 0", "vireo.yaml:1: workers: \"0\" is not that; expected a whole number from 1 to 256"),
        ("max-udp-size: 511", "vireo.yaml:1: max-udp-size: \"511\" is not that; expected a whole number from 512 to 4096"),
        ("max-udp-size: 4097", "vireo.yaml:1: max-udp-size: \"4097\" is not that"),
        ("workers: -1", "vireo.yaml:1: workers: \"-1\""),
        ("workers: [2]", "vireo.yaml:1: workers: a list is given; expected a whole number"),
        ("proxies: [any]", "vireo.yaml:1: proxies: any is nearly everybody"),
        ("proxies: [local]", "vireo.yaml:1: proxies: local is nearly everybody"),
        ("proxies: [192.0.2.1, 64.0.0.0/2]", "vireo.yaml:1: proxies: 64.0.0.0/2 is nearly everybody"),
        ("workers:", "vireo.yaml:1: workers: nothing is given; expected a whole number"),
        ("listen: 127.0.0.1:53", "vireo.yaml:1: listen: \"127.0.0.1:53\" is given; expected a list of addresses"),
        ("listen: []", "vireo.yaml:1: listen: the list is empty; expected a list"),
        ("listen:\n - 127.0.0.1\n - 127.0.0.1:53", "vireo.yaml:3: listen[1]: \"127.0.0.1:53\" stands there twice"),
        ("cache: 64MiB", "vireo.yaml:1: cache: \"64MiB\" is given; expected a mapping with keys such as size"),
        ("cache: {size: 64MB}", "vireo.yaml:1: cache.size: \"64MB\" is not that; expected a size"),
        ("cache: {size: 99999999999999999999}", "vireo.yaml:1: cache.size"),
        ("cache: {size: 99999999999TiB}", "vireo.yaml:1: cache.size"),
        ("cache:\n  max-ttl: 10\n  min-ttl: 20", "vireo.yaml:3: cache.min-ttl: 20 is above max-ttl; expected at most 10"),
        ("cache: {max-ttl: 1.5}", "vireo.yaml:1: cache.max-ttl: \"1.5\""),
        ("timeout: 2", "vireo.yaml:1: timeout: \"2\" is not that; expected a duration"),
        (
            "cache: {size: 64}",
            "vireo.yaml:1: cache.size: \"64\" is not that; expected a size with its unit from 64KiB to 1TiB, such as 64MiB"
        ),
        ("cache: {size: 1KiB}", "vireo.yaml:1: cache.size: \"1KiB\" is not that"),
        ("cache: {size: 0}", "good"),
        ("cache: {size: 64KiB}", "good"),
        ("timeout: 20s", "vireo.yaml:1: timeout: \"20s\" is not that; expected a duration from 10ms to 4.5s"),
        ("timeout: 4.5s", "good"),
        ("timeout: 0s", "vireo.yaml:1: timeout: \"0s\""),
        ("log: {level: loud}", "vireo.yaml:1: log.level: \"loud\" is not that; expected one of trace, debug"),
        ("forward: {domain: a}", "vireo.yaml:1: forward: a mapping is given; expected a list"),
        ("forward: [{domain: a.example}]", "vireo.yaml:1: forward[0]: upstreams is missing"),
        (
            "forward: [{domain: Corp.example, upstreams: [192.0.2.1]}, {domain: corp.EXAMPLE, upstreams: [192.0.2.1]}]",
            "vireo.yaml:1: forward[1].domain: \"corp.EXAMPLE.\" stands there twice"
        ),
        ("forward: [{domain: a..b, upstreams: [192.0.2.1]}]", "vireo.yaml:1: forward[0].domain: \"a..b\" is not that"),
        ("- a\n- b", "vireo.yaml:1: a list is given; expected a mapping with keys such as listen"),
        ("vireo", "vireo.yaml:1: \"vireo\" is given; expected a mapping"),
    ])
    func `a value of the wrong kind is named with its line and what was expected`(yaml: String, start: String) {
        #expect(complaint(yaml).hasPrefix(start), "\(complaint(yaml))")
    }

    @Test(arguments: [
        ("dns.example", "is a host name, not an address"),
        ("dns.example:53", "is a host name, not an address"),
        ("256.0.0.1", "is not an address"),
        ("192.0.2.1:0", "has port 0"),
        ("192.0.2.1:65536", "has a port that is not from 1 to 65535"),
        ("\"192.0.2.1:\"", "has a port that is not from 1 to 65535"),
        ("\"[::1\"", "is not an address"),
        ("fe80::1%none0", "names an interface that this machine does not have"),
        ("gopher://192.0.2.1", "\"gopher\" is not a transport; expected udp://, tcp://, tls://"),
        ("0.0.0.0", "is no address of a server"),
        ("\"::\"", "is no address of a server"),
        ("224.0.0.251", "is no address of a server, but that of a group (multicast)"),
        ("ff02::fb%lo", "is no address of a server, but that of a group (multicast)"),
        ("::ffff:224.0.0.251", "is no address of a server, but that of a group (multicast)"),
        ("255.255.255.255", "is no address of a server, but the broadcast address"),
        ("240.0.0.1", "is no address of a server"),
        ("fe80::1", "is link-local and names no interface; expected an interface behind it, such as fe80::1%eth0"),
        ("fe80::1%4000000", "names an interface that this machine does not have"),
        ("::1:5353", "may be an address with a port or one without; expected \"[::1]:5353\" or \"[::1:5353]:53\""),
        ("2001:db8::2:53", "may be an address with a port or one without"),
        ("2001:db8::2:65535", "has no brackets before its port, as \"[2001:db8::2]:65535\" has"),
        ("2620:fe::fe:9", "good"),
        ("2606:4700:4700::1111", "good"),
        ("2001:db8:1:2:3:4:5:5353", "good"),
        ("\"[::1]:5353\"", "good"),
        ("\"[::1:5353]\"", "good"),
        ("192.0.2.1 ", "good"),
        ("fe80::1%lo", "good"),
    ])
    func `an address that is none is told apart by its fault`(text: String, fault: String) {
        let message = complaint("upstreams:\n  - \(text)")
        #expect(fault == "good" ? message == "good" : message.contains(fault), "\(message)")
        #expect(fault == "good" || message.hasPrefix("vireo.yaml:2: upstreams[0]: "), "\(message)")
    }

    @Test(arguments: [
        ("*.a.example", "a.example."), ("a.example.", "a.example."), ("bücher.example", "xn--bcher-kva.example."),
        ("bu\u{308}cher.example", "xn--bcher-kva.example."), ("*.BÜCHER.example", "xn--bcher-kva.example."), (".", "."),
        ("0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa."), ("_tcp.a.example", "_tcp.a.example."),
        ("/a/", "\"/a/\" is not a name; expected a., which"), ("||a.example^", "expected a.example., which"),
        (".a.example", "expected a.example., which"), ("a.*.example", "is not that"), ("*", "is not that"),
        ("10.0.0.0/8", "is an address range, not a name; expected its reverse zone, 10.in-addr.arpa"),
        ("192.0.2.7", "expected its reverse zone, 7.2.0.192.in-addr.arpa"),
        ("172.16.0.0/12", "several: 16.172.in-addr.arpa to 31.172.in-addr.arpa, a rule for each"),
        ("2001:db8::/32", "expected its reverse zone, 8.b.d.0.1.0.0.2.ip6.arpa"), ("::/0", "reverse zone, ip6.arpa"),
        ("\u{200B}a.example", "is not that"),
    ])
    func `names are taken as operators write them, or refused with the form that works`(text: String, result: String) throws {
        let yaml = "forward: [{domain: \"\(text)\", upstreams: [192.0.2.1]}]\ndomains: [{domain: \"\(text)\"}]"
        guard let settings = try? read(yaml) else {
            #expect(complaint(yaml).contains(result) && complaint(yaml).contains("forward[0].domain"), "\(complaint(yaml))")
            return
        }
        #expect("\(settings.forward[0].domain)" == result)
        #expect(settings.domains[0].domain == settings.forward[0].domain.lowercased.wire)
    }

    @Test(arguments: [
        ("workers: 2\nlisten: [::1]:53", "vireo.yaml:2:"), ("listen:\n  - [::1]:53", "vireo.yaml:2"),
        ("listen: [127.0.0.1:53, [::1]:53]", "vireo.yaml:1"), ("upstreams: [[2001:db8::1]:53]", "vireo.yaml:1"),
    ])
    func `an address in brackets without quotes is told to have some`(yaml: String, start: String) {
        let message = complaint(yaml)
        #expect(message.hasPrefix(start) && message.contains("quotes included"), "\(message)")
    }

    @Test(arguments: [
        "cache:\n\tsize: 1MiB", "workers: 2\n\tlisten: a", "listen:\n\t- 127.0.0.1", "cache:\n  size: 1MiB\n\tmax-ttl: 3",
    ])
    func `a tab is told to be one`(yaml: String) {
        #expect(complaint(yaml).hasSuffix("the line is indented with a tab; expected spaces"), "\(complaint(yaml))")
    }

    @Test func `a key given twice is named with the line of the second`() {
        #expect(complaint("workers: 1\ntimeout: 2s\nworkers: 2") == "vireo.yaml:3: workers: given twice; expected each key once")
    }

    @Test func `broken YAML is named with line and column`() {
        #expect(complaint("workers: 2\nlisten: [\"127.0.0.1").hasPrefix("vireo.yaml:2:"))
        #expect(complaint("workers: 2\n\tlisten: a").hasPrefix("vireo.yaml:2:1: not valid YAML: "))
        #expect(complaint("workers: 1\n--- \nb: 2").hasPrefix("vireo.yaml:2:"))
        #expect(complaint("workers: \u{7}").hasPrefix("vireo.yaml:1:"))
    }

    @Test func `where a file ceases to be YAML the mistakes before that are told too, and what would be missed is not`() {
        // The second line of `groups` names a list of which nothing is known.
        let lines = complaint(
            "wrokers: 1\ngroups: [{name: kids, clients: [192.0.2.1], block: [ads]}]\ncache: {size: 1XB}\nlisten: [\"127.0.0.1"
        )
        .split(separator: "\n")
        #expect(lines.count == 3, "\(lines)")
        #expect(lines[0].hasPrefix("vireo.yaml:1: wrokers: unknown key"))
        #expect(lines[1].hasPrefix("vireo.yaml:3: cache.size: "))
        #expect(lines[2].hasPrefix("vireo.yaml:4:") && lines[2].contains("not valid YAML"))
    }

    @Test func `keys that stand there twice, that are no words, and aliases of nothing are told beside all else`() {
        let yaml =
            "workers: many\nworkers: 2\nlisten: [*nowhere]\n[a]: 1\n{b: 1}: [2]\ncache: {size: 1MiB, size: 2MiB}\nwrokers: 1"
        let lines = complaint(yaml).split(separator: "\n")
        let expected = [
            "1: workers: \"many\"", "2: workers: given twice", "3: listen[0]: nothing has the anchor",
            "4: brackets without quotes",
            "5: a key is not a word", "6: cache.size: given twice", "7: wrokers: unknown key",
        ]
        #expect(lines.count == expected.count, "\(lines)")
        for (line, part) in zip(lines, expected) { #expect(line.hasPrefix("vireo.yaml:\(part)"), "\(line)") }
    }

    @Test(arguments: ["", "\n", "# nothing but a remark\n", "---\n", "null\n", "{}"])
    func `a file without settings is refused, an empty mapping is not`(yaml: String) {
        let refusal = "vireo.yaml: holds no settings; expected keys such as listen or upstreams"
        #expect(complaint(yaml) == (yaml == "{}" ? "good" : refusal))
    }

    @Test func `every message is one line without control characters`() {
        let hostile = ["workers: \"a\\nb\\e[1m\"", "\"a\\nb\": 1", "listen: [\"\\r\\n\"]", "log: {\"\\n\": 1}"]
        for yaml in hostile {
            let message = complaint(yaml)
            #expect(message != "good")
            #expect(!message.unicodeScalars.contains { $0.value < 32 }, "\(message)")
        }
    }

    @Test(arguments: [
        "cache: {redis: \"redis://:hush@192.0.2.6:99999\"}", "cache: {redis: \"redis://me:hu@sh@192.0.2.6/x\"}",
        "cache: {redis: \"redis:/me:hush@192.0.2.6\"}", "cache: {redis: \"redis://:hush\"}",
        "cache: {redis: \"redis+unix://:hush@run/redis.sock\"}", "cache: {redis: [\"redis://:hush@192.0.2.6\"]}",
        "cache: {redis: {\"redis://:hush@192.0.2.6\": 1}}", "cache: \"redis://:hush@192.0.2.6\"",
        "\"redis://:hush@192.0.2.6\": 1", "cache: {\"redis://:hush@192.0.2.6\": 1}", "- redis://:hush@192.0.2.6",
        "cache: {redis-timeout: \"redis://:hush@192.0.2.6\"}", "cache: {snapshot-interval: \"redis://:hush@192.0.2.6\"}",
        "upstreams: [\"redis://:hush@192.0.2.6\"]", "listen: [\"redis://:hush@192.0.2.6\"]",
        "cache: {redis-timeout: \"rediss://me:\(String(repeating: "hush", count: 40))@192.0.2.6\"}",
        "cache: {redis: \"redis://:hush@192.0.2.6\", redis: \"redis://:hush@192.0.2.6\"}",
        "cache: {redis: \"redis://:hush@192.0.2.6\" size: 0}",
    ])
    func `no message shows a password`(yaml: String) {
        let message = complaint(yaml)
        #expect(message != "good")
        #expect(!message.contains("hush") && !message.contains("sh@"), "\(message)")
    }

    @Test func `aliases that multiply do not`() {
        var yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for i in 1...9 {
            yaml += "a\(i): &a\(i) [" + Array(repeating: "*a\(i - 1)", count: 10).joined(separator: ", ") + "]\n"
        }
        #expect(complaint(yaml).contains("too many values"))
    }
}

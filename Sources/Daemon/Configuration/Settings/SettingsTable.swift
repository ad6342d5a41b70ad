internal import AnswerCache
internal import DNSWire
internal import Green
internal import Resolver
internal import Upstream

/// The keys of one mapping, in the order in which they are explained.
package struct SettingsTable<Root: Sendable>: Sendable {
    /// The keys.
    package let keys: [SettingKey<Root>]
    /// What values are held against each other for.
    private let checks: [Check]

    /// Looks at values that must fit together.
    struct Check: Sendable {
        /// The keys of which each must be good in itself first; nil: all.
        var keys: Set<String>?
        /// Throws what is wrong.
        let body: @Sendable (Root, ConfigurationNode) throws(ConfigurationError) -> Void
    }

    /// A table of `keys`, whose values `check` holds against each other.
    package init(
        _ keys: [SettingKey<Root>],
        check: @escaping @Sendable (Root, ConfigurationNode) throws(ConfigurationError) -> Void = { _, _ in }
    ) {
        self.init(keys, checks: [Check(body: check)])
    }

    /// A table of `keys`, whose values `checks` hold against each other, each those that it is about.
    init(_ keys: [SettingKey<Root>], checks: [Check]) {
        self.keys = keys
        self.checks = checks
    }

    /// Reads a mapping; keys that it does not name stay as they are. All that is wrong with it is thrown at once.
    package func read(_ node: ConfigurationNode, into root: inout Root) throws(ConfigurationError) {
        var faults = ConfigurationFaults()
        let unread = readKeys(node, into: &root, &faults)
        check(root, node, without: unread, &faults)
        try faults.check()
    }

    /// Reads each key by itself; gives those that have mistakes, and those that unknown ones look like.
    func readKeys(_ node: ConfigurationNode, into root: inout Root, _ faults: inout ConfigurationFaults) -> Set<String> {
        let names = keys.map(\.name)
        guard case .mapping(let pairs) = node.content else {
            let expected = "a mapping with keys such as \(names.joined(separator: ", "))"
            faults.add(node.failure("\(node.content) is given", expected: expected))
            return Set(names)
        }
        var unread: Set<String> = []
        for (name, value) in pairs {
            let count = faults.count
            let key = keys.first { $0.name == name }
            faults.collect { () throws(ConfigurationError) in
                guard let key else { throw .unknownKey(value.keyPlace ?? value.place, name: name, known: names) }
                try key.read(value, &root)
            }
            guard faults.count > count else { continue }
            // An unknown key may be meant for any.
            let meant = key == nil && !faults.isFull ? ConfigurationError.nearest(to: name, among: names) : nil
            unread.insert(key?.name ?? meant ?? name)
        }
        return unread
    }

    /// Holds values against each other, but for those of keys that could not be read.
    func check(_ root: Root, _ node: ConfigurationNode, without unread: Set<String>, _ faults: inout ConfigurationFaults) {
        for check in checks {
            let isGood = check.keys.map { $0.isDisjoint(with: unread) } ?? unread.isEmpty
            guard isGood else { continue }
            faults.collect { () throws(ConfigurationError) in try check.body(root, node) }
        }
    }

    /// What people see of the keys, with their values in a root.
    package func entries(of root: Root) -> [SettingEntry] { keys.map { $0.entry(root) } }

    /// What differs between two roots.
    package func difference(from old: Root, to new: Root) -> [SettingChange] {
        keys.flatMap { $0.difference(old, new) }
    }
}

extension Settings {
    /// Every key there is.
    package static let table = SettingsTable<Settings>(
        firstKeys + SettingsTable.choiceKeys + ownKeys + observingKeys + exportKeys + RuleSettings.keys,
        checks: [
            .init(keys: ["lists", "groups"], body: RuleSettings.check),
            .init(keys: ["local", "rewrite"], body: RuleSettings.checkRewrites),
            .init(keys: ["listen", "tls"]) { settings, node throws(ConfigurationError) in try settings.checkListeners(node) },
            .init(keys: ["proxies"]) { settings, node throws(ConfigurationError) in try settings.checkProxies(node) },
            .init(keys: ["http", "http-token", "http-token-file"]) { settings, node throws(ConfigurationError) in
                try settings.checkObserving(node)
            },
        ])

    /// The keys about who asks and who is asked.
    private static let firstKeys: [SettingKey<Settings>] = [
        .value(
            "listen", \.writtenListen, .list(of: .listener, "addresses such as 127.0.0.1:53 or \"[::1]:53\""),
            SettingFacts(
                "Addresses that queries are taken on, over UDP and TCP, or tls://, https://…/path, http://…/path; {address: …, allow: …, deny: …}.",
                example: #"["127.0.0.1:53", "[::1]:53", "tls://0.0.0.0:853", "https://0.0.0.0:443/dns-query"]"#,
                needsRestart: true)),
        .value(
            "tls", \.tls, .serverTLS,
            SettingFacts(
                "Certificate and key for clients, or a list picked by name; also clients (a CA), name, session-secret (a file).",
                example: "{certificate: /etc/vireo/cert.pem, key: /etc/vireo/key.pem}")),
        .value(
            "allow", \.allow, .accessRules,
            SettingFacts(
                "Clients that are answered: prefixes, local (loopback, private, link-local, our interfaces' networks), or any.")),
        .value(
            "deny", \.deny, .accessRules,
            SettingFacts("Clients that are refused although `allow` names them.", example: "[\"192.168.7.0/24\"]")),
        .section(
            "rate-limit", \.rateLimit, RateLimitSettings.table,
            SettingFacts("How much clients may ask and be answered in a second; 0: no limit.")),
        .value(
            "upstreams", \.writtenUpstreams, .upstreamSource,
            SettingFacts(
                "Resolvers to ask what the cache does not know, or: from FILE, like resolv.conf, followed. Without: from /etc/resolv.conf.",
                example: #"["tls://192.0.2.1#dns.example", "https://dns.example/dns-query", "192.0.2.2:5353", "tcp://192.0.2.3"]"#
            )),
    ]

    /// The other keys that are not about names by rule.
    private static let ownKeys: [SettingKey<Settings>] = [
        .value(
            "bootstrap", \.bootstrap, .list(of: .bootstrap, "addresses such as 192.0.2.1"),
            SettingFacts(
                "Resolvers that know where upstreams are that have a name. Without this key: those of /etc/resolv.conf.",
                example: #"["192.0.2.1"]"#)),
        .value(
            "trust-ad", \.trustAD, .list(of: .upstream, "addresses such as 192.0.2.1"),
            SettingFacts(
                "Upstreams whose word that an answer is validated (AD) is passed on; one on this machine always is.",
                example: #"["192.0.2.1"]"#)),
        .value(
            "minimal-responses", \.minimalResponses, .flag,
            SettingFacts(
                "Send positive answers without authority and additional records, proofs for who asks with DO excepted.")),
        .value(
            "max-udp-size", \.maxUDPSize, .integer(512...4096),
            SettingFacts(
                "The longest answer over UDP, in bytes; longer ones are asked for over TCP. 1232 fits nearly everywhere.")),
        .value(
            "proxies", \.proxies, .accessRules,
            SettingFacts(
                "Proxies, whose word on who asks is believed: a PROXY header, which they must send, or X-Forwarded-For over HTTP.",
                example: "[\"192.0.2.7\"]", needsRestart: true)),
        .value(
            "cookies", \.cookies, .cookieMode,
            SettingFacts(
                "DNS cookies: answer, off, or require, which sends clients without a good one over UDP away (BADCOOKIE, TC).")),
        .value(
            "cookie-secret", \.cookieSecret, .optional(.path),
            SettingFacts(
                "A file with keys of cookies, the same on each server: lines of 32 hexadecimal digits, the new one first.",
                example: "/etc/vireo/cookie.keys")),
        .value(
            "connections", \.connections, .integer(16...1_000_000),
            SettingFacts(
                "Connections of clients at once (TCP, TLS, HTTP), for each worker; a quarter of them for one client.",
                needsRestart: true)),
        .value(
            "workers", \.workers, .integer(1...256),
            SettingFacts(
                "Threads that serve. Without this key: one for each processor core.", example: "2", needsRestart: true)),
        .value(
            "user", \.user, .optional(.user),
            SettingFacts(
                "The user to become when started as root, once ports are taken; root to stay it. Without this key: vireo.",
                example: "vireo", needsRestart: true)),
        .value(
            "sandbox", \.sandbox, .flag,
            SettingFacts(
                "Write only in the directories of files that are named here, and run no program (Landlock, where the kernel has it).",
                needsRestart: true)),
        .value(
            "timeout", \.timeout, .duration(.milliseconds(10)...Forwarder.questionLimit),
            SettingFacts("How long one try of one upstream may take; a whole question ends within 4.5s.")),
        .section("cache", \.cache, CacheSettings.table, SettingFacts("What the cache may hold, and for how long.")),
        .value(
            "hosts", \.hosts, .optional(.path),
            SettingFacts(
                "A file like /etc/hosts to answer A, AAAA and PTR from; read again when it changes.",
                example: "/etc/hosts")),
        .value(
            "forward", \.forward, .forwardRules,
            SettingFacts(
                "Domains with resolvers of their own; the longest that matches wins.",
                example: #"[{domain: corp.example, upstreams: ["192.0.2.53"]}]"#)),
        .section(
            "local-zones", \.localZones, LocalZones.table,
            SettingFacts("Names answered here, never forwarded, unless `forward` or the hosts file has them.")),
        .value(
            "control", \.control, .controlSocket,
            SettingFacts(
                "The Unix socket for `vireo cache`, or off. Without this key: in /run/vireo, else in $XDG_RUNTIME_DIR/vireo.",
                example: "/run/vireo/control.sock", needsRestart: true)),
        .value(
            "control-mode", \.controlMode, .socketMode,
            SettingFacts("Who may use it: its own user (0600), or the group as well (0660).", needsRestart: true)),
        .value(
            "domains", \.domains, .domainRules,
            SettingFacts(
                "Domains whose answers are kept otherwise: no-cache, no-stale, min-ttl, max-ttl; the longest that matches wins.",
                example: "[{domain: dyn.example, no-cache: true}, {domain: cdn.example, no-stale: true, max-ttl: 60}]")),
        .section("log", \.log, LogSettings.table, SettingFacts("What is logged, to standard error, and of queries to a file.")),
        .section(
            "chaos", \.chaos, ChaosSettings.table,
            SettingFacts("What to tell those who ask about this server; refused without these keys.")),
    ]
}

extension CacheSettings {
    /// The keys below `cache`.
    fileprivate static let table = SettingsTable<CacheSettings>(
        [
            .value(
                "size", \.size, .size(MemoryCache.smallestSize...(1 << 40)),
                SettingFacts("Memory for answers, all included.", needsRestart: true)),
            .value(
                "min-ttl", \.minTTLSeconds, .seconds(0...86_400),
                SettingFacts("Keep no answer for less than this many seconds.")),
            .value(
                "max-ttl", \.maxTTLSeconds, .seconds(1...604_800),
                SettingFacts("Keep no answer for longer than this.")),
            .value(
                "negative-ttl", \.negativeTTLSeconds, .seconds(0...86_400),
                SettingFacts("Keep no answer that something does not exist for longer than this.")),
            .value(
                "serve-stale", \.staleSeconds, .seconds(0...604_800),
                SettingFacts(
                    "When upstreams fail, give out answers for so long after their time; 0: never. RFC 8767: 1 to 3 days.")),
            .value(
                "stale-client-timeout", \.staleClientTimeout, .duration(.zero...Forwarder.questionLimit),
                SettingFacts("How long a client waits for a better answer than a stale one; 0s: it gets that at once.")),
            .value(
                "prefetch", \.prefetches, .flag,
                SettingFacts("Ask again for what is popular before its time is over.")),
            .value(
                "redis", \.redis, .optional(.redisURL),
                SettingFacts(
                    "A Redis to share answers with other instances: redis://, rediss:// (TLS) or redis+unix://.",
                    example: "\"redis://:password@192.0.2.6:6379/0\"", needsRestart: true, isSecret: true)),
            .value(
                "redis-password-file", \.redisPasswordFile, .optional(.path),
                SettingFacts(
                    "A file with its password, or the name of a systemd credential.", example: "/etc/vireo/redis.password",
                    needsRestart: true)),
            .value(
                "redis-timeout", \.redisTimeout, .duration(.milliseconds(1)...(.seconds(2))),
                SettingFacts("How long a look-up in Redis may take before upstreams are asked as well.")),
            .value(
                "snapshot", \.snapshot, .optional(.path),
                SettingFacts(
                    "A file to keep the cache in over restarts, in a directory where the daemon may write.",
                    example: "/var/cache/vireo/cache.snapshot")),
            .value(
                "snapshot-interval", \.snapshotInterval, .duration(.seconds(1)...(.seconds(86_400))),
                SettingFacts("How often it is written, besides on stop.")),
        ],
        check: { cache, node throws(ConfigurationError) in
            if cache.minTTLSeconds > cache.maxTTLSeconds {
                throw (node.value(of: "min-ttl") ?? node).failure(
                    "\(cache.minTTLSeconds) is above max-ttl", expected: "at most \(cache.maxTTLSeconds)")
            }
        })
}

extension ForwardRule {
    /// The keys of an element of `forward`.
    fileprivate static let table = SettingsTable<ForwardRule>(
        [
            .value("domain", \.domain, .domain, SettingFacts("The domain, with all below it.")),
            .value(
                "upstreams", \.upstreams, .list(of: .upstream, "addresses such as 192.0.2.1 or tcp://192.0.2.3"),
                SettingFacts("Resolvers to ask about it.")),
        ] + SettingsTable.choiceKeys,
        check: { rule, node throws(ConfigurationError) in
            for key in ["domain", "upstreams"] where node.value(of: key) == nil {
                throw node.failure("\(key) is missing", expected: "{domain: corp.example, upstreams: [\"192.0.2.53\"]}")
            }
        })
}

extension LogSettings {
    /// The keys below `log`.
    fileprivate static let table = SettingsTable<LogSettings>([
        .value("level", \.level, .logLevel, SettingFacts("The least level that is logged.")),
        .section(
            "queries", \.queries, QueryLogSettings.table,
            SettingFacts("A log of queries. What cannot be written in time is dropped and counted; no query waits for it.")),
    ])
}

extension ChaosSettings {
    /// The keys below `chaos`.
    fileprivate static let table = SettingsTable<ChaosSettings>([
        .value("version", \.version, .optional(.txt), SettingFacts("The answer to version.bind.", example: "vireo")),
        .value("id", \.identity, .optional(.txt), SettingFacts("The answer to id.server.", example: "resolver-1")),
    ])
}

extension SettingKind where Value == [ForwardRule] {
    /// A list of rules, each for a domain of its own.
    fileprivate static var forwardRules: SettingKind {
        elements("a list of {domain: …, upstreams: […]}", of: ForwardRule.table, { ForwardRule() }) {
            rule, others, item throws(ConfigurationError) in
            guard others.contains(where: { $0.domain == rule.domain }) else { return }
            throw (item.value(of: "domain") ?? item).failure(
                "\(quoted(rule.domain.description)) stands there twice", expected: "each domain once")
        }
    }
}

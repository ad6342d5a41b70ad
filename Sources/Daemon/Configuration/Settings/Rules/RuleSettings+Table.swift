internal import DNSWire
internal import NameRules
internal import Resolver
internal import Upstream

extension RuleSettings {
    /// The keys about names by rule, which stand at the top of the configuration.
    static let keys: [SettingKey<Settings>] = [
        .value(
            "lists", \.rules.lists, .lists,
            SettingFacts(
                "Lists of names from files and URLs (domains, hosts, adblock, dnsmasq, unbound, rpz); read again when they change.",
                example:
                    #"{ads: {from: ["/etc/vireo/lists/*.txt", "https://lists.example/ads.txt"], refresh: 24h}, work: {from: [/etc/vireo/work.rpz], format: rpz}}"#
            )),
        .value(
            "lists-directory", \.rules.listsDirectory, .path,
            SettingFacts("Where lists are kept that are downloaded, so that a start without network has them.")),
        .value(
            "groups", \.rules.groups, .groups,
            SettingFacts(
                "Groups of clients, and which lists hold for them; default is all others. Without this key: all lists, for all.",
                example:
                    #"[{name: kids, clients: ["192.0.2.64/26"], block: [ads], safe-search: true}, {name: default, block: [ads]}]"#
            )),
        .value(
            "block-answer", \.rules.blockAnswer, .blockAnswer,
            SettingFacts("What a denied name is answered with: zero (0.0.0.0, ::), nxdomain, nodata, refused, or addresses.")),
        .value(
            "local", \.rules.local, .localRecords,
            SettingFacts(
                "Records of our own, as in a zone file; or a name with nxdomain, nodata, refused or drop behind a colon.",
                example: #""nas.home. 300 IN A 192.0.2.10""#)),
        .value(
            "rewrite", \.rules.rewrites, .rewrites,
            SettingFacts("Names that stand for others, which are looked up.", example: "[{from: old.example, to: new.example}]")),
        .value(
            "private-addresses", \.rules.privateAddresses, .privateAddresses,
            SettingFacts(
                "Answers from outside with private addresses: allow, refuse (DNS rebinding), or {except: [domains]} to refuse others."
            )
        ),
        .value(
            "tests", \.rules.tests, .ruleTests,
            SettingFacts(
                "What `vireo check` is to find true of these rules: block, pass or local.",
                example: "[{name: ads.example, client: 192.0.2.70, at: \"2026-11-27 18:00\", expect: block}]")),
    ]

    /// Refuses names that stand for each other, or lead on for longer than is followed, over rewrites and records of our own; one
    /// that stands for itself stays as it is.
    static func checkRewrites(_ settings: Settings, _ node: ConfigurationNode) throws(ConfigurationError) {
        guard !settings.rules.rewrites.isEmpty else { return }
        let zone = NameRules.LocalZone(settings.rules.local)
        let rewrites = Dictionary(settings.rules.rewrites.map { ($0.from.lowercased, $0.to) }) { _, last in last }
        let next = { (name: Name) -> Name? in
            if let target = zone.target(of: name) { return target }
            guard case .unknown = zone.find(name, .a), let target = rewrites[name], target.lowercased != name else { return nil }
            return target
        }
        var ways = AliasWays()
        var faults = ConfigurationFaults()
        for (index, rewrite) in settings.rules.rewrites.enumerated() {
            let length = ways.length(from: rewrite.from.lowercased, next: next)
            faults.collect { () throws(ConfigurationError) in
                try check(length, "\(rewrite.from)", node, "rewrite", at: "rewrite[\(index)]")
            }
        }
        for alias in zone.aliases {
            let length = ways.length(from: alias.target.lowercased, next: next)
            faults.collect { () throws(ConfigurationError) in
                // What is endless is so by a rewrite, which was told.
                guard length < AliasWays.endless else { return }
                try check(length + 1, "line \(alias.line), \(quoted(alias.text)),", node, "local", at: "local")
            }
        }
        try faults.check()
    }

    /// Refuses what has too many names behind it.
    private static func check(
        _ length: Int, _ what: String, _ node: ConfigurationNode, _ key: String, at name: String
    ) throws(ConfigurationError) {
        guard length > AliasWays.longest else { return }
        var place = (node.value(of: key) ?? node).place
        place.key = name
        guard length < AliasWays.endless else {
            throw .badValue(
                place, problem: "\(what) leads back to itself", expected: "rewrites that end at a name that is none")
        }
        throw .badValue(
            place, problem: "\(what) leads on over \(length) names",
            expected: "at most \(AliasWays.longest) that stand for others, one behind the other")
    }

    /// Refuses groups that name what is not there, and more of anything than there may be.
    static func check(_ settings: Settings, _ node: ConfigurationNode) throws(ConfigurationError) {
        let rules = settings.rules
        let known = rules.lists.map(\.name)
        let groups = node.value(of: "groups") ?? node
        var faults = ConfigurationFaults()
        for (index, group) in rules.groups.enumerated() {
            for name in group.block + group.allow + group.schedules.keys.sorted() where !known.contains(name) {
                var place = groups.place
                place.key = "groups[\(index)]"
                let expected = known.isEmpty ? "a list under `lists`" : "one of \(known.joined(separator: ", "))"
                let nearest = faults.isFull ? nil : ConfigurationError.nearest(to: name, among: known)
                let hint = nearest.map { "; did you mean \($0)?" } ?? ""
                faults.collect { () throws(ConfigurationError) in
                    throw .badValue(place, problem: "\(quoted(name)) is no list", expected: expected + hint)
                }
            }
        }
        try faults.check()
        var machines: Set<HardwareAddress> = []
        for group in rules.groups {
            for machine in group.machines where !machines.insert(machine).inserted {
                throw groups.failure("\(machine) is in two groups", expected: "each client once")
            }
        }
        do throws(GroupTable.Fault) {
            _ = try rules.groupTable()
        } catch {
            switch error {
            case .tooManyGroups:
                throw groups.failure("\(rules.groups.count) groups", expected: "at most \(GroupTable.maximumCount)")
            case .sameName(let name): throw groups.failure("\(quoted(name)) stands there twice", expected: "each name once")
            case .sameClient(let name):
                throw groups.failure(
                    "a client of \(quoted(name)) is in another group, too", expected: "each prefix and name once")
            }
        }
    }
}

extension ListSettings {
    /// The keys of a list.
    static let table = SettingsTable<ListSettings>(
        [
            .value(
                "from", \.from, .listFiles,
                SettingFacts(
                    "Files, with wildcards all that fit; and URLs: https://…, or axfr://192.0.2.1/rpz.example for a zone.")),
            .value("format", \.format, .optional(.listFormat), SettingFacts("Without this key: as each file's content tells.")),
            .value(
                "refresh", \.refresh, .duration(.seconds(60)...(.seconds(2_592_000))),
                SettingFacts("How often what has a URL is downloaded anew; of a zone, its SOA record says it.")),
            .value(
                "tsig-key", \.transferKey, .optional(.path),
                SettingFacts(
                    "File of the key that transfers are signed with: hmac-sha256:NAME:SECRET, or what tsig-keygen writes.",
                    example: "/etc/vireo/transfer.key")),
        ],
        check: { list, node throws(ConfigurationError) in
            if list.from.isEmpty { throw node.failure("from is missing", expected: "{from: [\"/etc/vireo/lists/*.txt\"]}") }
            let hasZone = list.from.contains { TransferSource($0) != nil }
            if hasZone, let format = list.format, format != .rpz {
                throw node.failure("a zone is no list of format \(format.rawValue)", expected: "format: rpz, or no format")
            }
            if !hasZone, list.transferKey != nil {
                throw node.failure("tsig-key does nothing without a zone", expected: "from: [\"axfr://192.0.2.1/rpz.example\"]")
            }
        })
}

extension GroupSettings {
    /// The keys of an element of `groups`.
    static let table = SettingsTable<GroupSettings>(
        [
            .value("name", \.name, .word, SettingFacts("Its name.")),
            .value(
                "clients", \.clients, .clients,
                SettingFacts("Addresses and prefixes, of which the longest decides; hardware addresses; names.")),
            .value("block", \.block, .words, SettingFacts("Lists whose names are denied.")),
            .value("allow", \.allow, .words, SettingFacts("Lists whose names pass.")),
            .value(
                "upstreams", \.upstreams, .list(of: .upstream, "addresses such as 192.0.2.1 or tls://192.0.2.3#dns.example"),
                SettingFacts(
                    "Who is asked for its clients instead of `upstreams` (but for the domains of `forward`); their answers are theirs alone.",
                    example: #"["tls://192.0.2.3#family.dns.example"]"#)),
            .value("schedule", \.schedules, .schedules, SettingFacts("When lists hold that do not always.")),
            .value("safe-search", \.safeSearch, .flag, SettingFacts("Search engines leave out what is not for children.")),
            .value("block-answer", \.blockAnswer, .optional(.blockAnswer), SettingFacts("As the key of that name at the top.")),
        ],
        check: { group, node throws(ConfigurationError) in
            if group.name.isEmpty { throw node.failure("name is missing", expected: "{name: kids, clients: […], block: […]}") }
            if group.name != "default", group.clients.isEmpty {
                throw node.failure(
                    "clients is missing", expected: "addresses, prefixes, hardware addresses or names, or the group default")
            }
        })
}

extension RewriteSettings {
    /// The keys of an element of `rewrite`.
    static let table = SettingsTable<RewriteSettings>(
        [
            .value("from", \.from, .domain, SettingFacts("What is asked for.")),
            .value("to", \.to, .domain, SettingFacts("What is looked up instead.")),
        ],
        check: { rewrite, node throws(ConfigurationError) in
            for key in ["from", "to"] where node.value(of: key) == nil {
                throw node.failure("\(key) is missing", expected: "{from: old.example, to: new.example}")
            }
            if rewrite.from == rewrite.to { throw node.failure("a name stands for itself", expected: "another name") }
        })
}

extension RuleTest {
    /// The keys of an element of `tests`.
    static let table = SettingsTable<RuleTest>(
        [
            .value("name", \.name, .domain, SettingFacts("The name.")),
            .value("client", \.client, .optional(.testedClient), SettingFacts("Who asks: an address or a name.")),
            .value("at", \.at, .optional(.moment), SettingFacts("When; without this key, now.")),
            .value("expect", \.expect, .expectation, SettingFacts("block, pass or local.")),
        ],
        check: { _, node throws(ConfigurationError) in
            for key in ["name", "expect"] where node.value(of: key) == nil {
                throw node.failure("\(key) is missing", expected: "{name: ads.example, expect: block}")
            }
        })
}

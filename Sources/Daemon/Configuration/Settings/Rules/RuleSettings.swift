package import DNSWire
internal import GreenHTTP
package import NameRules
internal import Resolver
package import Upstream

/// Names by rule: lists of names, groups of clients, records of our own.
package struct RuleSettings: Sendable, Equatable {
    /// The lists.
    package var lists: [ListSettings] = []
    /// Where lists are kept that are downloaded.
    package var listsDirectory = "/var/cache/vireo"
    /// The groups; without any, all lists hold for all clients.
    package var groups: [GroupSettings] = []
    /// What clients are told of a denied name, where their group says nothing else.
    package var blockAnswer = BlockAnswer.zero
    /// Records of our own, as in a zone file.
    package var local = ""
    /// Names that stand for others.
    package var rewrites: [RewriteSettings] = []
    /// Whether answers from outside may have private addresses.
    package var privateAddresses = PrivateAddressSettings()
    /// What `vireo check` is to find true.
    package var tests: [RuleTest] = []

    /// No rules.
    package init() {}
}

/// A list of names.
package struct ListSettings: Sendable, Equatable {
    /// Its name.
    package var name = ""
    /// The files it is read from, with wildcards all that fit; and URLs that it is downloaded from.
    package var from: [String] = []
    /// Its format; nil where each file's content tells.
    package var format: ListFormat?
    /// How often it is downloaded anew.
    package var refresh = Duration.seconds(86_400)
    /// The file of the key that transfers are signed with.
    package var transferKey: String?

    /// The same in seconds.
    var refreshSeconds: Int64 { max(1, refresh.components.seconds) }

    /// Whether a server has to be looked up for it.
    var needsBootstrap: Bool {
        from.contains { HTTPURL($0).map { NameRules.IPAddress(Substring($0.host)) == nil } ?? false }
    }

    /// A list that is yet to be filled in.
    package init() {}
}

/// Clients that are treated alike.
package struct GroupSettings: Sendable, Equatable {
    /// Its name; `default` is for all clients of no other group.
    package var name = ""
    /// Who its clients are.
    package var clients: [ClientRule] = []
    /// Lists whose names are denied.
    package var block: [String] = []
    /// Lists whose names pass.
    package var allow: [String] = []
    /// When lists hold that do not always.
    package var schedules: [String: Schedule] = [:]
    /// Who is asked for its clients; none: those for all.
    package var upstreams: [UpstreamAddress] = []
    /// Whether search engines are to leave out what is not for children.
    package var safeSearch = false
    /// What its clients are told of a denied name.
    package var blockAnswer: BlockAnswer?

    /// A group that is yet to be filled in.
    package init() {}

    /// The addresses of its clients.
    var prefixes: [NameRules.AddressPrefix] {
        clients.compactMap { if case .prefix(let prefix) = $0 { prefix } else { nil } }
    }

    /// What its clients are called.
    var clientNames: Set<String> { Set(clients.compactMap { if case .name(let name) = $0 { name } else { nil } }) }

    /// The hardware addresses of its clients.
    var machines: Set<HardwareAddress> {
        Set(clients.compactMap { if case .hardware(let address) = $0 { address } else { nil } })
    }
}

/// A name that stands for another.
package struct RewriteSettings: Sendable, Equatable {
    /// What is asked for.
    package var from = Name.root
    /// What is looked up instead.
    package var to = Name.root

    /// A rewrite that is yet to be filled in.
    package init() {}
}

/// Whether answers from outside may have private addresses.
package struct PrivateAddressSettings: Sendable, Equatable {
    /// Whether they are refused.
    package var isRefused = false
    /// Domains whose answers may have them all the same.
    package var exceptions: [Name] = []

    /// All may have them.
    package init() {}
}

/// A statement about a name that `vireo check` tests.
package struct RuleTest: Sendable, Equatable {
    /// What is expected.
    package enum Expectation: String, Sendable, CaseIterable {
        /// It is denied.
        case block
        /// It passes.
        case pass
        /// Our own records or a rewrite answer it.
        case local
    }

    /// The name.
    package var name = Name.root
    /// Who asks.
    package var client: TestedClient?
    /// When: seconds since 1970.
    package var at: Int64?
    /// What is expected.
    package var expect = Expectation.block

    /// A test that is yet to be filled in.
    package init() {}
}

extension RuleSettings {
    /// What is said of clients whose names look as if something else was meant: a line for each.
    var clientWarnings: [String] {
        groups.enumerated().flatMap { number, group in
            group.clientNames.sorted().filter(ClientRule.isDoubtful).map { name in
                "groups[\(number)].clients: \(quoted(name)) is taken for the name of a client, as TLS or HTTPS say it; "
                    + (ClientRule.keywords.contains(name)
                        ? "for all others there is the group default" : "an address is written with dots or colons")
            }
        }
    }

    /// The upstreams of groups that have their own, by the groups' numbers.
    var groupUpstreams: [Int: [UpstreamAddress]] {
        Dictionary(uniqueKeysWithValues: groups.enumerated().filter { !$1.upstreams.isEmpty }.map { ($0, $1.upstreams) })
    }

    /// Where rules are kept that were given to a running daemon.
    var ownRulesPath: String { listsDirectory + "/own-rules" }

    /// The hardware addresses of all groups' clients.
    var machines: Set<HardwareAddress> { groups.reduce(into: []) { $0.formUnion($1.machines) } }

    /// The number of a list.
    func number(of list: String) -> Int? { lists.firstIndex { $0.name == list } }

    /// The groups as the resolver takes them. The settings were checked: what does not fit is left out.
    func groupTable(
        hasOwn: Bool = false, neighbours: Neighbours = Neighbours()
    ) throws(GroupTable.Fault) -> GroupTable {
        var groups = groups
        if groups.isEmpty, !lists.isEmpty || hasOwn {
            var all = GroupSettings()
            all.name = "default"
            all.block = lists.map(\.name)
            groups = [all]
        }
        let own = Set(groups.flatMap(\.prefixes))
        return try GroupTable(
            groups.map { settings in
                var group = group(settings, hasOwn: hasOwn)
                // What the settings say of an address goes before whose it is.
                let machines = settings.machines
                group.prefixes += neighbours.machines.filter { machines.contains($0.value) }
                    .map { NameRules.AddressPrefix($0.key, length: 128) }.filter { !own.contains($0) }.sorted()
                return group
            })
    }

    private func group(_ settings: GroupSettings, hasOwn: Bool) -> NameRules.Group {
        var group = NameRules.Group(name: settings.name)
        group.prefixes = settings.prefixes
        group.clientNames = settings.clientNames
        // What was given to the running daemon stands behind the lists.
        group.blocks = bits(settings.block) | (hasOwn ? 1 << UInt64(lists.count) : 0)
        group.allows = bits(settings.allow)
        for (list, schedule) in settings.schedules {
            if let number = number(of: list) { group.schedules[number] = schedule }
        }
        group.blockAnswer = settings.blockAnswer ?? blockAnswer
        group.usesSafeSearch = settings.safeSearch
        return group
    }

    /// A bit for each of some lists.
    private func bits(_ names: [String]) -> UInt64 {
        names.compactMap { number(of: $0) }.reduce(0) { $0 | 1 << UInt64($1) }
    }
}

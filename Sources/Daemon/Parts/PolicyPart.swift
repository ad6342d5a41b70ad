internal import AnswerCache
internal import DNSWire
internal import Green
internal import Observation
internal import Resolver
internal import Upstream

/// Settings, hosts file, resolv.conf and rules, put together as resolvers work by them.
final class PolicyPart: Part {
    let name = "policy"
    private var settings: Settings
    private var builder = PolicyBuilder()
    private let hub = Hub.current
    private let hosts: HostsPart
    private let resolvConf: ResolvConfPart
    private let rules: NameRulesPart?
    private let others: ForeignUpstreams?
    /// Who hears from the primaries of zones.
    var notified: () -> NotifyReceiver? = { nil }
    /// Called with each policy that takes another's place.
    var changed: (Policy) -> Void = { _ in }

    /// The part for some settings; `others` are the upstreams of other instances.
    init(
        _ settings: Settings, hosts: HostsPart, resolvConf: ResolvConfPart, rules: NameRulesPart? = nil,
        others: ForeignUpstreams?
    ) {
        self.settings = settings
        self.hosts = hosts
        self.resolvConf = resolvConf
        self.rules = rules
        self.others = others
    }

    /// What resolvers are to work by now.
    func policy() -> Policy {
        var settings = settings
        settings.upstreams = resolvConf.upstreams
        settings.bootstrap = resolvConf.bootstrap
        var policy = builder.policy(for: settings, hosts: hosts.table, rules: rules?.book)
        policy.notified = notified().map { receiver in NotifyHandler { receiver.answer($0, from: $1, at: $2) } }
        return policy
    }

    /// Who is asked where the servers of lists are: bootstrap resolvers, else upstreams that are known by address.
    var resolversOfServers: [Policy.Upstream] {
        let policy = policy()
        let known = policy.routes.first { $0.domain == [0] }?.upstreams.filter { $0.address.host == nil } ?? []
        return settings.bootstrap.isEmpty && !known.isEmpty ? known : policy.bootstrap
    }

    /// The upstreams as they are known at the time.
    var upstreams: UpstreamDirectory { builder.upstreams(and: others) }

    /// Has the resolvers go on by what is true now.
    func publish() { changed(policy()) }

    /// Reads the files that upstreams are checked by: certificates, and addresses that forgers answer with; and the
    /// keys of cookies.
    private func readFiles(of settings: Settings) throws {
        let (upstreams, files, before) = (settings.allUpstreams, hub.loop.files, builder.contexts)
        let (paths, secret) = (settings.addressFiles, settings.cookieSecret)
        (builder.contexts, builder.lists, builder.cookieKeys) = try blocking {
            var contexts = before
            try contexts.prepare(for: upstreams, files)
            var lists = AddressLists()
            try lists.read(paths)
            return (contexts, lists, try CookieSecret.read(secret, files))
        }
    }

    /// Gives views their numbers, of which a process has only so many.
    private func checkViews(of settings: Settings) throws(DaemonError) {
        for group in settings.rules.groups where !group.upstreams.isEmpty {
            let view = ViewIdentity(of: group.upstreams)
            guard ViewDirectory.shared.number(of: view) == nil else { continue }
            throw .upstream(view.text, "there have been too many different upstreams of groups; restart the daemon")
        }
    }

    /// Has those who watch know the clients that the settings name.
    private func nameClients(of settings: Settings) {
        let names = settings.rules.groups.flatMap(\.clientNames)
        ClientDirectory.shared.adopt(Dictionary(names.map { (ClientName($0).number, $0) }) { first, _ in first })
    }

    /// Gives the upstreams their numbers, by which a snapshot is read.
    func start() throws {
        nameClients(of: settings)
        try checkViews(of: settings)
        try readFiles(of: settings)
        _ = policy()
    }

    func adopt(_ settings: Settings) throws {
        try checkViews(of: settings)
        try readFiles(of: settings)
        self.settings = settings
        nameClients(of: settings)
        publish()
    }
}

internal import AnswerCache
internal import DNSWire
internal import Green
internal import NameRules
internal import Resolver
internal import Upstream

/// Turns settings into what resolvers work by. Upstreams keep their numbers as long as the daemon runs.
struct PolicyBuilder {
    private var ids: [UpstreamAddress: UInt16] = [:]
    /// What encrypted upstreams are spoken to with.
    var contexts = UpstreamContexts()
    /// What the files of addresses say.
    var lists = AddressLists()
    /// The keys of DNS cookies, where there is a file with them.
    var cookieKeys: [CookieKey] = []
    /// What they follow from where there is none.
    private static let cookieOrigin = CookieKey.random()

    /// The policy for some settings, with a hosts table and rules that were read apart. Which groups have upstreams of their own
    /// is the rules' word: a client must not be in another group's view while the settings are already others.
    mutating func policy(for settings: Settings, hosts: HostsTable?, rules: RuleBook? = nil) -> Policy {
        var policy = Policy()
        policy.tryLimit = settings.timeout
        policy.hosts = hosts
        policy.domains = settings.domains
        policy.localZones = settings.localZones
        policy.hasMinimalResponses = settings.minimalResponses
        policy.largestDatagram = settings.maxUDPSize
        let trusted = settings.trustAD
        policy.staleClientTimeout = settings.cache.staleClientTimeout
        policy.prefetches = settings.cache.prefetches
        policy.cookies = ServerCookies(settings.cookies, keys: cookieKeys, origin: Self.cookieOrigin)
        policy.flightsOfDomain = settings.rateLimit.domain > 0 ? settings.rateLimit.domain : .max
        policy.designated = DesignatedResolvers(settings)
        policy.version = settings.chaos.version
        policy.identity = settings.chaos.identity
        policy.routes = [route([0], settings.upstreams, settings.choice, trusted)]
        if settings.needsBootstrap || settings.rules.lists.contains(where: \.needsBootstrap) {
            policy.bootstrap = settings.bootstrap.map { number($0, trusted) }
        }
        for rule in settings.forward {
            policy.routes.append(route(rule.domain.lowercased.wire, rule.upstreams, rule.choice, trusted))
        }
        addViews(of: rules, trusted, to: &policy)
        policy.makeIndex()
        return policy
    }

    /// Adds rules, and the views of their groups.
    private mutating func addViews(of rules: RuleBook?, _ trusted: [UpstreamAddress], to policy: inout Policy) {
        policy.rules = rules
        guard let rules, !rules.content.upstreams.isEmpty else { return }
        policy.groupViews = Array(repeating: .general, count: rules.content.groups.groups.count)
        for (group, upstreams) in rules.content.upstreams.sorted(by: { $0.key < $1.key })
        where policy.groupViews.indices.contains(group) {
            // Where there is no number, its clients are answered by nobody rather than from what others were told.
            let number = ViewDirectory.shared.number(of: ViewIdentity(of: upstreams))
            policy.groupViews[group] = number ?? .none
            guard let number, !policy.views.contains(where: { $0.number == number }) else { continue }
            policy.views.append(Policy.View(number, route([0], upstreams, ChoiceSettings(), trusted)))
        }
    }

    /// A route to some upstreams, and to those that stand in for them.
    private mutating func route(
        _ domain: [UInt8], _ upstreams: [UpstreamAddress], _ choice: ChoiceSettings, _ trusted: [UpstreamAddress]
    ) -> Policy.Route {
        var route = Policy.Route(domain: domain, upstreams: (upstreams + choice.fallback).map { number($0, trusted) })
        route.choice = choice.policy(lists.byPath)
        route.verifiers = choice.verify.with.map { number($0, trusted) }
        return route
    }

    /// The upstreams by number, and those of other instances.
    func upstreams(and others: ForeignUpstreams?) -> UpstreamDirectory {
        UpstreamDirectory(Dictionary(uniqueKeysWithValues: ids.map { ($0.value, $0.key) }), others: others)
    }

    private mutating func number(_ address: UpstreamAddress, _ trusted: [UpstreamAddress]) -> Policy.Upstream {
        var address = address
        if trusted.contains(where: { $0.isSamePlace(as: address) }) { address.trustsAD = true }
        let id = ids[address] ?? UInt16(truncatingIfNeeded: ids.count)
        ids[address] = id
        return Policy.Upstream(address, id: id, tls: contexts.context(for: address))
    }
}

extension ViewIdentity {
    /// The view that asks some upstreams. An account that stands in a path is one of the facts, and is not shown.
    init(of upstreams: [UpstreamAddress]) {
        let facts = upstreams.map { upstream in
            let place = upstream.host ?? "\(upstream.address.ip)"
            let identity = upstream.encryption.map { "\($0.name) \($0.path)" } ?? ""
            return "\(upstream.transport.rawValue) \(place) \(upstream.address.port) \(identity)"
        }
        self.init(facts, shown: upstreams.map(\.description))
    }
}

internal import AnswerCache
internal import DNSWire
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

    /// The policy for some settings, with a hosts table that was read apart.
    mutating func policy(for settings: Settings, hosts: HostsTable?) -> Policy {
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
        policy.makeIndex()
        return policy
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

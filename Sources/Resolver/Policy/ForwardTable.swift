internal import DNSWire
internal import Green
internal import Observation
internal import Upstream

/// Whom one hub asks about which names.
final class ForwardTable {
    /// For each of the policy's routes, in its order.
    private var forwarders: [Forwarder] = []
    /// The number of the route for all other names.
    private var general: Int?
    /// For all other names in a view.
    private var views: [ViewNumber: Forwarder] = [:]
    private var servers: [Policy.Upstream: UpstreamServer] = [:]

    /// Takes a policy's routes over. Upstreams that stay keep their sockets and what is known of them; those that go
    /// finish what they are asked.
    func adopt(_ policy: Policy, hub: Hub, watch: UpstreamWatch, recovered: @escaping () -> Void) {
        let before = servers
        servers = [:]
        forwarders = []
        views = [:]
        general = policy.routes.lastIndex { $0.domain == [0] }
        let server = { [self] (upstream: Policy.Upstream) in
            let known = servers[upstream] ?? before[upstream]
            let health = watch.health(of: upstream.address)
            let server =
                known ?? UpstreamServer(upstream.address, id: upstream.id, hub: hub, health: health, tls: upstream.tls)
            servers[upstream] = server
            return server
        }
        let resolvers = policy.bootstrap.map(server)
        let bootstrap = resolvers.isEmpty ? nil : Forwarder(hub: hub, servers: resolvers, tryLimit: policy.tryLimit)
        let forwarder = { (route: Policy.Route) in
            let (chosen, verifiers) = (route.upstreams.map(server), route.verifiers.map(server))
            for each in chosen + verifiers { each.lookUp(by: bootstrap) }
            let forwarder = Forwarder(
                hub: hub, servers: chosen, tryLimit: policy.tryLimit, policy: route.choice, watch: watch,
                recovered: recovered)
            let verifier = Forwarder(
                hub: hub, servers: verifiers, tryLimit: policy.tryLimit, watch: watch, recovered: recovered)
            forwarder.verify(by: verifiers.isEmpty ? nil : verifier)
            return forwarder
        }
        forwarders = policy.routes.map(forwarder)
        for view in policy.views { views[view.number] = forwarder(view.route) }
        for (upstream, server) in before where servers[upstream] == nil { server.retire() }
    }

    /// Reads what questions to upstreams hold.
    func readAccounts(_ read: Account.Reader) {
        for server in servers.values { server.readAccounts(read) }
    }

    /// The forwarder for a question of a domain; in a view that is no more, nobody is asked in its stead.
    subscript(domain: DomainFacts) -> Forwarder? {
        if domain.route == nil, domain.view != .general { return views[domain.view] }
        return (domain.route ?? general).map { forwarders[$0] }
    }
}

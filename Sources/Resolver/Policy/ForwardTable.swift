internal import Green
internal import Upstream

/// Whom one hub asks about which names.
final class ForwardTable {
    /// For domains with upstreams of their own, by their wire form.
    private var forwarders: [[UInt8]: Forwarder] = [:]
    /// For all other names.
    private var general: Forwarder?
    private var servers: [Policy.Upstream: UpstreamServer] = [:]

    /// Takes a policy's routes over. Upstreams that stay keep their sockets and what is known of them; those that go
    /// finish what they are asked.
    func adopt(_ policy: Policy, hub: Hub, recovered: @escaping () -> Void) {
        let before = servers
        servers = [:]
        forwarders = [:]
        general = nil
        for route in policy.routes {
            let chosen = route.upstreams.map { upstream in
                if let known = servers[upstream] ?? before[upstream] {
                    servers[upstream] = known
                    return known
                }
                let server = UpstreamServer(upstream.address, id: upstream.id, hub: hub)
                servers[upstream] = server
                return server
            }
            let forwarder = Forwarder(hub: hub, servers: chosen, tryLimit: policy.tryLimit, recovered: recovered)
            if route.domain == [0] { general = forwarder } else { forwarders[route.domain] = forwarder }
        }
        for (upstream, server) in before where servers[upstream] == nil { server.retire() }
    }

    /// The forwarder of the longest domain that `name`, lower-cased in wire form, is in.
    func find(_ name: Span<UInt8>) -> Forwarder? {
        forwarders.longestMatch(for: name) ?? general
    }
}

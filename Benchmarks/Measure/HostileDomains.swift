internal import Resolver
internal import Upstream

/// Names that a policy has much to say of.
enum HostileDomains {
    /// Looks a name of 127 labels up, a miss's way: each domain that it is in has a route of its own.
    static func walk() -> (Int, () -> Void) {
        let name = [[UInt8]](repeating: [1, 97], count: 127).flatMap(\.self) + [0]
        var policy = Policy()
        for labels in 1..<127 {
            policy.routes.append(Policy.Route(domain: Array(name.suffix(2 * labels + 1)), upstreams: []))
        }
        let index = DomainIndex(policy)
        return (name.count, { if !index.leadsToRoute(name.span) { Measure.leave("Measure: no route") } })
    }
}

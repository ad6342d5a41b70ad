internal import Resolver
internal import Upstream

/// Names that a policy has much to say of.
enum HostileDomains {
    /// Looks two names of 126 labels up in turn, a miss's way: each domain that they are in has a route of its own, and one of
    /// them has one too.
    static func walk() -> (Int, () -> Void) {
        let known = [[UInt8]](repeating: [1, 97], count: 126).flatMap(\.self) + [0]
        var other = known
        other[1] = 98
        var policy = Policy()
        for labels in 1...126 {
            policy.routes.append(Policy.Route(domain: Array(known.suffix(2 * labels + 1)), upstreams: []))
        }
        let (index, rounds) = (DomainIndex(policy), 500)
        return (
            2 * rounds * known.count,
            {
                for _ in 0..<rounds where !index.leadsToRoute(known.span) || index.leadsToRoute(other.span) {
                    Measure.leave("Measure: a wrong route")
                }
            }
        )
    }
}

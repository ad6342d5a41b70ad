internal import AnswerCache
internal import DNSWire
internal import Observation

/// Views: the clients of a group with upstreams of its own ask those, and are answered from what they said alone. The number of
/// a question's view is in its key, and with it in whatever is found by that: entries, failures, what does not exist, flights,
/// refreshes, keys in Redis.
extension Resolver {
    /// Has a question be asked in the view of who asks, or in the one given where nobody does. Not in the path of a hit where no
    /// group has upstreams of its own.
    @inline(never)
    func enterView(_ query: inout QueryView, from client: UInt128, within view: ViewNumber) {
        let view = Self.hasNoLists(client) ? view : self.view(of: client, named: query.clientName)
        if !Self.hasNoLists(client) { figures.views.add(at: QueryFigures.cell(ofView: view.rawValue)) }
        if view != .general { query.enter(view, seed: cache.seed) }
    }

    /// The view of a client's group.
    func view(of client: UInt128, named name: ClientName) -> ViewNumber {
        guard let group = policy.rules?.group(of: client, named: name), group < policy.groupViews.count else { return .general }
        return policy.groupViews[group]
    }
}

internal import Green

/// What all workers know of upstreams together, and whom to tell of it.
package final class UpstreamWatch: Sendable {
    private let healths = Locked<[UpstreamAddress: UpstreamHealth]>([:])
    private let report: @Sendable (UpstreamNews) -> Void

    /// A watch over no upstream yet. `report` is called seldom, from any worker's thread, and must not wait.
    package init(report: @escaping @Sendable (UpstreamNews) -> Void = { _ in }) {
        self.report = report
    }

    /// How the upstream at an address is: one object for all workers.
    package func health(of address: UpstreamAddress) -> UpstreamHealth {
        healths.withLock { healths in
            if let known = healths[address] { return known }
            let health = UpstreamHealth(of: address, report: report)
            healths[address] = health
            return health
        }
    }

    /// Tells news.
    func tell(_ news: UpstreamNews) { report(news) }
}

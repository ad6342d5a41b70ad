package import Green
internal import Upstream

extension Settings {
    /// Whether a query sent to `address` would come back to this daemon. A listener on a wildcard address answers for
    /// all of the machine's addresses; of those only loopback is known without asking the kernel.
    package func isOwn(_ address: SocketAddress) -> Bool {
        listen.contains { listener in
            guard listener.port == address.port else { return false }
            return listener.ip == address.ip
                || (listener.ip.isWildcard && listener.ip.family == address.ip.family && address.ip.isLoopback)
        }
    }

    /// Takes the upstreams of resolv.conf when none are given.
    package mutating func takeUpstreams(from configuration: ResolverConfiguration) throws(ConfigurationError) {
        guard upstreams.isEmpty else { return }
        upstreamOrigin = ResolverConfiguration.systemPath
        upstreams = configuration.nameservers.filter { !isOwn($0) }.map { UpstreamAddress($0) }
        guard upstreams.isEmpty else { return }
        let path = ResolverConfiguration.systemPath
        throw .noUpstreams(
            reason: configuration.nameservers.isEmpty
                ? "none are given, and \(path) names none"
                : "none are given, and \(path) names only this server itself")
    }

    /// Refuses upstreams that are this daemon itself: each query would go round in circles.
    package func checkUpstreams(at place: ConfigurationPlace) throws(ConfigurationError) {
        let groups = [("upstreams", upstreams)] + forward.enumerated().map { ("forward[\($0)].upstreams", $1.upstreams) }
        for (key, group) in groups {
            for upstream in group where isOwn(upstream.address) {
                var place = place
                place.key = key
                throw .badValue(
                    place, problem: "\(upstream) is an address that this server listens on itself",
                    expected: "the address of another server")
            }
        }
    }

    /// What differs from `old`, in the order of the table.
    package func changes(from old: Settings) -> [SettingChange] {
        Settings.table.difference(from: old, to: self)
    }

    /// Keeps the values of `running` that cannot change while the daemon runs; names the keys for which others were
    /// given.
    package mutating func keepFixed(of running: Settings) -> [String] {
        let refused = changesNeedingRestart(from: running)
        for key in Settings.table.keys { key.keepFixed(running, &self) }
        return refused
    }

    /// The keys whose values differ from `old` but cannot change while the daemon runs.
    package func changesNeedingRestart(from old: Settings) -> [String] {
        changes(from: old).filter { !$0.isReloadable }.map(\.key)
    }
}

package import Green
package import Upstream

extension Settings {
    /// Whether a query sent to `address` would come back to this daemon. A listener on a wildcard address answers for
    /// all of the machine's addresses: `machine` are those, besides loopback.
    package func isOwn(_ address: SocketAddress, on machine: [IPAddress]) -> Bool {
        let ip = address.ip.unmapped
        return allAddresses.contains { listener in
            guard listener.port == address.port else { return false }
            let own = listener.ip.unmapped
            if own == ip { return true }
            return own.isWildcard && own.family == ip.family
                && (ip.isLoopback || machine.contains { $0.unmapped == ip })
        }
    }

    /// Refuses listeners that cannot be had together, and those with TLS that have no certificate.
    func checkListeners(_ node: ConfigurationNode) throws(ConfigurationError) {
        let place = node.value(of: "listen") ?? node
        var known: [SocketAddress: ListenAddress] = [:]
        for listener in writtenListen {
            if let other = known[listener.address], other.transport != listener.transport {
                throw place.failure("\(other) and \(listener) are the same address and port", expected: "a port for each")
            }
            if let other = known[listener.address], other.path == listener.path || other.access != listener.access {
                throw place.failure(
                    "\(listener) stands there twice", expected: "each once, and paths of one place with the same allow and deny")
            }
            known[listener.address] = listener
        }
        guard let first = encrypted.first(where: \.transport.isEncrypted), !tls.isGiven else { return }
        throw place.failure(
            "\(first) needs a certificate, and there is no tls", expected: "tls: \(SettingKind<TLSSettings>.example)")
    }

    /// Refuses proxies that are nearly everybody: each client could say that it is another.
    func checkProxies(_ node: ConfigurationNode) throws(ConfigurationError) {
        guard let wide = proxies.first(where: { $0.isNearlyEverybody || $0 == .local }) else { return }
        throw (node.value(of: "proxies") ?? node).failure(
            "\(wide) is nearly everybody who asks, and whoever is a proxy is believed for whom it asks",
            expected: "the proxies' own addresses, such as 192.0.2.7")
    }

    /// The upstreams that resolv.conf names: none that is this daemon itself, and none that cannot be asked.
    package func upstreams(of configuration: ResolverConfiguration, on machine: [IPAddress]) -> [UpstreamAddress] {
        configuration.nameservers
            .filter { !isOwn($0, on: machine) && $0.ip.faultOfServer == nil && !($0.ip.isLinkLocalV6 && $0.ip.scope == 0) }
            .map { UpstreamAddress($0) }
    }

    /// Refuses upstreams that are this daemon itself: each query would go round in circles.
    package func checkUpstreams(at place: ConfigurationPlace, on machine: [IPAddress]) throws(ConfigurationError) {
        var faults = ConfigurationFaults()
        let own = ownUpstreams(on: machine) { path in
            var place = place
            place.key = ConfigurationStep.key(of: path)
            return place
        }
        for fault in own { faults.add(fault) }
        try faults.check()
    }

    /// A mistake for each upstream that is this daemon itself.
    func ownUpstreams(
        on machine: [IPAddress], _ place: ([ConfigurationStep]) -> ConfigurationPlace
    ) -> [ConfigurationError] {
        writtenUpstreamAddresses.filter { $0.upstream.host == nil && isOwn($0.upstream.address, on: machine) }.map {
            path, upstream in
            .badValue(
                place(path), problem: "\(upstream) is an address that this server listens on itself",
                expected: "the address of another server")
        }
    }

    /// All upstreams that are named, with where each stands.
    var writtenUpstreamAddresses: [(path: [ConfigurationStep], upstream: UpstreamAddress)] {
        var all: [(path: [ConfigurationStep], upstream: UpstreamAddress)] = []
        func add(_ upstreams: [UpstreamAddress], _ path: [ConfigurationStep]) {
            for (number, upstream) in upstreams.enumerated() { all.append((path + [.index(number)], upstream)) }
        }
        func add(_ choice: ChoiceSettings, _ path: [ConfigurationStep]) {
            add(choice.fallback, path + ["fallback"])
            add(choice.verify.with, path + ["verify", "with"])
        }
        add(upstreams, ["upstreams"])
        add(choice, [])
        add(bootstrap, ["bootstrap"])
        for (number, rule) in forward.enumerated() {
            add(rule.upstreams, ["forward", .index(number), "upstreams"])
            add(rule.choice, ["forward", .index(number)])
        }
        for (number, group) in rules.groups.enumerated() { add(group.upstreams, ["groups", .index(number), "upstreams"]) }
        return all
    }

    /// All upstreams that are named, each as often as it is.
    var allUpstreams: [UpstreamAddress] {
        upstreams + choice.others + bootstrap + forward.flatMap { $0.upstreams + $0.choice.others }
            + rules.groups.flatMap(\.upstreams)
    }

    /// The files of addresses that forgers answer with.
    var addressFiles: [String] { choice.verify.files + forward.flatMap(\.choice.verify.files) }

    /// Whether an upstream is known by name, so that somebody must be asked where it is.
    var needsBootstrap: Bool { allUpstreams.contains { $0.host != nil } }

    /// The certificates for clients that end soon, or have ended: a line for each.
    package func certificateWarnings() -> [String] {
        let loop = LibeventLoop()
        guard tls.isGiven, let certificates = try? ServerCertificates(tls, loop.files) else { return [] }
        return certificates.warnings(at: loop.wallTime() / 1_000_000_000)
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
        for key in refused { origins[key] = running.origins[key] }
        return refused
    }

    /// The keys whose values differ from `old` but cannot change while the daemon runs.
    package func changesNeedingRestart(from old: Settings) -> [String] {
        changes(from: old).filter { !$0.isReloadable }.map(\.key)
    }
}

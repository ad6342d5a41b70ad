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
        let groups =
            [
                ("upstreams", upstreams), ("fallback", choice.fallback), ("verify.with", choice.verify.with),
                ("bootstrap", bootstrap),
            ]
            + forward.enumerated().flatMap { number, rule in
                [
                    ("upstreams", rule.upstreams), ("fallback", rule.choice.fallback), ("verify.with", rule.choice.verify.with),
                ].map { ("forward[\(number)].\($0.0)", $0.1) }
            }
            + rules.groups.enumerated().map { ("groups[\($0)].upstreams", $1.upstreams) }
        var faults = ConfigurationFaults()
        for (key, group) in groups {
            for upstream in group where upstream.host == nil && isOwn(upstream.address, on: machine) {
                var place = place
                place.key = key
                faults.collect { () throws(ConfigurationError) in
                    throw .badValue(
                        place, problem: "\(upstream) is an address that this server listens on itself",
                        expected: "the address of another server")
                }
            }
        }
        try faults.check()
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

    /// Reads the files that encrypted upstreams are checked by, those of secrets, and those of addresses that are suspicious, as
    /// the daemon will: a line for each that cannot be used.
    package func faultsOfFiles() -> [String] {
        let files = LibeventLoop().files
        var lines: [String] = []
        func collect(_ body: () throws -> Void) {
            do {
                try body()
            } catch {
                // Two upstreams may lean on one file.
                let new = "\(error)".split(separator: "\n").map(String.init)
                for line in new where !lines.contains(line) { lines.append(line) }
            }
        }
        for upstream in allUpstreams {
            collect {
                var contexts = UpstreamContexts()
                try contexts.prepare(for: [upstream], files)
            }
        }
        if tls.isGiven { collect { _ = try ServerCertificates(tls, files) } }
        collect { _ = try CookieSecret.read(cookieSecret, files) }
        for path in Set(rules.lists.compactMap(\.transferKey)).sorted() { collect { _ = try TransferKey.read(path, files) } }
        for file in addressFiles {
            collect {
                var lists = AddressLists()
                try lists.read([file])
            }
        }
        return lines
    }

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

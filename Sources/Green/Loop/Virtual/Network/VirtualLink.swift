/// Two hosts, in no order, and what the network between them does.
struct VirtualLink: Hashable {
    private let low: Int
    private let high: Int

    init(_ one: VirtualHost, _ other: VirtualHost) {
        low = min(one.number, other.number)
        high = max(one.number, other.number)
    }
}

extension VirtualWorld {
    /// Sets the conditions between two hosts, or within one.
    public func setConditions(_ conditions: LinkConditions, between one: VirtualHost, and other: VirtualHost) {
        check()
        links[VirtualLink(one, other)] = conditions
    }

    /// Cuts two hosts off from each other: what is sent is lost without a word, until `mend`.
    public func cut(_ one: VirtualHost, _ other: VirtualHost) {
        check()
        note("cut", one.number, other.number)
        cuts.insert(VirtualLink(one, other))
    }

    /// Ends a cut.
    public func mend(_ one: VirtualHost, _ other: VirtualHost) {
        check()
        note("mend", one.number, other.number)
        cuts.remove(VirtualLink(one, other))
    }

    /// Cuts a host off from all others.
    public func isolate(_ host: VirtualHost) {
        for other in hosts where other !== host { cut(host, other) }
    }

    /// Ends all cuts of a host.
    public func rejoin(_ host: VirtualHost) {
        for other in hosts where other !== host { mend(host, other) }
    }

    /// Crashes a host: its sockets are gone without a word to their peers. The hubs that ran there find their
    /// sockets closed; end them, and start others to have the host run again.
    public func crash(_ host: VirtualHost) {
        check()
        note("crash", host.number)
        for socket in sockets.values.filter({ $0.host === host }).sorted(by: { $0.number < $1.number }) {
            (socket as? VirtualStream)?.vanish()
            let handle = unsafe socket.handle
            let hub = socket.hub
            socket.close()
            if let handle = unsafe handle {
                unsafe handle.pointee.descriptor = -1
                hub?.asCurrent { unsafe handle.signal(readable: true, writable: true) }
            }
        }
    }

    /// The conditions between two hosts.
    func conditions(_ one: VirtualHost, _ other: VirtualHost) -> LinkConditions {
        links[VirtualLink(one, other)] ?? (one === other ? loopback : network)
    }

    /// Whether nothing comes through between two hosts.
    func isCut(_ one: VirtualHost, _ other: VirtualHost) -> Bool {
        !cuts.isEmpty && cuts.contains(VirtualLink(one, other))
    }

    /// The host that `address` leads to from `host`; nil where nobody has it.
    func target(of address: IPAddress, from host: VirtualHost) -> VirtualHost? {
        if address.isLoopback || address.isWildcard { return host }
        return hosts.first { $0.addresses.contains(address) }
    }
}

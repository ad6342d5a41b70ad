/// The addresses of `host`, the preferred one first: looked up by the machine's resolver on a thread of the pool, while
/// the hub runs others. An address is its own.
///
/// Throws `SocketError.notFound`, `timedOut` where the resolver could not tell, or the interruption of the wait. Costs what `blocking`
/// does and what the resolver takes; nothing is kept.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
public func lookUp(_ host: String) throws -> [IPAddress] {
    if let address = IPAddress(host) { return [address] }
    let names = Hub.current.loop.names
    return try met(at: .host(host, port: nil)) { try blocking(as: .names) { try names.addresses(of: host) } }
}

/// The name of an address, as the machine's resolver has it (getnameinfo): who controls the address chooses it, so that it proves
/// nothing. Throws and costs what ``lookUp(_:)`` does.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
public func lookUp(nameOf address: IPAddress) throws -> String {
    let names = Hub.current.loop.names
    return try met(at: .host("\(address)", port: nil)) { try blocking(as: .names) { try names.name(of: address) } }
}

extension StreamSocket {
    /// How long an attempt has a head start before the next address is tried beside it (RFC 8305, section 5).
    static let headStart = Duration.milliseconds(250)

    /// Connects to `port` of `host`, a name or an address. The addresses of a name are tried in turn, the families
    /// alternating, each with a head start of 250 ms before the next; the first connection wins and the other attempts
    /// are given up (RFC 8305, "happy eyeballs").
    ///
    /// Throws the error of the last attempt that failed, `timedOut` when none had worked by `deadline`, or what
    /// ``lookUp(_:)`` throws.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public static func connect(toHost host: String, port: UInt16, until deadline: Instant = .never) throws -> StreamSocket {
        let addresses = alternating(try lookUp(host)).map { SocketAddress($0, port: port) }
        do {
            return try connect(toFirstOf: addresses, until: deadline)
        } catch let error as SocketError {
            // The host's name says more than the address that failed last.
            throw error.nowhere.at(.host(host, port: port))
        }
    }

    /// Connects to one of some addresses, which are tried in turn as `connect(toHost:port:until:)` says. Throws the error of
    /// the last attempt that failed, or `timedOut` when none had worked by `deadline`.
    package static func connect(toFirstOf addresses: [SocketAddress], until deadline: Instant) throws -> StreamSocket {
        let hub = Hub.current
        if addresses.count == 1 { return try connect(to: addresses[0], hub: hub, until: deadline) }
        let attempts = Group(hub: hub)
        defer { attempts.kill() }
        let outcomes = Queue<Result<StreamSocket, any Error>>(hub: hub)
        var started = 0
        var failure: any Error = SocketError.timedOut
        while started < addresses.count || outcomes.count + attempts.count > 0 {
            var patience = deadline
            if started < addresses.count {
                let peer = addresses[started]
                started += 1
                try attempts.spawn(name: "connect \(peer)") {
                    let outcome = Result { try StreamSocket.connect(to: peer, hub: hub, until: deadline) }
                    // Who is late finds the queue closed, and the socket goes with the result.
                    outcomes.tryPut(outcome)
                }
                if started < addresses.count { patience = min(deadline, hub.loop.now().advanced(by: headStart)) }
            }
            switch try outcomes.get(until: patience) {
            case .success(let socket):
                outcomes.close()
                return socket
            case .failure(let error):
                failure = error
            case nil:
                if hub.loop.now() >= deadline { throw SocketError.timedOut }
            }
        }
        throw failure
    }

    /// The addresses with their families in turn, beginning with the first one's.
    package static func alternating(_ addresses: [IPAddress]) -> [IPAddress] {
        guard let first = addresses.first?.family else { return [] }
        let preferred = addresses.filter { $0.family == first }
        let others = addresses.filter { $0.family != first }
        var mixed: [IPAddress] = []
        for index in 0..<max(preferred.count, others.count) {
            if index < preferred.count { mixed.append(preferred[index]) }
            if index < others.count { mixed.append(others[index]) }
        }
        return mixed
    }

    /// Connects to the Unix socket of that name. Its `peer` is `SocketAddress.unnamed`. Throws a `SocketError`
    /// (`refused` and `notFound` where nobody listens), or the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public static func connect(
        toPath path: String, hub: Hub = .current, until deadline: Instant = .never
    ) throws -> StreamSocket {
        try met(at: .path(path)) {
            let handle = unsafe try hub.loop.beginConnect(path: path)
            return try unsafe finishConnect(StreamSocket(hub: hub, handle: handle, peer: .unnamed), until: deadline)
        }
    }
}

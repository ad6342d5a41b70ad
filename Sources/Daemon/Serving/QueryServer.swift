internal import DNSWire
internal import Green
internal import Observation
internal import Resolver

/// Answers the queries of one UDP listener, in a greenlet each.
final class QueryServer: DatagramServer {
    private let resolver: Resolver
    /// Says whose queries are answered; proxies are not among them.
    let gate: ClientGate
    /// How much others may ask.
    private let limits: ClientLimits
    /// What its queries are counted as.
    private let cell: Int
    /// Whose datagrams begin with a header that says whom they ask for.
    private let proxies: ClientAccess

    init(
        socket: DatagramSocket, resolver: Resolver, limits: ClientLimits, admitting: (ClientGate, proxies: ClientAccess),
        isIPv6: Bool
    ) {
        cell = QueryTransport.udp.cell(isIPv6: isIPv6)
        self.resolver = resolver
        self.limits = limits
        (gate, proxies) = admitting
        super.init(socket: socket)
    }

    /// The walk of a hit: read, look up, write the answer over the query, send. Only others go on to `answerLater`.
    override func handle(_ datagram: consuming Datagram) {
        resolver.figures.queries.add(at: cell)
        let client = datagram.peerNumber
        guard gate.admits(client) else { return handleOther(datagram) }
        answer(datagram, to: client)
    }

    @inline(__always)
    private func answer(_ datagram: consuming Datagram, to client: UInt128) {
        var query = QueryView()
        let length = datagram.count
        var buffer = datagram.buffer
        let step = resolver.begin(&query, length: length, in: &buffer, from: client, over: .udp)
        switch step {
        case .answered(let count):
            let length = query.edns?.hasCookie == true ? StreamOptions.add(query.cookie, to: &buffer, count) : count
            datagram.count = length
            socket.send(datagram)
        case .drop:
            break
        case .wait, .tooLong:
            let pending = resolver.pending(&query, datagram.bytes, from: client, over: .udp)
            let path = datagram.returnPath
            // The buffer goes back before the first wait.
            _ = consume datagram
            answerLater(pending, to: path, isCached: step == .tooLong)
        }
    }

    /// Answers a client that has limits or a proxy, which asks for another, and refuses a client that may not ask.
    @inline(never)
    private func handleOther(_ datagram: consuming Datagram) {
        let peer = datagram.peerNumber
        guard proxies.admits(number: peer) else {
            return gate.admitsLimited(peer) ? answerLimited(datagram, to: peer) : refuse(datagram, of: peer)
        }
        guard case .header(let length, let ip) = ProxyHeader.read(datagram.bytes, isDatagram: true), length <= datagram.count
        else {
            // Whom an answer would be for is not known.
            gate.refusedCount &+= 1
            return
        }
        let client = ip?.number ?? peer
        let rest = [UInt8](copying: datagram.bytes.extracting(length...))
        var buffer = datagram.buffer
        buffer.copy(rest.span, to: 0)
        datagram.count = rest.count
        guard gate.admitsForwarded(client) else { return refuse(datagram, of: client) }
        answerLimited(datagram, to: client)
    }

    /// Refuses a client that may not ask, or asks too much.
    @inline(never)
    private func refuse(_ datagram: consuming Datagram, of client: UInt128, _ refusal: Resolver.Refusal = .prohibited) {
        if refusal == .prohibited { gate.refusedCount &+= 1 }
        let length = datagram.count
        var buffer = datagram.buffer
        let asker = TappedClient(client, over: .udp)
        guard limits.takesRefusal(of: client, at: resolver.hub.now) else {
            return resolver.withhold(length: length, in: &buffer, from: asker, refusal)
        }
        let step = resolver.refuse(length: length, in: &buffer, from: asker, refusal)
        guard case .answered(let count) = step else { return }
        datagram.count = count
        socket.send(datagram)
    }

    // MARK: - Limits

    /// The same walk for a client that has limits, if need be.
    @inline(never)
    private func answerLimited(_ datagram: consuming Datagram, to client: UInt128) {
        // The cookie is looked at only where it counts.
        guard limits.takesQuery(of: client, isProven: false, at: resolver.hub.now) || takesProven(datagram.bytes, of: client)
        else { return handleExcess(datagram, of: client) }
        var query = QueryView()
        let length = datagram.count
        var buffer = datagram.buffer
        let step = resolver.beginAside(&query, length, in: &buffer, from: TappedClient(client, over: .udp)) { query, buffer in
            allowed(&query, in: &buffer, for: client)
        }
        switch step {
        case .answered(let count):
            let length = query.edns?.hasCookie == true ? StreamOptions.add(query.cookie, to: &buffer, count) : count
            datagram.count = length
            socket.send(datagram)
        case .drop:
            break
        case .wait:
            let pending = resolver.pending(&query, datagram.bytes, from: client, over: .udp)
            let path = datagram.returnPath
            _ = consume datagram
            answerLater(pending, to: path, isCached: false, isLimited: true)
        case .tooLong:
            let pending = resolver.pending(&query, datagram.bytes, from: client, over: .udp)
            let path = datagram.returnPath
            _ = consume datagram
            answerLater(pending, to: path, isCached: true, isLimited: true)
        }
    }

    /// Whether a query has a good cookie and is within the rate of what is proven; counts it.
    private func takesProven(_ message: Span<UInt8>, of client: UInt128) -> Bool {
        resolver.isProven(message, of: client) && limits.takesQuery(of: client, isProven: true, at: resolver.hub.now)
    }

    /// Has one in some clients that ask too much come over TCP, where nobody has their address, and refuses or drops the others.
    @inline(never)
    private func handleExcess(_ datagram: consuming Datagram, of client: UInt128) {
        let slips = limits.slips(.queries)
        if !slips, limits.limits.refuses { return refuse(datagram, of: client, .rate) }
        let length = datagram.count
        var buffer = datagram.buffer
        let asker = TappedClient(client, over: .udp)
        guard slips else { return resolver.withhold(length: length, in: &buffer, from: asker, .rate) }
        let step = resolver.refuse(length: length, in: &buffer, from: asker, .unproven, .slipped)
        guard case .answered(let count) = step else { return }
        datagram.count = count
        socket.send(datagram)
    }

    /// What may go out of an answer by the limits of the network that it goes to.
    private func allowed(
        _ query: inout QueryView, in buffer: inout MutableSpan<UInt8>, for client: UInt128
    ) -> Resolver.Allowance {
        let subject = resolver.subject(&query, buffer.span)
        let isWithin = limits.takesAnswer(subject, to: client, at: resolver.hub.now)
        if isWithin || resolver.isProven(query.edns, query.cookie, of: client) { return .whole }
        return limits.slips(.responses) ? .slipped(resolver.truncate(&query, in: &buffer)) : .nothing
    }

    /// The same for one that was waited for.
    private func allowed(_ pending: PendingQuery, in buffer: inout MutableSpan<UInt8>) -> Resolver.Allowance {
        let subject = resolver.subject(pending, buffer.span)
        let isWithin = limits.takesAnswer(subject, to: pending.address, at: resolver.hub.now)
        if isWithin || resolver.isProven(pending.edns, pending.cookie, of: pending.address) { return .whole }
        return limits.slips(.responses) ? .slipped(resolver.truncate(pending, in: &buffer)) : .nothing
    }

    // MARK: - Waiting

    /// Waits for the answer, where it is not in the cache, and sends it in a buffer of its own.
    @inline(never)
    private func answerLater(_ pending: PendingQuery, to path: ReturnPath, isCached: Bool, isLimited: Bool = false) {
        let resolution = isCached ? .cached : resolver.resolve(pending)
        guard var answer = Datagram(hub: resolver.hub) else { return }
        var buffer = answer.buffer
        let limit = resolver.datagramLimit(pending)
        let count = resolver.write(pending, resolution, into: &buffer, limit: limit) { buffer in
            isLimited ? allowed(pending, in: &buffer) : .whole
        }
        guard count > 0 else { return }
        let whole = StreamOptions.add(pending.cookie, to: &buffer, count)
        answer.count = whole
        answer.setReturnPath(path)
        socket.send(answer)
    }
}

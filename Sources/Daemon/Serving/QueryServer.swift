internal import DNSWire
internal import Green
internal import Observation
internal import Resolver

/// Answers the queries of one UDP listener, in a greenlet each.
final class QueryServer: DatagramServer {
    private let resolver: Resolver
    /// Says whose queries are answered; proxies are not among them.
    let gate: ClientGate
    /// What its queries are counted as.
    private let cell: Int
    /// Whose datagrams begin with a header that says whom they ask for.
    private let proxies: ClientAccess

    init(socket: DatagramSocket, resolver: Resolver, gate: ClientGate, proxies: ClientAccess, isIPv6: Bool) {
        cell = QueryTransport.udp.cell(isIPv6: isIPv6)
        self.resolver = resolver
        self.gate = gate
        self.proxies = proxies
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
        let step = resolver.begin(&query, length: length, in: &buffer, from: client, streams: false)
        switch step {
        case .answered(let count):
            let length = query.edns?.hasCookie == true ? StreamOptions.add(query.cookie, to: &buffer, count) : count
            datagram.count = length
            socket.send(datagram)
        case .drop:
            break
        case .wait, .tooLong:
            let pending = PendingQuery(&query, datagram.bytes, from: client)
            let path = datagram.returnPath
            // The buffer goes back before the first wait.
            _ = consume datagram
            answerLater(pending, to: path, isCached: step == .tooLong)
        }
    }

    /// Answers a proxy, which asks for another, and refuses a client that may not ask.
    @inline(never)
    private func handleOther(_ datagram: consuming Datagram) {
        guard proxies.admits(number: datagram.peerNumber) else { return refuse(datagram, from: datagram.peerNumber) }
        guard case .header(let length, let ip) = ProxyHeader.read(datagram.bytes, isDatagram: true), length <= datagram.count
        else {
            // Whom an answer would be for is not known.
            gate.refusedCount &+= 1
            return
        }
        let client = ip?.number ?? datagram.peerNumber
        let rest = [UInt8](copying: datagram.bytes.extracting(length...))
        var buffer = datagram.buffer
        buffer.copy(rest.span, to: 0)
        datagram.count = rest.count
        guard gate.admitsForwarded(client) else { return refuse(datagram, from: client) }
        answer(datagram, to: client)
    }

    /// Answers a client that may not ask.
    @inline(never)
    private func refuse(_ datagram: consuming Datagram, from client: UInt128) {
        gate.refusedCount &+= 1
        let length = datagram.count
        var buffer = datagram.buffer
        guard case .answered(let count) = resolver.refuse(length: length, in: &buffer, from: client) else { return }
        datagram.count = count
        socket.send(datagram)
    }

    /// Waits for the answer, where it is not in the cache, and sends it in a buffer of its own.
    @inline(never)
    private func answerLater(_ pending: PendingQuery, to path: ReturnPath, isCached: Bool) {
        let resolution = isCached ? .cached : resolver.resolve(pending)
        guard var answer = Datagram(hub: resolver.hub) else { return }
        var buffer = answer.buffer
        let count = resolver.write(pending, resolution, into: &buffer, limit: resolver.datagramLimit(pending))
        guard count > 0 else { return }
        let whole = StreamOptions.add(pending.cookie, to: &buffer, count)
        answer.count = whole
        answer.setReturnPath(path)
        socket.send(answer)
    }
}

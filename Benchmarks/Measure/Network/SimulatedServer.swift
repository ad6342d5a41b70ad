internal import DNSWire
internal import Green
internal import Upstream

/// A server of a simulated network that answers each question with one address, after a time that a figure chooses.
final class SimulatedServer: DatagramServer {
    /// How long the answer to a question takes, by how many came before it; nil for none.
    var delay: (Int) -> Duration?
    /// Whether a question is answered half a second later.
    var isLate: ([UInt8]) -> Bool = { _ in false }
    /// The last byte of the address in its answers.
    private let last: UInt8
    /// How many questions came.
    private(set) var count = 0
    /// The questions that came, where they are kept, and where from.
    private(set) var questions: [(bytes: [UInt8], path: ReturnPath)] = []
    /// So many of the last are kept.
    var keeps = 0

    /// A server on a port of its own of the running hub's host.
    init(last: UInt8 = 1, _ delay: @escaping (Int) -> Duration?) throws {
        self.delay = delay
        self.last = last
        let hub = Hub.current
        let listener = try hub.loop.listen(.datagram, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
        super.init(socket: try DatagramSocket(hub: hub, listener: listener))
        start()
    }

    /// The same as those know it who ask.
    func upstream(_ id: UInt16) -> UpstreamServer {
        UpstreamServer(UpstreamAddress(socket.localAddress!), id: id, hub: .current)
    }

    override func handle(_ datagram: consuming Datagram) {
        let (bytes, path) = ([UInt8](copying: datagram.bytes), datagram.returnPath)
        // The buffer goes back before the first wait.
        _ = consume datagram
        count += 1
        if keeps > 0 {
            if questions.count >= keeps { questions.removeFirst() }
            questions.append((bytes, path))
        }
        guard var time = delay(count - 1) else { return }
        if isLate(bytes) { time += .milliseconds(500) }
        if time > .zero, (try? sleep(time)) == nil { return }
        send(Self.answer(to: bytes, last: last), to: path)
    }

    /// Sends bytes as this server.
    func send(_ bytes: [UInt8], to path: ReturnPath) {
        guard let datagram = Datagram(bytes, hub: .current) else { return }
        datagram.setReturnPath(path)
        socket.send(datagram)
    }

    /// The answer to a query, with one address.
    static func answer(to query: [UInt8], last: UInt8) -> [UInt8] {
        var end = 12
        while end < query.count, query[end] != 0 { end += 1 + Int(query[end]) }
        let head = Array(query[0..<2]) + [0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
        return head + query[12..<end + 5] + [0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, last]
    }
}

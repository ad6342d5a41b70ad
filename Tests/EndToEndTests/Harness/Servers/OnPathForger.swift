import Foundation
import Synchronization

/// The way to a server of the loopback network on which somebody sits: true answers take their time, and names that begin with
/// `forged` are answered by the forger first, under the right id and from the right port.
final class OnPathForger: Sendable {
    private let place: DatagramPort
    private let isStopping = Atomic(false)
    private let forgedCount = Atomic(0)
    private let ended = DispatchSemaphore(value: 0)

    /// Its address, as Vireo's configuration takes it.
    var address: String { "127.0.0.1:\(place.port)" }
    /// How many questions it has answered first.
    var forgeries: Int { forgedCount.load(ordering: .relaxed) }

    /// A reply that is yet to arrive.
    private struct Pending {
        var due: ContinuousClock.Instant
        var bytes: [UInt8]
        var peer: sockaddr_in
    }

    /// The way to the server on `server`, whose answers take `trip`; forged ones have the address `ip`.
    init(to server: UInt16, trip: Duration, ip: [UInt8]) throws {
        place = try DatagramPort()
        Thread.detachNewThread { [self] in
            serve(server, trip, ip)
            ended.signal()
        }
    }

    /// Ends it; to be called before it goes.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        ended.wait()
        close(place.descriptor)
    }

    private func serve(_ server: UInt16, _ trip: Duration, _ ip: [UInt8]) {
        var pending: [Pending] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while !isStopping.load(ordering: .relaxed) {
            while let first = pending.first, first.due <= .now {
                place.send(first.bytes, to: first.peer)
                pending.removeFirst()
            }
            let wait = pending.first.map { min($0.due - .now, .milliseconds(20)) } ?? .milliseconds(20)
            guard waitReadable(place.descriptor, wait), let (query, peer) = place.take(&buffer) else { continue }
            let come = ContinuousClock.now
            if let forgery = forgery(of: query, ip) {
                forgedCount.wrappingAdd(1, ordering: .relaxed)
                place.send(forgery, to: peer)
            }
            guard let socket = try? UDPSocket(to: server) else { continue }
            socket.send(query)
            guard let reply = socket.receive(within: .seconds(1)) else { continue }
            pending.append(Pending(due: come + trip, bytes: reply, peer: peer))
        }
    }

    /// The forger's answer to a question for an address.
    private func forgery(of query: [UInt8], _ ip: [UInt8]) -> [UInt8]? {
        let label = query.count > 19 ? String(decoding: query[13..<19], as: UTF8.self).lowercased() : ""
        return label == "forged" ? DatagramPort.answer(query, ip: ip, ttl: 256) : nil
    }
}

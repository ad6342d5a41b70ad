import Foundation
import Synchronization

/// The way to a server of the loopback network on which somebody sits: true answers take their time, and names that begin with
/// `forged` are answered by the forger first, under the right id and from the right port.
final class OnPathForger: Sendable {
    let port: UInt16
    private let descriptor: Int32
    private let isStopping = Atomic(false)
    private let forgedCount = Atomic(0)
    private let ended = DispatchSemaphore(value: 0)

    /// Its address, as Vireo's configuration takes it.
    var address: String { "127.0.0.1:\(port)" }
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
        port = FreePort.take()
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = loopback(port)
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        Thread.detachNewThread { [self] in
            serve(server, trip, ip)
            ended.signal()
        }
    }

    /// Ends it; to be called before it goes.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        ended.wait()
        close(descriptor)
    }

    private func serve(_ server: UInt16, _ trip: Duration, _ ip: [UInt8]) {
        var pending: [Pending] = []
        while !isStopping.load(ordering: .relaxed) {
            while let first = pending.first, first.due <= .now {
                transmit(first.bytes, to: first.peer)
                pending.removeFirst()
            }
            let wait = pending.first.map { min($0.due - .now, .milliseconds(20)) } ?? .milliseconds(20)
            guard waitReadable(descriptor, wait), let (query, peer) = take() else { continue }
            let come = ContinuousClock.now
            if let forgery = forgery(of: query, ip) {
                forgedCount.wrappingAdd(1, ordering: .relaxed)
                transmit(forgery, to: peer)
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
        guard label == "forged" else { return nil }
        var end = 12
        while end < query.count, query[end] != 0 { end += Int(query[end]) + 1 }
        end += 5
        guard end <= query.count else { return nil }
        let header = Array(query[0..<2]) + [0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
        return header + query[12..<end] + [0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4] + ip
    }

    private func take() -> ([UInt8], sockaddr_in)? {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        var peer = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT), $0, &length)
            }
        }
        return count < 0 ? nil : (Array(buffer.prefix(count)), peer)
    }

    private func transmit(_ bytes: [UInt8], to peer: sockaddr_in) {
        var peer = peer
        _ = withUnsafePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

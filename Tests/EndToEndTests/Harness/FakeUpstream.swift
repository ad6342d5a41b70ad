import Foundation
import Synchronization

/// An upstream that answers every question with one A record after a fixed time, and counts what it is asked.
final class FakeUpstream: Sendable {
    let port: UInt16
    private let descriptor: Int32
    private let state = State()

    /// What the test and the upstream's thread share.
    private final class State: Sendable {
        let isStopping = Atomic(false)
        let received = Atomic(0)
        let ended = DispatchSemaphore(value: 0)
    }

    /// Its address, as Vireo's configuration takes it.
    var address: String { "127.0.0.1:\(port)" }
    /// How many questions have come.
    var questionCount: Int { state.received.load(ordering: .relaxed) }

    /// Answers with `ip` (four bytes) after `delay`; nothing to names that begin with `silent`.
    init(delay: Duration = .zero, ip: [UInt8] = [192, 0, 2, 1], ttl: UInt32 = 300, silent: String? = nil) throws {
        port = FreePort.take()
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        self.descriptor = descriptor
        var size: Int32 = 16 << 20
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, 4)
        var address = loopback(port)
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        Thread.detachNewThread { [state] in
            Self.serve(descriptor, delay: delay, state) { query in
                if let silent, query.count > 13 + silent.utf8.count,
                    query[13...].withUnsafeBytes({
                        strncasecmp($0.bindMemory(to: CChar.self).baseAddress!, silent, silent.utf8.count)
                    }) == 0
                {
                    return nil
                }
                return Self.answer(query, ip: ip, ttl: ttl)
            }
            state.ended.signal()
        }
    }

    deinit {
        state.isStopping.store(true, ordering: .relaxed)
        state.ended.wait()
        close(descriptor)
    }

    /// A reply that is yet to be sent.
    private struct Pending {
        var due: ContinuousClock.Instant
        var bytes: [UInt8]
        var peer: sockaddr_in
    }

    private static func serve(_ descriptor: Int32, delay: Duration, _ state: State, _ answer: ([UInt8]) -> [UInt8]?) {
        // One delay for all: what came first is due first.
        var pending: [Pending] = []
        var first = 0
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while !state.isStopping.load(ordering: .relaxed) {
            let now = ContinuousClock.now
            while first < pending.count, pending[first].due <= now {
                transmit(descriptor, pending[first])
                first += 1
            }
            if first == pending.count {
                pending.removeAll(keepingCapacity: true)
                first = 0
            }
            let wait = first < pending.count ? min(pending[first].due - now, .milliseconds(20)) : .milliseconds(20)
            guard waitReadable(descriptor, wait) else { continue }
            while let (query, peer) = take(descriptor, &buffer) {
                state.received.wrappingAdd(1, ordering: .relaxed)
                guard let reply = answer(query) else { continue }
                pending.append(Pending(due: .now + delay, bytes: reply, peer: peer))
            }
        }
    }

    private static func take(_ descriptor: Int32, _ buffer: inout [UInt8]) -> ([UInt8], sockaddr_in)? {
        var peer = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT), $0, &length)
            }
        }
        return count < 0 ? nil : (Array(buffer.prefix(count)), peer)
    }

    private static func transmit(_ descriptor: Int32, _ reply: Pending) {
        var peer = reply.peer
        _ = withUnsafePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, reply.bytes, reply.bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// The question as it came, with its letters, and one A record (RFC 1035 4.1).
    private static func answer(_ query: [UInt8], ip: [UInt8], ttl: UInt32) -> [UInt8]? {
        var end = 12
        while end < query.count, query[end] != 0 { end += Int(query[end]) + 1 }
        end += 5
        guard end <= query.count else { return nil }
        let header = Array(query[0..<2]) + [0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
        let seconds = (0..<4).map { UInt8(truncatingIfNeeded: ttl >> (24 - 8 * UInt32($0))) }
        return header + query[12..<end] + [0xC0, 12, 0, 1, 0, 1] + seconds + [0, 4] + ip
    }
}

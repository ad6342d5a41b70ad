import Foundation
import Synchronization

/// An upstream that answers every question with one A record after a fixed time, and counts what it is asked.
final class FakeUpstream: Sendable {
    private let place: DatagramPort
    private let state = State()

    /// What the test and the upstream's thread share.
    private final class State: Sendable {
        let isStopping = Atomic(false)
        let received = Atomic(0)
        let ended = DispatchSemaphore(value: 0)
    }

    /// Its port.
    var port: UInt16 { place.port }
    /// Its address, as Vireo's configuration takes it.
    var address: String { "127.0.0.1:\(port)" }
    /// How many questions have come.
    var questionCount: Int { state.received.load(ordering: .relaxed) }

    /// Answers with `ip` (four bytes) after `delay`; nothing to names that begin with `silent`.
    init(delay: Duration = .zero, ip: [UInt8] = [192, 0, 2, 1], ttl: UInt32 = 300, silent: String? = nil) throws {
        let place = try DatagramPort()
        self.place = place
        var size: Int32 = 16 << 20
        setsockopt(place.descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, 4)
        Thread.detachNewThread { [state] in
            Self.serve(place, delay: delay, state) { query in
                if let silent, query.count > 13 + silent.utf8.count,
                    query[13...].withUnsafeBytes({
                        strncasecmp($0.bindMemory(to: CChar.self).baseAddress!, silent, silent.utf8.count)
                    }) == 0
                {
                    return nil
                }
                return DatagramPort.answer(query, ip: ip, ttl: ttl)
            }
            state.ended.signal()
        }
    }

    deinit {
        state.isStopping.store(true, ordering: .relaxed)
        state.ended.wait()
        close(place.descriptor)
    }

    /// A reply that is yet to be sent.
    private struct Pending {
        var due: ContinuousClock.Instant
        var bytes: [UInt8]
        var peer: sockaddr_in
    }

    private static func serve(_ place: DatagramPort, delay: Duration, _ state: State, _ answer: ([UInt8]) -> [UInt8]?) {
        // One delay for all: what came first is due first.
        var pending: [Pending] = []
        var first = 0
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while !state.isStopping.load(ordering: .relaxed) {
            let now = ContinuousClock.now
            while first < pending.count, pending[first].due <= now {
                place.send(pending[first].bytes, to: pending[first].peer)
                first += 1
            }
            if first == pending.count {
                pending.removeAll(keepingCapacity: true)
                first = 0
            }
            let wait = first < pending.count ? min(pending[first].due - now, .milliseconds(20)) : .milliseconds(20)
            guard waitReadable(place.descriptor, wait) else { continue }
            while let (query, peer) = place.take(&buffer) {
                state.received.wrappingAdd(1, ordering: .relaxed)
                guard let reply = answer(query) else { continue }
                pending.append(Pending(due: .now + delay, bytes: reply, peer: peer))
            }
        }
    }
}

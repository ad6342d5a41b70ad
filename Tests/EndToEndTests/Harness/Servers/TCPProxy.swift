import Foundation
import Synchronization

/// Hands bytes on between clients and a server of this machine: what the server says comes late, or does not come at all.
final class TCPProxy: Sendable {
    let port: UInt16
    private let state: State

    /// What the test and the proxy's thread share.
    private final class State: Sendable {
        let isStopping = Atomic(false)
        let isCut = Atomic(false)
        let ended = DispatchSemaphore(value: 0)
    }

    /// A connection with its other half, and what is to be sent when its time has come.
    private struct Pair {
        let client: Int32
        let server: Int32
        var late: [(due: ContinuousClock.Instant, bytes: [UInt8])] = []
    }

    /// A proxy for a port; each reply takes `delay` longer.
    init(to server: UInt16, delay: Duration = .zero) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        port = FreePort.take()
        var on: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        let code = Self.withAddress(port) { bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        guard code == 0, listen(listener, 16) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        let state = State()
        self.state = state
        Thread.detachNewThread {
            Self.run(listener, server, delay, state)
            state.ended.signal()
        }
    }

    deinit {
        state.isStopping.store(true, ordering: .relaxed)
        state.ended.wait()
    }

    /// Ends all connections and lets none be made, until `mend`.
    func cut() { state.isCut.store(true, ordering: .relaxed) }
    /// Lets connections be made again.
    func mend() { state.isCut.store(false, ordering: .relaxed) }

    private static func run(_ listener: Int32, _ server: UInt16, _ delay: Duration, _ state: State) {
        var pairs: [Pair] = []
        func end(_ pair: Pair) {
            close(pair.client)
            close(pair.server)
        }
        while !state.isStopping.load(ordering: .relaxed) {
            if state.isCut.load(ordering: .relaxed) {
                pairs.forEach(end)
                pairs = []
            }
            var wanted = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
            for pair in pairs {
                wanted.append(pollfd(fd: pair.client, events: Int16(POLLIN), revents: 0))
                wanted.append(pollfd(fd: pair.server, events: Int16(POLLIN), revents: 0))
            }
            poll(&wanted, nfds_t(wanted.count), pairs.contains { !$0.late.isEmpty } ? 1 : 10)
            var living: [Pair] = []
            for (index, pair) in pairs.enumerated() {
                var pair = pair
                if relay(&pair, wanted[1 + 2 * index].revents, wanted[2 + 2 * index].revents, delay) {
                    living.append(pair)
                } else {
                    end(pair)
                }
            }
            pairs = living
            if wanted[0].revents != 0 { accept(listener, server).map { pairs.append($0) } }
        }
        pairs.forEach(end)
        close(listener)
    }

    /// Takes what came from either side and sends what is due; false when one of them is gone.
    private static func relay(_ pair: inout Pair, _ client: Int16, _ server: Int16, _ delay: Duration) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        if client != 0 {
            let count = recv(pair.client, &buffer, buffer.count, 0)
            guard count > 0, send(pair.server, buffer, count, Int32(MSG_NOSIGNAL)) == count else { return false }
        }
        if server != 0 {
            let count = recv(pair.server, &buffer, buffer.count, 0)
            guard count > 0 else { return false }
            pair.late.append((.now + delay, Array(buffer.prefix(count))))
        }
        while let first = pair.late.first, first.due <= .now {
            pair.late.removeFirst()
            guard send(pair.client, first.bytes, first.bytes.count, Int32(MSG_NOSIGNAL)) == first.bytes.count else {
                return false
            }
        }
        return true
    }

    private static func accept(_ listener: Int32, _ server: UInt16) -> Pair? {
        let client = Foundation.accept(listener, nil, nil)
        guard client >= 0 else { return nil }
        let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let code = withAddress(server) { connect(other, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        if code == 0 { return Pair(client: client, server: other) }
        close(client)
        close(other)
        return nil
    }

    private static func withAddress(_ port: UInt16, _ body: (UnsafePointer<sockaddr>) -> Int32) -> Int32 {
        var address = loopback(port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
        }
    }
}

internal import COpenSSL
internal import Green

/// Sessions that a client can resume, the latest for each server. Any thread.
@safe final class TLSSessions: Sendable {
    /// A session with one reference of ours.
    @safe private struct Entry: @unchecked Sendable {
        // SAFETY: OpenSSL counts a session's references with atomics, and a session does not change once it is kept.
        let session: OpaquePointer
        let number: UInt64
    }

    private struct State: Sendable {
        /// The sessions of each server, the latest last.
        var entries: [TLSPeer: [Entry]] = [:]
        var count: UInt64 = 0
    }

    private let state = Locked(State())
    private let limit: Int

    /// So many sessions of a server are kept: each of TLS 1.3 is for one connection.
    private static let mostOfServer = 4

    init(limit: Int) {
        self.limit = max(1, limit)
    }

    deinit {
        for entry in state.withLock({ $0.entries.values.flatMap { $0 } }) { unsafe SSL_SESSION_free(entry.session) }
    }

    /// Keeps a session, whose reference becomes ours, for a server.
    func keep(_ session: OpaquePointer, for server: TLSPeer) {
        let replaced = state.withLock { state -> [Entry] in
            state.count += 1
            var gone: [Entry] = []
            unsafe state.entries[server, default: []].append(Entry(session: session, number: state.count))
            if state.entries[server]!.count > Self.mostOfServer { gone.append(state.entries[server]!.removeFirst()) }
            if state.entries.count > limit,
                let oldest = state.entries.min(by: { ($0.value.last?.number ?? 0) < ($1.value.last?.number ?? 0) })
            {
                gone += oldest.value
                state.entries[oldest.key] = nil
            }
            return gone
        }
        for entry in replaced { unsafe SSL_SESSION_free(entry.session) }
    }

    /// Gives the latest session for a server to `use`. One of TLS 1.3 is used once (RFC 8446 C.4).
    func withSession(for server: TLSPeer, _ use: (OpaquePointer) -> Void) {
        let taken = state.withLock { state -> Entry? in
            let taken = state.entries[server]?.popLast()
            if state.entries[server]?.isEmpty == true { state.entries[server] = nil }
            return taken
        }
        guard let taken else { return }
        unsafe use(taken.session)
        if unsafe SSL_SESSION_get_protocol_version(taken.session) >= TLS1_3_VERSION {
            unsafe SSL_SESSION_free(taken.session)
        } else {
            unsafe keep(taken.session, for: server)
        }
    }
}

internal import CGreen

/// What changes of a datagram socket; raw, because greenlets switch while it is in use.
@safe struct DatagramState {
    let handle: SocketHandle
    /// What waits to be sent, until the end of the turn or until it is a full batch.
    let outgoing: SlotBatch
    var outgoingCount = 0
    /// How many datagrams the next receive has room for: little where little comes, for making room costs time.
    var batchSize = 4
    /// The next socket with something to send.
    var nextUnsent: UnsafeMutablePointer<DatagramState>?
    var isListed = false
    var received: UInt64 = 0
    var sent: UInt64 = 0
    var dropped: UInt64 = 0
    /// Greenlets of the socket's server that have begun and not ended.
    var handling = 0
    /// Whether the last of them lets go of the server.
    var keepsServer = false
    /// Whether it keeps what is said of its datagrams.
    let keepsReports: Bool
    /// Whether something may be in the error queue, or in `refused`.
    var hasReports = false
    /// Datagrams that the kernel refused to send, for who receives.
    var refused: [DatagramReport] = []
    /// The number of the error that the last receive met.
    var failure: Int32 = 0

    /// Chooses the room for the next receive by what the last one took: twice as much after a full one, half as much
    /// where a quarter was enough.
    mutating func adaptBatch(to taken: Int) {
        if taken == batchSize {
            batchSize = min(2 * batchSize, Int(GREEN_BATCH))
        } else if taken <= batchSize / 4 {
            batchSize = max(4, batchSize / 2)
        }
    }

    /// A datagram was not sent.
    mutating func refuse(_ slot: UnsafeMutablePointer<green_slot>, errno: Int32) {
        dropped += 1
        guard keepsReports, refused.count < Int(GREEN_BATCH) else { return }
        let payload = unsafe Array(UnsafeBufferPointer(start: slot.pointee.data, count: Int(slot.pointee.length)))
        refused.append(DatagramReport(.sending, errno: errno, payload: payload))
    }

    /// Has who receives look for reports.
    mutating func noteReports() {
        hasReports = true
        unsafe handle.signal(readable: true, writable: false)
    }
}

/// A datagram socket for greenlets. Sends are batched: they leave at the end of the hub's turn, or when a batch is
/// full. Belongs to its hub's thread.
///
/// A connected socket hears of its peer's network as well: a datagram that the kernel does not send, an ICMP message
/// that seems to answer one. Made with `keepsReports`, it tells who receives which datagram each of them is about
/// (`DatagramReport`), and reading goes on whatever comes:
///
///     var options = DatagramOptions()
///     options.keepsReports = true
///     let socket = try DatagramSocket(connectedTo: peer, options: options)
///     while true {
///         _ = try socket.receive(until: deadline, onReport: { report in
///             // Find the question by `report.payload`; let that one move on, nothing else.
///         }) { datagram in
///             // An answer.
///         }
///     }
///
@safe public final class DatagramSocket {
    /// The hub it belongs to.
    public let hub: Hub
    let state: UnsafeMutablePointer<DatagramState>

    /// A socket that receives on `listener`.
    public convenience init(hub: Hub = .current, listener: Listener) throws(SocketError) {
        unsafe self.init(hub: hub, handle: try hub.loop.adopt(listener))
    }

    /// A socket on a random port that talks to `peer` alone: what others send never arrives.
    public convenience init(
        hub: Hub = .current, connectedTo peer: SocketAddress, options: DatagramOptions = DatagramOptions()
    ) throws(SocketError) {
        let handle = unsafe try hub.loop.connectDatagram(to: peer, options: options)
        unsafe self.init(hub: hub, handle: handle, keepsReports: options.keepsReports)
    }

    init(hub: Hub, handle: SocketHandle, keepsReports: Bool = false) {
        self.hub = hub
        unsafe state = .allocate(capacity: 1)
        let outgoing = SlotBatch.allocate(capacity: Int(GREEN_BATCH))
        unsafe state.initialize(to: DatagramState(handle: handle, outgoing: outgoing, keepsReports: keepsReports))
    }

    deinit {
        // Wherever the last reference goes; nobody waits on it any more.
        closeHandle()
        unsafe hub.freeSocketRecord(state.pointee.handle)
        unsafe state.pointee.outgoing.deallocate()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    /// Where it is bound.
    public var localAddress: SocketAddress? { unsafe hub.loop.localAddress(state.pointee.handle) }

    /// Datagrams that could not be sent.
    public var droppedCount: UInt64 { unsafe state.pointee.dropped }

    /// Datagrams that came, and that went out.
    public var receivedCount: UInt64 { unsafe state.pointee.received }
    /// Datagrams that went out.
    public var sentCount: UInt64 { unsafe state.pointee.sent }

    /// Puts a datagram into the outgoing batch. Does not wait; one that cannot be sent is dropped and counted, and told to
    /// who receives where the socket keeps reports.
    public func send(_ datagram: consuming Datagram) {
        unsafe hub.core.checkThread("a socket")
        let slot = unsafe datagram.release()
        unsafe state.pointee.outgoing[state.pointee.outgoingCount] = slot
        unsafe state.pointee.outgoingCount += 1
        if unsafe !state.pointee.isListed {
            unsafe state.pointee.isListed = true
            unsafe state.pointee.nextUnsent = hub.core.pointee.unsent
            unsafe hub.core.pointee.unsent = state
        }
        if unsafe state.pointee.outgoingCount == Int(GREEN_BATCH) { unsafe hub.sendBatch(state) }
    }

    /// Waits for datagrams and hands all that have come, a batch at most, to `body`: how many; 0 when `deadline`
    /// has passed. `body` may start greenlets but does not wait.
    ///
    /// What is said of datagrams that a connected socket has sent goes to `onReport`, which does not wait either, and
    /// receiving goes on: nothing that the network says ends the socket. Without `onReport` it is thrown, such as `refused`,
    /// and nobody learns which datagram it was about. Throws `closed` once the socket is.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func receive(
        until deadline: Instant, onReport: ((DatagramReport) -> Void)? = nil, _ body: (consuming Datagram) -> Void
    ) throws -> Int {
        unsafe hub.core.checkThread("a socket")
        while try unsafe hub.waitReadable(state.pointee.handle, until: deadline) {
            let count = try receiveNow(onReport, body)
            if count > 0 { return count }
            if unsafe state.pointee.handle.pointee.canRead {
                // Something came, but all buffers are out, and whoever has them must go on first; or reports came.
                if deadline <= hub.loop.now() { return 0 }
                try hub.yield(afterEvents: true)
            }
        }
        return 0
    }

    private func receiveNow(
        _ onReport: ((DatagramReport) -> Void)?, _ body: (consuming Datagram) -> Void
    ) throws(SocketError) -> Int {
        if unsafe state.pointee.hasReports, let onReport { _ = takeReports(onReport) }
        do {
            return unsafe try receiveSlots { slot in
                unsafe body(Datagram(slot: slot, arena: hub.arena.state))
            }
        } catch {
            guard let onReport, error.isOfNetwork else { throw error }
            let code = unsafe state.pointee.failure
            if takeReports(onReport) == 0 { onReport(DatagramReport(.unknown, errno: code)) }
            return 0
        }
    }

    /// Hands on what is known of datagrams that were sent, a batch at most, without waiting: how many reports.
    private func takeReports(_ onReport: (DatagramReport) -> Void) -> Int {
        unsafe state.pointee.hasReports = false
        var count = 0
        if unsafe !state.pointee.refused.isEmpty {
            let refused = unsafe state.pointee.refused
            unsafe state.pointee.refused = []
            count = refused.count
            for report in refused { onReport(report) }
        }
        guard unsafe state.pointee.keepsReports else { return count }
        for _ in 0..<GREEN_BATCH {
            guard unsafe state.pointee.handle.isOpen, let report = unsafe hub.loop.takeReport(state.pointee.handle) else {
                return count
            }
            count += 1
            onReport(report)
        }
        // There may be more: after others had their turn.
        unsafe state.pointee.noteReports()
        return count
    }

    /// Takes what has come, a batch at most, without waiting.
    func receiveSlots(_ body: (UnsafeMutablePointer<green_slot>) -> Void) throws(SocketError) -> Int {
        let arena = unsafe hub.arena.state
        if unsafe arena.pointee.freeCount < Int(GREEN_BATCH) { hub.flushDatagrams() }
        return try unsafe withUnsafeTemporaryAllocation(
            of: UnsafeMutablePointer<green_slot>?.self, capacity: Int(GREEN_BATCH)
        ) { space throws(SocketError) in
            let slots = space.baseAddress!
            var wanted = 0
            let batchSize = unsafe state.pointee.batchSize
            while wanted < batchSize, let slot = unsafe arena.take() {
                unsafe slots[wanted] = slot
                wanted += 1
            }
            if wanted == 0, unsafe state.pointee.handle.isOpen { return 0 }
            let got = unsafe state.pointee.handle.isOpen ? hub.loop.receive(state.pointee.handle, slots, count: wanted) : 0
            let taken = max(0, got)
            for index in stride(from: wanted - 1, through: taken, by: -1) { unsafe arena.giveBack(slots[index]!) }
            guard unsafe state.pointee.handle.isOpen else { throw .closed }
            if SocketError.wouldBlock(got) || (got >= 0 && got < wanted) { unsafe state.pointee.handle.pointee.canRead = false }
            if got < 0 {
                if SocketError.wouldBlock(got) { return 0 }
                unsafe state.pointee.failure = Int32(-got)
                throw SocketError(errno: Int32(-got), call: "recvmmsg")
            }
            unsafe state.pointee.received += UInt64(taken)
            unsafe state.pointee.adaptBatch(to: taken)
            let now = hub.now.nanoseconds
            for index in 0..<taken {
                unsafe slots[index]!.pointee.arrival = now
                unsafe body(slots[index]!)
            }
            return taken
        }
    }

    /// Closes it: all waits on it throw `closed`; what was not sent yet is dropped.
    public func close() {
        unsafe hub.core.checkThread("a socket")
        closeHandle()
    }

    private func closeHandle() {
        unsafe hub.sendBatch(state)
        unsafe hub.unlist(state)
        unsafe hub.loop.close(state.pointee.handle)
    }
}

extension Hub {
    /// Sends what the greenlets of this turn left to be sent.
    func flushDatagrams() {
        if unsafe arena.state.pointee.freeCount == 0 { arena.fill() }
        while let state = unsafe core.pointee.unsent {
            unsafe core.pointee.unsent = state.pointee.nextUnsent
            unsafe state.pointee.nextUnsent = nil
            unsafe state.pointee.isListed = false
            unsafe sendBatch(state)
        }
    }

    /// Sends a socket's batch. A datagram that the kernel refuses is skipped and counted; the rest go out.
    fileprivate func sendBatch(_ state: UnsafeMutablePointer<DatagramState>) {
        let total = unsafe state.pointee.outgoingCount
        guard total > 0 else { return }
        unsafe state.pointee.outgoingCount = 0
        let slots = unsafe state.pointee.outgoing
        if unsafe state.pointee.handle.isOpen {
            let sent = unsafe loop.send(state.pointee.handle, slots, count: total)
            if sent == total {
                unsafe state.pointee.sent += UInt64(sent)
            } else {
                unsafe sendRest(state, of: total, after: sent)
            }
        }
        let arena = unsafe arena.state
        for index in 0..<total { unsafe arena.giveBack(slots[index]!) }
    }

    /// Goes on with a batch of which the kernel did not take all.
    @inline(never)
    private func sendRest(_ state: UnsafeMutablePointer<DatagramState>, of total: Int, after first: Int) {
        let slots = unsafe state.pointee.outgoing
        var (result, done, tries) = (first, 0, 0)
        while true {
            if result > 0 {
                unsafe state.pointee.sent += UInt64(result)
                done += result
                tries = 0
            } else {
                tries += 1
                // A connected socket meets what ICMP said of an earlier datagram here as well, once; this one was not tried.
                let mayBeEarlier = unsafe !slots[done]!.pointee.has_peer && !SocketError.wouldBlock(result)
                if !mayBeEarlier || tries == Self.sendTries {
                    unsafe state.pointee.refuse(slots[done]!, errno: Int32(clamping: -result))
                    done += 1
                    tries = 0
                }
            }
            guard done < total, unsafe state.pointee.handle.isOpen else { break }
            result = unsafe loop.send(state.pointee.handle, slots + done, count: total - done)
        }
        // Who sends takes the pending error away from who receives.
        if unsafe state.pointee.keepsReports { unsafe state.pointee.noteReports() }
    }

    /// How often the kernel is asked to send one datagram.
    private static let sendTries = 3

    /// Takes a socket out of the list of those with something to send.
    fileprivate func unlist(_ state: UnsafeMutablePointer<DatagramState>) {
        guard unsafe state.pointee.isListed else { return }
        unsafe state.pointee.isListed = false
        var link = unsafe core.pointee.unsent
        if unsafe link == state {
            unsafe core.pointee.unsent = state.pointee.nextUnsent
            return
        }
        while let each = unsafe link {
            if unsafe each.pointee.nextUnsent == state { unsafe each.pointee.nextUnsent = state.pointee.nextUnsent }
            unsafe link = each.pointee.nextUnsent
        }
    }
}

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

    /// Chooses the room for the next receive by what the last one took: twice as much after a full one, half as much
    /// where a quarter was enough.
    mutating func adaptBatch(to taken: Int) {
        if taken == batchSize {
            batchSize = min(2 * batchSize, Int(GREEN_BATCH))
        } else if taken <= batchSize / 4 {
            batchSize = max(4, batchSize / 2)
        }
    }
}

/// A datagram socket for greenlets. Sends are batched: they leave at the end of the hub's turn, or when a batch is
/// full. Belongs to its hub's thread.
@safe public final class DatagramSocket {
    /// The hub it belongs to.
    public let hub: Hub
    let state: UnsafeMutablePointer<DatagramState>

    /// A socket that receives on `listener`.
    public convenience init(hub: Hub = .current, listener: Listener) throws(SocketError) {
        unsafe self.init(hub: hub, handle: try hub.loop.adopt(listener))
    }

    /// A socket on a random port that talks to `peer` alone: what others send never arrives.
    public convenience init(hub: Hub = .current, connectedTo peer: SocketAddress) throws(SocketError) {
        unsafe self.init(hub: hub, handle: try hub.loop.connectDatagram(to: peer))
    }

    init(hub: Hub, handle: SocketHandle) {
        self.hub = hub
        unsafe state = .allocate(capacity: 1)
        let outgoing = SlotBatch.allocate(capacity: Int(GREEN_BATCH))
        unsafe state.initialize(to: DatagramState(handle: handle, outgoing: outgoing))
    }

    deinit {
        // Wherever the last reference goes; nobody waits on it any more.
        closeHandle()
        unsafe hub.freeSocketRecord(state.pointee.handle)
        unsafe state.pointee.outgoing.deallocate()
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

    /// Puts a datagram into the outgoing batch. Does not wait; one that cannot be sent is dropped and counted.
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
    /// Throws what the network says of a connected socket's peer, such as `refused`, or `closed`.
    public func receive(until deadline: Instant, _ body: (consuming Datagram) -> Void) throws -> Int {
        unsafe hub.core.checkThread("a socket")
        while try unsafe hub.waitReadable(state.pointee.handle, until: deadline) {
            let count = unsafe try receiveSlots { slot in
                unsafe body(Datagram(slot: slot, arena: hub.arena.state))
            }
            if count > 0 { return count }
            if unsafe state.pointee.handle.pointee.canRead {
                // Something came, but all buffers are out: whoever has them must go on first.
                if deadline <= hub.loop.now() { return 0 }
                try hub.yield(afterEvents: true)
            }
        }
        return 0
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
        var done = 0
        while done < total, unsafe state.pointee.handle.isOpen {
            let sent = unsafe loop.send(state.pointee.handle, slots + done, count: total - done)
            if sent > 0 {
                unsafe state.pointee.sent += UInt64(sent)
                done += sent
            } else {
                unsafe state.pointee.dropped += 1
                done += 1
            }
        }
        let arena = unsafe arena.state
        for index in 0..<total { unsafe arena.giveBack(slots[index]!) }
    }

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

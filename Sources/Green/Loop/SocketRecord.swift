public import CGreen

/// What a loop and the sockets above know of one socket. Raw memory: both sides touch it while greenlets switch.
@safe public struct SocketRecord {
    /// The loop's own number of it; -1 when closed.
    package var descriptor: Int32
    /// Whether a read, or a write, may succeed: cleared by who met `EAGAIN`, set by the loop.
    package var canRead = true
    package var canWrite = true
    /// Whether datagrams tell their local address.
    package var packetInfo = false
    /// Who waits.
    var readers = WaitList()
    var writers = WaitList()
    /// Called once when a read may succeed, on the loop's own stack, with its subject.
    var watcher: SocketWatcher?
    var watched: UnsafeMutableRawPointer?
    /// The hub that is told.
    var core: UnsafeMutablePointer<HubCore>
    /// What the loop keeps for its own use.
    package var readEvent: OpaquePointer?
    package var writeEvent: OpaquePointer?

    init(descriptor: Int32, core: UnsafeMutablePointer<HubCore>) {
        self.descriptor = descriptor
        unsafe self.core = core
    }
}

/// A socket, as the seam between the sockets and the loop hands it to and fro.
public typealias SocketHandle = UnsafeMutablePointer<SocketRecord>

/// What is called when a socket can be read and nobody waits for that: it must not wait itself, but may start a greenlet.
package typealias SocketWatcher = @convention(c) (_ subject: UnsafeMutableRawPointer) -> Void

/// A batch of datagrams.
public typealias SlotBatch = UnsafeMutablePointer<UnsafeMutablePointer<green_slot>?>

extension UnsafeMutablePointer<SocketRecord> {
    /// Notes what became possible and wakes who waits for it.
    package func signal(readable: Bool, writable: Bool) {
        let core = unsafe pointee.core
        if readable {
            unsafe pointee.canRead = true
            unsafe core.pointee.wakeAll(readers)
        }
        if writable {
            unsafe pointee.canWrite = true
            unsafe core.pointee.wakeAll(writers)
        }
        if readable, unsafe pointee.watcher != nil { unsafe callWatcher() }
    }

    /// Calls who watches the socket, once. Nothing of this record is touched afterwards: it may be gone.
    @inline(never)
    private func callWatcher() {
        guard let watcher = unsafe pointee.watcher, let subject = unsafe pointee.watched else { return }
        unsafe pointee.watcher = nil
        unsafe pointee.watched = nil
        unsafe watcher(subject)
    }

    /// Whether it is still open.
    package var isOpen: Bool { unsafe pointee.descriptor >= 0 }

    var readers: UnsafeMutablePointer<WaitList> {
        let offset = MemoryLayout<SocketRecord>.offset(of: \.readers)!
        return unsafe (UnsafeMutableRawPointer(self) + offset).assumingMemoryBound(to: WaitList.self)
    }

    var writers: UnsafeMutablePointer<WaitList> {
        let offset = MemoryLayout<SocketRecord>.offset(of: \.writers)!
        return unsafe (UnsafeMutableRawPointer(self) + offset).assumingMemoryBound(to: WaitList.self)
    }
}

extension Hub {
    /// A record for a socket of this hub, for the loop to fill.
    package func makeSocketRecord(descriptor: Int32) -> SocketHandle {
        let handle = SocketHandle.allocate(capacity: 1)
        unsafe handle.initialize(to: SocketRecord(descriptor: descriptor, core: core))
        return unsafe handle
    }

    /// Frees the record of a closed socket that nobody waits for.
    package func freeSocketRecord(_ handle: SocketHandle) {
        unsafe handle.deinitialize(count: 1)
        unsafe handle.deallocate()
    }

    /// Says that another thread posted work; for loops.
    package func notePosts() {
        unsafe core.pointee.hasPosts = true
    }

    /// Waits until a read may succeed (true) or `deadline` passes (false). Throws when the socket is closed.
    func waitReadable(_ handle: SocketHandle, until deadline: Instant) throws -> Bool {
        if unsafe handle.pointee.canRead { return true }
        if unsafe !handle.isOpen { throw SocketError.closed }
        let came = try unsafe core.wait(in: handle.readers, for: "readable socket", until: deadline)
        if unsafe !handle.isOpen { throw SocketError.closed }
        return came
    }

    /// Waits until a write may succeed (true) or `deadline` passes (false). Throws when the socket is closed.
    func waitWritable(_ handle: SocketHandle, until deadline: Instant) throws -> Bool {
        if unsafe handle.pointee.canWrite { return true }
        try unsafe loop.watchWritable(handle)
        let came = try unsafe core.wait(in: handle.writers, for: "writable socket", until: deadline)
        if unsafe !handle.isOpen { throw SocketError.closed }
        return came
    }
}

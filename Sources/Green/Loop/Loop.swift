/// What a hub stands on: everything that is not a pure function of its input goes through here, socket calls,
/// clocks, randomness, threads, files and signals alike, so that a simulated world can take the kernel's place.
///
/// Timers and the ready queue live in the hub: a loop only waits, until a moment at most, and reports what came
/// through `SocketRecord.signal` and `Hub.notePosts`. Nothing here suspends a greenlet; what cannot be done at
/// once says so, and the sockets above wait. All calls are for the hub's own thread unless they say otherwise.
public protocol Loop: AnyObject {
    /// Says which hub the events are for; once, before anything else.
    func attach(_ hub: Hub)
    /// Waits for events until `deadline` at most (a moment in the past: only looks) and reports them.
    func wait(until deadline: Instant)
    /// What wakes `wait` from other threads.
    func makeWaker() -> any LoopWaker

    /// The monotonic clock, read now.
    func now() -> Instant
    /// Nanoseconds since the machine started, sleep included (CLOCK_BOOTTIME).
    func bootTime() -> UInt64
    /// Nanoseconds since 1970, as the wall clock has it.
    func wallTime() -> Int64
    /// A uniformly random number that nobody can foretell.
    func random() -> UInt64

    /// Binds a datagram or stream listener. What comes back may be handed to another thread's loop.
    func listen(_ kind: SocketKind, at address: SocketAddress, options: ListenOptions) throws(SocketError) -> Listener
    /// Takes a listener into this loop's events. The handle owns it from then on.
    func adopt(_ listener: Listener) throws(SocketError) -> SocketHandle
    /// A datagram socket that talks to `peer` alone, from a random port.
    func connectDatagram(to peer: SocketAddress, options: DatagramOptions) throws(SocketError) -> SocketHandle
    /// Begins to connect a stream; it is writable when that has worked or failed.
    func beginConnect(to peer: SocketAddress) throws(SocketError) -> SocketHandle
    /// Binds a stream listener to a name of the file system (a Unix socket), in place of one that nobody serves any more.
    func listen(path: String, backlog: Int32) throws(SocketError) -> Listener
    /// Begins to connect a stream to a Unix socket.
    func beginConnect(path: String) throws(SocketError) -> SocketHandle
    /// Takes any descriptor that the caller keeps open into this loop's events; `close` does not close the caller's.
    func watch(descriptor: Int32) throws(SocketError) -> SocketHandle
    /// Whether a descriptor that is watched is readable, writable, at this moment.
    func poll(_ handle: SocketHandle) -> (readable: Bool, writable: Bool)
    /// How the attempt of a stream that has become writable ended: 0, or the error's number.
    func connectResult(_ handle: SocketHandle) -> Int32
    /// The next connection of a stream listener with its peer.
    func accept(_ handle: SocketHandle) -> AcceptResult
    /// The local address of a socket.
    func localAddress(_ handle: SocketHandle) -> SocketAddress?
    /// Reads at most that many bytes: how many, 0 at the end, or -errno.
    func read(_ handle: SocketHandle, _ buffer: UnsafeMutableRawBufferPointer) -> Int
    /// Writes at most that many bytes: how many, or -errno.
    func write(_ handle: SocketHandle, _ buffer: UnsafeRawBufferPointer) -> Int
    /// Ends the sending direction of a stream.
    func shutdownWrite(_ handle: SocketHandle)
    /// Receives up to `count` datagrams: how many, or -errno.
    func receive(_ handle: SocketHandle, _ slots: SlotBatch, count: Int) -> Int
    /// Sends up to `count` datagrams: how many went out from the front, or -errno of the first.
    func send(_ handle: SocketHandle, _ slots: SlotBatch, count: Int) -> Int
    /// The next entry of the error queue of a socket that keeps one; nil where it is empty.
    func takeReport(_ handle: SocketHandle) -> DatagramReport?
    /// Makes sure that `signal` will report when the socket can be written. Throws where the system refuses that.
    func watchWritable(_ handle: SocketHandle) throws(SocketError)
    /// Has the close of a stream drop what was written and is not sent yet, rather than try for minutes to send it.
    func dropUnsent(_ handle: SocketHandle)
    /// Closes the socket and ends all waits on it.
    func close(_ handle: SocketHandle)

    /// Runs `job` on a thread where it may block. The job must not touch the hub; it can post to its mailbox. Throws where
    /// there is no thread and the system starts none.
    func submit(_ job: @escaping @Sendable () -> Void, as kind: BlockingKind) throws(SocketError)
    /// Files, for jobs that may block.
    var files: any FileAccess { get }
    /// Names of machines, for jobs that may block.
    var names: any NameAccess { get }
    /// Calls `handler` on the hub's thread for each of these signals, beside whoever else wants them, until the watch is
    /// ended.
    @discardableResult
    func onSignals(_ signals: [Int32], _ handler: @escaping (Int32) -> Void) throws(SocketError) -> SignalWatch
    /// Calls no handler any more for what that watch wanted alone.
    func end(_ watch: SignalWatch)
}

extension Loop {
    /// Nothing, where a close leaves nothing behind.
    public func dropUnsent(_ handle: SocketHandle) {}

    /// Runs `job` as any other that may block.
    public func submit(_ job: @escaping @Sendable () -> Void) throws(SocketError) {
        try submit(job, as: .any)
    }
}

/// What blocks in a job: each kind has threads of its own, so that none keeps another waiting.
public enum BlockingKind: Sendable, Hashable {
    /// Files, and whatever else a program does.
    case any
    /// Looking up names.
    case names
}

/// Who wants which signals of a loop.
public final class SignalWatch {
    let signals: [Int32]
    let handler: (Int32) -> Void

    init(_ signals: [Int32], _ handler: @escaping (Int32) -> Void) {
        self.signals = signals
        self.handler = handler
    }
}

/// Wakes a loop that waits. May be used from any thread; never waits.
public protocol LoopWaker: Sendable {
    /// Ends the present or next wait of the loop and tells its hub that work was posted.
    func wake()
}

/// What a file is like, to see that it changed.
public struct FileStamp: Sendable, Hashable {
    /// Bytes.
    public var size: Int64
    /// Nanoseconds since 1970 of the last change.
    public var modified: Int64
    /// Which file the name leads to.
    public var identity: UInt64
}

/// What becomes of a file whose place a new one is to take.
public enum FileFate: Sendable, Hashable {
    /// The new one replaces it.
    case replaced
    /// It gets another name: its own, and this after it.
    case keptAside(suffix: String)
}

/// Reading and replacing files; each call may block its thread.
public protocol FileAccess: Sendable {
    /// The whole file; an error for one of more than `limit` bytes.
    func read(_ path: String, limit: Int) throws(SocketError) -> [UInt8]
    /// Part of a file: so many bytes from an offset on, fewer where it ends.
    func read(_ path: String, from offset: Int, count: Int) throws(SocketError) -> [UInt8]
    /// Puts a new file in the place of an old one, or of none, all at once: its bytes are those of `nextPiece` until that
    /// gives nil, on the disk before the old file goes. Whatever fails or throws, the old file stays as it was. `judge` is
    /// given the first bytes of a file that is there, and throws where it is not to be replaced; what is no regular file
    /// never is. Symbolic links are followed. The new file is its owner's alone, and made by one process at a time.
    func replace(_ path: String, over judge: ([UInt8]) throws -> FileFate, _ nextPiece: () throws -> [UInt8]?) throws
    /// Throws `notPrivate` for a file that somebody else than this process's user, or root, may have written.
    func checkPrivate(_ path: String) throws(SocketError)
    /// What the file is like; nil where there is none.
    func stamp(_ path: String) -> FileStamp?
}

/// Looking up the addresses of machines by name; each call may block its thread.
public protocol NameAccess: Sendable {
    /// The addresses of `name`, the preferred one first; throws `notFound` where it has none.
    func addresses(of name: String) throws(SocketError) -> [IPAddress]
    /// The name of an address; throws `notFound` where it has none.
    func name(of address: IPAddress) throws(SocketError) -> String
}

extension NameAccess {
    /// None, where names of addresses are not known.
    public func name(of address: IPAddress) throws(SocketError) -> String { throw .notFound }
}

/// Whether a socket carries datagrams or a stream.
public enum SocketKind: Sendable, Hashable {
    case datagram
    case stream
}

/// How to bind a listener.
public struct ListenOptions: Sendable {
    /// Whether sockets of other threads may share the address; set it after the first was bound without.
    public var sharesPort = false
    /// Whether the address may be one that the machine does not have yet (IP_FREEBIND): what is sent to it arrives once it does.
    public var mayComeLater = false
    /// Whether each datagram says which local address it was sent to, so that the answer leaves from there.
    public var packetInfo = false
    /// Bytes that the kernel may keep for the socket in each direction.
    public var bufferBytes: Int32 = 4 << 20
    /// Connections that may wait to be accepted.
    public var backlog: Int32 = 1024
    /// Bytes that the kernel takes for a stream before the peer's window has room for them; 0 for the system's own limit.
    public var unsentBytes: Int32 = 0

    /// The defaults.
    public init() {}
}

/// How to make a connected datagram socket.
public struct DatagramOptions: Sendable {
    /// Whether it keeps what the kernel and the network say of the datagrams that it sent (IP_RECVERR, and refusals at
    /// sending), for ``DatagramSocket/receive(until:onReport:_:)``.
    public var keepsReports = false
    /// Bytes that the kernel may keep for the socket in each direction.
    public var bufferBytes: Int32 = 4 << 20

    /// The defaults.
    public init() {}
}

/// A bound listener that belongs to no loop yet.
public struct Listener: Sendable {
    /// The loop's own number of it.
    public let descriptor: Int32
    /// Datagrams or streams.
    public let kind: SocketKind
    /// Where it is bound, with the port that was really taken.
    public let address: SocketAddress
    /// How it was bound.
    public let options: ListenOptions

    /// Takes a descriptor that was bound by somebody else and belongs to the listener from now on: by a service manager, most
    /// often. A stream's must listen. Throws `SocketError` where it is no socket of that kind.
    public init(adopting descriptor: Int32) throws(SocketError) {
        let (kind, address) = try LibeventLoop.examine(descriptor)
        self.init(descriptor: descriptor, kind: kind, address: address ?? .unnamed, options: ListenOptions())
    }

    /// The same, with what can still be set of a socket that is bound: buffers, local addresses of datagrams, bytes of streams.
    package init(adopting descriptor: Int32, options: ListenOptions) throws(SocketError) {
        let (kind, address) = try LibeventLoop.examine(descriptor)
        LibeventLoop.tune(descriptor, kind, address?.ip.family ?? .v4, options)
        self.init(descriptor: descriptor, kind: kind, address: address ?? .unnamed, options: options)
    }

    /// The sockets that a service manager has opened for this process (`LISTEN_FDS`, systemd.socket(5)), in its order; none
    /// where it has not. Throws where one is no listener.
    public static func fromServiceManager() throws(SocketError) -> [Listener] {
        try LibeventLoop.inheritedDescriptors().map { descriptor throws(SocketError) in try Listener(adopting: descriptor) }
    }

    /// A listener that was bound in another way.
    package init(descriptor: Int32, kind: SocketKind, address: SocketAddress, options: ListenOptions) {
        self.descriptor = descriptor
        self.kind = kind
        self.address = address
        self.options = options
    }
}

/// What came of an attempt to accept a connection.
@safe public enum AcceptResult {
    case connection(SocketHandle, SocketAddress)
    case failure(Int32)
}

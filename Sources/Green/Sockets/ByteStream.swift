/// A connection that carries bytes both ways: a `StreamSocket`, or one with TLS around it. Belongs to its hub's thread.
/// One greenlet may read while another writes.
public protocol ByteStream: AnyObject {
    /// The hub it belongs to.
    var hub: Hub { get }
    /// Whether this side has not closed it.
    var isOpen: Bool { get }
    /// Reads what there is, at most the buffer's size: how many bytes, 0 at the end of the stream. Throws `timedOut` when
    /// nothing has come by `deadline`.
    func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Instant) throws -> Int
    /// Writes all of the buffer; throws `timedOut` when the peer has not taken it by `deadline`.
    func write(_ buffer: UnsafeRawBufferPointer, until deadline: Instant) throws
    /// Closes it: all waits on it throw `closed`. Does not wait.
    func close()
}

extension ByteStream {
    /// Reads what there is, at most `limit` bytes; empty at the end of the stream. Throws as `read(into:until:)` does.
    /// Costs an allocation of `limit` bytes.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func read(upTo limit: Int, until deadline: Instant = .never) throws -> [UInt8] {
        try unsafe [UInt8](unsafeUninitializedCapacity: limit) { room, count in
            count = try unsafe read(into: UnsafeMutableRawBufferPointer(room), until: deadline)
        }
    }

    /// Writes all of `bytes`. Throws as the other `write` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func write(_ bytes: [UInt8], until deadline: Instant = .never) throws {
        try unsafe bytes.withUnsafeBytes { unsafe try write($0, until: deadline) }
    }
}

extension ByteStream {
    /// Writes all of `bytes`. Throws as the other `write` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func write(_ bytes: ArraySlice<UInt8>, until deadline: Instant = .never) throws {
        try unsafe bytes.withUnsafeBytes { unsafe try write($0, until: deadline) }
    }

    /// Writes a text, in UTF-8. Throws as the other `write` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func write(_ text: String, until deadline: Instant = .never) throws {
        // A copy of its own: what is written may be changed by others while this waits.
        try write(Array(text.utf8), until: deadline)
    }

    /// Writes all of `bytes`. Throws as the other `write` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func write(_ bytes: RawSpan, until deadline: Instant = .never) throws {
        try unsafe bytes.withUnsafeBytes { unsafe try write($0, until: deadline) }
    }
}

extension StreamSocket: ByteStream {}

/// Reads lines, and parts of a known length, from a stream: what was read beyond is kept for the next call. All that it keeps
/// is bounded: by the limits that are given. Belongs to its stream's hub; one greenlet reads.
///
/// ```swift
/// let reader = BufferedReader(socket)
/// while let line = try reader.readLine() { try socket.write("you said \(line)\n") }
/// ```
public final class BufferedReader {
    /// What it reads from.
    public let stream: any ByteStream
    private var kept: [UInt8] = []
    private var start = 0
    private var hasEnded = false

    /// Bytes that are asked for at once.
    private static let chunk = 16_384

    /// A line or part is longer than its limit.
    public struct TooLong: Error, Hashable, CustomStringConvertible {
        /// The limit, in bytes.
        public let limit: Int
        /// The error for a limit.
        public init(limit: Int) { self.limit = limit }
        /// One line for a log.
        public var description: String { "longer than the limit of \(limit) bytes" }
    }

    /// A reader of `stream`, which nobody else reads from now on.
    public init(_ stream: any ByteStream) {
        self.stream = stream
    }

    /// Bytes that have come and were not asked for yet.
    public var available: Int { kept.count - start }

    /// The next line without its end, LF or CR LF, as text; nil at the end of the stream. A last line without an end counts.
    /// Throws `TooLong` beyond `limit` bytes, `SocketError.timedOut` where it is not whole by `deadline` (what has come is
    /// kept), what the stream throws, or the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func readLine(limit: Int = 65_536, until deadline: Instant = .never) throws -> String? {
        guard var line = try readBytes(through: UInt8(ascii: "\n"), limit: limit, until: deadline) else { return nil }
        if line.last == UInt8(ascii: "\n") { line.removeLast() }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
    }

    /// The next bytes up to and with `end`; nil at the end of the stream, and what was left before it without one. Throws as
    /// `readLine` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func readBytes(
        through end: UInt8, limit: Int = 65_536, until deadline: Instant = .never
    ) throws -> [UInt8]? {
        var looked = start
        while true {
            if let place = kept[looked...].firstIndex(of: end) {
                guard place - start < limit else { throw TooLong(limit: limit) }
                return take(place + 1 - start)
            }
            guard available < limit else { throw TooLong(limit: limit) }
            let seen = available
            guard try fill(until: deadline) else { return available == 0 ? nil : take(available) }
            looked = start + seen
        }
    }

    /// The next `count` bytes. Throws `SocketError.closed` where the stream ends before, and as `readLine` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func readExactly(_ count: Int, until deadline: Instant = .never) throws -> [UInt8] {
        while available < count {
            guard try fill(until: deadline) else { throw SocketError.closed }
        }
        return take(count)
    }

    /// All that comes until the stream ends. Throws `TooLong` beyond `limit` bytes, and as `readLine` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func readAll(limit: Int = 16 << 20, until deadline: Instant = .never) throws -> [UInt8] {
        while available <= limit {
            guard try fill(until: deadline) else { return take(available) }
        }
        throw TooLong(limit: limit)
    }

    /// What there is, at most `limit` bytes; empty at the end of the stream. Throws as `readLine` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func read(upTo limit: Int, until deadline: Instant = .never) throws -> [UInt8] {
        if available == 0 { _ = try fill(until: deadline) }
        return take(min(limit, available))
    }

    /// Reads ahead, for who looks after the connection meanwhile, until `room` bytes are kept (true) or the stream ends (false).
    package func prefetch(upTo room: Int) throws -> Bool {
        while available < room {
            guard try fill(until: .never) else { return false }
        }
        return true
    }

    private func take(_ count: Int) -> [UInt8] {
        let taken = Array(kept[start..<start + count])
        start += count
        if start == kept.count {
            kept.removeAll(keepingCapacity: kept.capacity <= 4 * Self.chunk)
            start = 0
        }
        return taken
    }

    /// Waits for more; false at the end of the stream.
    private func fill(until deadline: Instant) throws -> Bool {
        if hasEnded { return false }
        // No access to the buffer lasts over the wait.
        let more = try stream.read(upTo: Self.chunk, until: deadline)
        hasEnded = more.isEmpty
        if start >= Self.chunk {
            kept.removeFirst(start)
            start = 0
        }
        kept += more
        return !hasEnded
    }
}

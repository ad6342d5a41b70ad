internal import Green

/// Puts the messages of a stream together (RFC 1035 4.2.2: a length of two bytes before each). Holds one message of the
/// greatest length at most.
struct StreamBuffer {
    private var bytes = [UInt8](repeating: 0, count: 4096)
    private var start = 0
    private var end = 0

    /// The greatest message with its length.
    static let mostBytes = 2 + 65_535

    /// Reads what has come into the room that is left: how many bytes, 0 at the end of the stream. Waits. To be called
    /// when `next` gives nothing.
    mutating func fill(from socket: any ByteStream, until deadline: Instant) throws -> Int {
        makeRoom()
        let end = end
        let got = try unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe try socket.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[end...]), until: deadline)
        }
        self.end += got
        return got
    }

    /// Appends bytes as if they had been read.
    mutating func append(_ more: [UInt8]) -> Int {
        makeRoom()
        let count = min(more.count, bytes.count - end)
        for index in 0..<count { bytes[end + index] = more[index] }
        end += count
        return count
    }

    /// The next whole message, without its length.
    mutating func next() -> [UInt8]? {
        guard let length = pendingLength, end - start >= length else { return nil }
        defer { start += length }
        return [UInt8](bytes[start + 2..<start + length])
    }

    /// Hands over all that is there, whatever it is.
    mutating func takeAll<Failure>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        let (first, last) = (start, end)
        (start, end) = (0, 0)
        let outcome = unsafe bytes.withUnsafeBytes { bytes in
            Result { () throws(Failure) in unsafe try body(UnsafeRawBufferPointer(rebasing: bytes[first..<last])) }
        }
        try outcome.get()
    }

    /// Whether there is something that is not a whole message yet.
    var hasPart: Bool { end > start }

    /// How long the message at the front is with its length, once that is known.
    private var pendingLength: Int? {
        end - start < 2 ? nil : 2 + Int(bytes[start]) << 8 + Int(bytes[start + 1])
    }

    /// Moves what is there to the front, and grows where the message at the front does not fit.
    private mutating func makeRoom() {
        if start > 0 {
            for index in start..<end { bytes[index - start] = bytes[index] }
            end -= start
            start = 0
        }
        let needed = pendingLength ?? 2
        if needed > bytes.count { bytes += [UInt8](repeating: 0, count: needed - bytes.count) }
    }
}

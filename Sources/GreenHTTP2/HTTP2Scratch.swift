/// What the connections of a thread share while one of them is served: a head that is read, and bodies of answers that have not
/// gone yet. Used only between two waits.
@safe public final class HTTP2Scratch {
    /// A body that stands here.
    struct Body {
        let owner: ObjectIdentifier
        let stream: Int32
        var range: Range<Int>
    }

    let head: HTTP2Head
    private let storage: UnsafeMutableRawBufferPointer
    private var count = 0
    /// What was not handed out yet, of the connection that is being served.
    var bodies: [Body] = []

    /// What sessions put a frame together in, between two calls of theirs nobody's; nil before the first.
    private var frame: UnsafeMutableRawBufferPointer?
    /// Room for the largest frame is at least so many bytes.
    static let frameSize = 16 << 10

    /// The longest answer.
    public static let bodyLimit = 65_535
    /// Bodies of so many bytes are kept at most, and one more.
    private static let batch = 128 << 10
    /// So many answers at most.
    private static let mostBodies = 256

    /// Room for heads and answers.
    public init(limits: HTTP2Limits) {
        head = HTTP2Head(limit: limits.headerBytes)
        unsafe storage = .allocate(byteCount: Self.batch + Self.bodyLimit, alignment: 8)
        bodies.reserveCapacity(Self.mostBodies)
    }

    deinit {
        unsafe storage.deallocate()
        unsafe frame?.deallocate()
    }

    /// Room for a frame, as all sessions want it; nil for one that wants another size.
    func frame(_ size: Int) -> UnsafeMutableRawPointer? {
        if unsafe frame == nil { unsafe frame = .allocate(byteCount: size, alignment: 16) }
        return unsafe frame?.count == size ? frame?.baseAddress : nil
    }

    /// Whether this is the room for a frame.
    func isFrame(_ bytes: UnsafeMutableRawPointer) -> Bool { unsafe frame?.baseAddress == bytes }

    /// Whether there is room for another answer.
    public var hasRoom: Bool { count < Self.batch && bodies.count < Self.mostBodies }

    /// Has `body`, which must not wait, write an answer: its length. It stays until `clear`.
    public func write(_ body: (inout MutableSpan<UInt8>) -> Int) -> Int {
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: storage[count..<count + Self.bodyLimit])
        // SAFETY: nothing else uses the memory before `body` returns, for nothing waits.
        var span = unsafe MutableSpan<UInt8>(
            _unsafeStart: room.baseAddress!.assumingMemoryBound(to: UInt8.self), count: Self.bodyLimit)
        return max(0, min(body(&span), Self.bodyLimit))
    }

    /// What `write` wrote last.
    public func written<Result>(_ length: Int, _ body: (Span<UInt8>) -> Result) -> Result {
        // SAFETY: as above.
        body(unsafe Span(_unsafeBytes: UnsafeRawBufferPointer(rebasing: storage[count..<count + length])))
    }

    /// Keeps what `write` wrote last as the answer on a stream of a connection.
    func keep(_ length: Int, on stream: Int32, of owner: ObjectIdentifier) {
        bodies.append(Body(owner: owner, stream: stream, range: count..<count + length))
        count += length
    }

    /// Copies what is left of a body, as much as there is room for: how many bytes, and whether they are the last.
    func give(_ index: Int, to room: UnsafeMutableRawBufferPointer) -> (count: Int, isLast: Bool) {
        let range = bodies[index].range
        let length = min(range.count, room.count)
        // SAFETY: the range is within the storage.
        unsafe room.copyBytes(from: UnsafeRawBufferPointer(rebasing: storage[range.lowerBound..<range.lowerBound + length]))
        bodies[index].range = range.lowerBound + length..<range.upperBound
        return (length, length == range.count)
    }

    /// The bytes that are left of a body.
    func rest(_ body: Body) -> [UInt8] { unsafe Array(storage[body.range]) }

    /// Lets go of all.
    func clear() {
        count = 0
        bodies.removeAll(keepingCapacity: true)
    }
}

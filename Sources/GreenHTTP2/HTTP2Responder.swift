internal import CNghttp2

/// A server's side of one connection for many small requests: no greenlet, and no memory of ours for a request that is answered
/// at once. Bytes go in and come out by calls, none of which waits; a subclass is told of requests in between and answers them
/// then or later. Belongs to one thread.
@safe open class HTTP2Responder {
    /// What is to become of a request of which the head has come.
    public enum Verdict: Sendable {
        /// It is answered, or will be.
        case taken
        /// Its body is wanted; `bodyCame` has the number back.
        case body(Int)
    }

    /// What is kept of a stream that is not answered at once.
    private struct Stream {
        var tag = 0
        var body: [UInt8] = []
        var wantsBody = false
        /// What is left of its answer.
        var output: [UInt8] = []
        var sent = 0
    }

    private let session: OpaquePointer
    let memory: HTTP2SessionMemory
    /// What is shared with other connections.
    public let scratch: HTTP2Scratch
    private let limits: HTTP2Limits
    private var streams: [Int32: Stream] = [:]
    /// The stream whose head is being read, and what of it came before the last wait.
    private var headStream: Int32 = 0
    private var headPart: HTTP2Head.Part?
    private var isTrailer = false
    /// Bytes of requests' bodies, and of answers that the client's windows have no room for.
    public private(set) var heldBytes = 0
    /// Streams that are open.
    public private(set) var openCount = 0
    /// So many more frames may come that carry nothing.
    private var patience: Int
    private var isClosing = false

    /// A whole request earns its client so many frames that carry nothing; a stream that is given up costs the other number.
    private static let earned = 4, resetCost = 10
    /// So many bytes of an answer's body earn one: a client must say that its window has room for more.
    private static let bytesEarning = 1024
    private var earningBytes = 0

    /// A connection that has just begun.
    public init(_ scratch: HTTP2Scratch, limits: HTTP2Limits) throws(HTTP2Error) {
        self.scratch = scratch
        self.limits = limits
        patience = limits.idleFrames
        let memory = HTTP2SessionMemory(scratch)
        defer { memory.endLending() }
        self.memory = memory
        guard let session = unsafe HTTP2ResponderCallbacks.makeSession(memory) else { throw .protocolFailure("no memory") }
        unsafe self.session = session
        // SAFETY: the session lives as long as this object, and calls back only from calls of it.
        unsafe nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
        let settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: UInt32(clamping: limits.streams)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(clamping: limits.headerBytes)),
        ]
        let code = unsafe settings.withUnsafeBufferPointer {
            unsafe nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), $0.baseAddress, $0.count)
        }
        guard code == 0 else { throw .protocolFailure("no memory") }
    }

    deinit { unsafe nghttp2_session_del(session) }

    // MARK: - For subclasses

    /// The head of a request has come; `isLast` says that there is no body. It stands in the scratch until this returns.
    open func headCame(_ stream: Int32, _ head: HTTP2Head, isLast: Bool) -> Verdict { .taken }

    /// A whole request with a body that was wanted has come.
    open func bodyCame(_ stream: Int32, _ tag: Int, _ body: [UInt8]) {}

    /// The body of a request is too long.
    open func bodyIsTooLong(_ stream: Int32, _ tag: Int) {}

    /// A stream has ended, by whosoever doing: nobody wants its answer any more, if it was not given.
    open func ended(_ stream: Int32) {}

    /// Answers with a head and, where it is not nil, with the bytes that were last written into the scratch.
    public func answer(_ stream: Int32, _ head: HTTP2AnswerHead, bodyLength: Int?) {
        guard let length = bodyLength, length > 0 else {
            _ = unsafe head.withFields { unsafe nghttp2_submit_response(session, stream, $0, $1, nil) }
            return
        }
        scratch.keep(length, on: stream, of: ObjectIdentifier(self))
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.source.ptr = UnsafeMutableRawPointer(bitPattern: scratch.bodies.count)
        unsafe provider.read_callback = HTTP2ResponderCallbacks.readBody
        _ = unsafe head.withFields { unsafe nghttp2_submit_response(session, stream, $0, $1, &provider) }
    }

    // MARK: - Bytes

    /// Takes bytes that came. Throws where the connection cannot go on; what is to be sent tells the client why.
    public func receive(_ bytes: Span<UInt8>) throws(HTTP2Error) {
        if let part = headPart {
            scratch.head.restore(part)
            headPart = nil
        }
        let taken = unsafe bytes.withUnsafeBufferPointer { unsafe nghttp2_session_mem_recv(session, $0.baseAddress, $0.count) }
        if headStream != 0 { headPart = scratch.head.part() }
        if taken < 0 {
            if taken == Int(NGHTTP2_ERR_FLOODED.rawValue) { throw .flooded }
            throw .protocolFailure(unsafe String(cString: nghttp2_strerror(Int32(clamping: taken))))
        }
        guard patience >= 0 else {
            _ = unsafe nghttp2_session_terminate_session(session, UInt32(NGHTTP2_ENHANCE_YOUR_CALM.rawValue))
            throw .flooded
        }
    }

    /// Hands out what is to be sent next, which stands where other connections' frames will, until `body` returns; false when
    /// there is no more, or no room in the client's windows.
    public func nextOutput(_ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        var data: UnsafePointer<UInt8>?
        let count = unsafe nghttp2_session_mem_send(session, &data)
        guard count > 0, let data = unsafe data else { return false }
        unsafe body(UnsafeRawBufferPointer(start: data, count: count))
        return true
    }

    /// Whether something could be sent.
    public var hasOutput: Bool { unsafe nghttp2_session_want_write(session) != 0 }

    /// Whether nothing is to come or to go any more.
    public var isOver: Bool {
        unsafe nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
    }

    /// Keeps what was answered and has not gone, for others use the scratch next.
    public func settle() {
        for body in scratch.bodies where !body.range.isEmpty && body.owner == ObjectIdentifier(self) {
            guard unsafe nghttp2_session_find_stream(session, body.stream) != nil else { continue }
            let rest = scratch.rest(body)
            heldBytes += rest.count
            streams[body.stream, default: Stream()].output = rest
        }
        scratch.clear()
    }

    /// Says farewell: no further requests are taken.
    public func sayFarewell() {
        guard !isClosing else { return }
        isClosing = true
        _ = unsafe nghttp2_session_terminate_session(session, UInt32(NGHTTP2_NO_ERROR.rawValue))
    }

    // MARK: - What nghttp2 tells

    func beginHead(_ stream: Int32, isTrailer: Bool) {
        self.isTrailer = isTrailer
        headStream = stream
        scratch.head.clear()
        if !isTrailer { openCount += 1 }
    }

    func take(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        unsafe scratch.head.take(name, value)
    }

    func headEnded(_ stream: Int32, isLast: Bool) {
        headStream = 0
        if isTrailer {
            if isLast { messageEnded(stream) }
            return
        }
        if scratch.head.isTooLong {
            patience -= Self.resetCost
        } else if isLast {
            patience = min(limits.idleFrames, patience + Self.earned)
        }
        if case .body(let tag) = headCame(stream, scratch.head, isLast: isLast) {
            streams[stream] = Stream(tag: tag, wantsBody: true)
            if isLast { messageEnded(stream) }
        }
    }

    func take(_ bytes: UnsafeBufferPointer<UInt8>, on stream: Int32) {
        guard let known = streams[stream], known.wantsBody else { return }
        guard known.body.count + bytes.count <= limits.bodyBytes, heldBytes + bytes.count <= limits.heldBytes else {
            letGo(stream)
            return bodyIsTooLong(stream, known.tag)
        }
        heldBytes += bytes.count
        unsafe streams[stream]?.body.append(contentsOf: bytes)
    }

    func dataEnded(_ stream: Int32, count: Int, isLast: Bool) {
        if count == 0, !isLast { patience -= 1 }
        if isLast { messageEnded(stream) }
    }

    private func messageEnded(_ stream: Int32) {
        guard let known = streams[stream], known.wantsBody else { return }
        letGo(stream)
        patience = min(limits.idleFrames, patience + Self.earned)
        bodyCame(stream, known.tag, known.body)
    }

    /// A frame that carries nothing.
    func noteIdleFrame() { patience -= 1 }

    /// A stream was given up, whatever the reason: work was done for nothing.
    func noteReset() { patience -= Self.resetCost }

    func closed(_ stream: Int32, code: UInt32) {
        openCount -= 1
        if headStream == stream { headStream = 0 }
        letGo(stream)
        ended(stream)
    }

    /// Notes that so many bytes of an answer go.
    private func earn(_ count: Int) {
        earningBytes += count
        patience = min(limits.idleFrames, patience + earningBytes / Self.bytesEarning)
        earningBytes %= Self.bytesEarning
    }

    private func letGo(_ stream: Int32) {
        guard let known = streams.removeValue(forKey: stream) else { return }
        heldBytes -= known.body.count + known.output.count
    }

    /// Copies what is to be sent next of an answer: how many bytes, and whether they are the last.
    func give(_ number: Int, _ room: UnsafeMutableRawBufferPointer, on stream: Int32) -> (count: Int, isLast: Bool) {
        guard let known = streams[stream], !known.output.isEmpty else {
            // Nothing is ever given of another connection's.
            guard scratch.bodies.indices.contains(number - 1), scratch.bodies[number - 1].stream == stream,
                scratch.bodies[number - 1].owner == ObjectIdentifier(self)
            else { return (0, true) }
            let given = unsafe scratch.give(number - 1, to: room)
            earn(given.count)
            return given
        }
        let count = min(room.count, known.output.count - known.sent)
        unsafe room.copyBytes(from: known.output[known.sent..<known.sent + count])
        streams[stream]?.sent += count
        earn(count)
        return (count, known.sent + count == known.output.count)
    }
}

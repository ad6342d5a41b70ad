internal import CNghttp2

/// One connection's HTTP/2, without the connection. No call of it waits. Belongs to one thread.
@safe public final class HTTP2Engine {
    /// What came.
    public enum Event: Sendable {
        /// A whole message.
        case message(HTTP2Message)
        /// A stream ended without one.
        case failed(stream: Int32, HTTP2Error)
        /// The peer takes no more requests; on those above `last` it has not begun.
        case farewell(last: Int32)
    }

    /// What is known of a stream.
    struct Stream {
        var fields = HTTP2Fields()
        var headerBytes = 0
        var body: [UInt8] = []
        /// What is to be sent, from `sent` on.
        var output: [UInt8] = []
        var sent = 0
        /// Whether the whole message came.
        var isWhole = false
        /// Whether the message's head is over, so that further fields are trailers.
        var hasHead = false
        var isTooLarge = false
    }

    /// Whether it is the server's side.
    public let isServer: Bool
    let limits: HTTP2Limits
    private let session: OpaquePointer
    var streams: [Int32: Stream] = [:]
    private var events: [Event] = []
    private var firstEvent = 0
    /// The bytes of bodies that are not whole yet.
    var heldBytes = 0
    /// So many more frames may come that carry nothing.
    var patience: Int
    /// Whether the peer said farewell.
    public private(set) var hasFarewell = false
    private var isClosing = false

    /// The most bytes that `output` adds in one call, about.
    static let chunk = 65_536
    /// Each whole message earns its peer so many frames.
    static let framesPerMessage = 10

    /// One side of a connection that has just begun.
    public init(isServer: Bool, limits: HTTP2Limits = HTTP2Limits()) throws(HTTP2Error) {
        self.isServer = isServer
        self.limits = limits
        patience = limits.idleFrames
        guard let session = unsafe HTTP2Callbacks.makeSession(isServer: isServer, limits) else {
            throw .protocolFailure("no memory")
        }
        unsafe self.session = session
        // SAFETY: the session lives as long as this object, and calls back only from calls of it.
        unsafe nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
        try greet()
    }

    deinit {
        unsafe nghttp2_session_del(session)
    }

    /// Says what this side allows.
    private func greet() throws(HTTP2Error) {
        let ours: [(nghttp2_settings_id, Int)] = [
            (NGHTTP2_SETTINGS_ENABLE_PUSH, 0),
            (NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, isServer ? limits.streams : 0),
            (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, max(65_535, limits.bodyBytes + 1)),
            (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headerBytes),
        ]
        let entries = ours.map { nghttp2_settings_entry(settings_id: Int32($0.0.rawValue), value: UInt32(clamping: $0.1)) }
        // A server does not speak of pushes.
        let from = isServer ? 1 : 0
        let code = unsafe entries[from...].withUnsafeBufferPointer {
            unsafe nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), $0.baseAddress, $0.count)
        }
        try check(code)
        try check(
            unsafe nghttp2_session_set_local_window_size(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(clamping: limits.heldBytes)))
    }

    private func check(_ code: Int32) throws(HTTP2Error) {
        if code < 0 { throw failure(Int(code)) }
    }

    private func failure(_ code: Int) -> HTTP2Error {
        if code == Int(NGHTTP2_ERR_FLOODED.rawValue) { return .flooded }
        return .protocolFailure(unsafe String(cString: nghttp2_strerror(Int32(clamping: code))))
    }

    // MARK: - Bytes

    /// Takes bytes that came from the peer. Throws where the connection cannot go on; what is to be sent tells the peer why.
    public func receive(_ bytes: UnsafeRawBufferPointer) throws(HTTP2Error) {
        let taken = unsafe nghttp2_session_mem_recv(session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
        if taken < 0 { throw failure(taken) }
        guard patience >= 0 else {
            _ = unsafe nghttp2_session_terminate_session(session, UInt32(NGHTTP2_ENHANCE_YOUR_CALM.rawValue))
            throw .flooded
        }
    }

    /// Takes bytes that came from the peer. Throws as the other `receive` does.
    public func receive(_ bytes: [UInt8]) throws(HTTP2Error) {
        let outcome = unsafe bytes.withUnsafeBytes { bytes in
            Result { () throws(HTTP2Error) in unsafe try receive(bytes) }
        }
        try outcome.get()
    }

    /// Appends what is to be sent to `buffer`, up to some tens of kilobytes; nothing when there is no more.
    public func output(to buffer: inout [UInt8]) {
        let start = buffer.count
        while buffer.count - start < Self.chunk {
            var data: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &data)
            guard count > 0, let data = unsafe data else { return }
            unsafe buffer.append(contentsOf: UnsafeBufferPointer(start: data, count: count))
        }
    }

    /// Whether there is something to be sent.
    public var hasOutput: Bool { unsafe nghttp2_session_want_write(session) != 0 }

    /// Whether nothing is to come or to go any more.
    public var isOver: Bool {
        unsafe nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
    }

    // MARK: - Events

    /// The next event; nil when there is none.
    public func next() -> Event? {
        guard firstEvent < events.count else {
            if firstEvent > 0 {
                events.removeAll(keepingCapacity: true)
                firstEvent = 0
            }
            return nil
        }
        firstEvent += 1
        return events[firstEvent - 1]
    }

    /// Notes an event; called back by nghttp2.
    func note(_ event: Event) {
        if case .farewell = event { hasFarewell = true }
        events.append(event)
    }

    // MARK: - Messages

    /// Streams that are open.
    public var openStreams: Int { streams.count }

    /// So many requests the peer takes at once.
    public var peerStreamLimit: Int {
        Int(unsafe nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    /// Whether a client may send another request now.
    public var hasRoom: Bool {
        guard !hasFarewell, !isClosing, openStreams < peerStreamLimit else { return false }
        return unsafe nghttp2_session_check_request_allowed(session) != 0
    }

    /// Puts a request into the output: the number of its stream. For a client.
    public func send(_ fields: HTTP2Fields, body: [UInt8] = []) throws(HTTP2Error) -> Int32 {
        guard !isServer, !hasFarewell, !isClosing else { throw .closed }
        let stream = unsafe submit(fields, hasBody: !body.isEmpty) { head, count, provider in
            unsafe nghttp2_submit_request(session, nil, head, count, provider, nil)
        }
        guard stream > 0 else {
            if stream == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE.rawValue { throw .closed }
            throw failure(Int(stream))
        }
        streams[stream] = Stream(output: body)
        return stream
    }

    /// Puts the answer to the request on a stream into the output, unless that has ended meanwhile. For a server.
    public func answer(_ stream: Int32, _ fields: HTTP2Fields, body: [UInt8] = []) throws(HTTP2Error) {
        guard isServer, streams[stream] != nil else { return }
        streams[stream]?.output = body
        let code = unsafe submit(fields, hasBody: !body.isEmpty) { head, count, provider in
            unsafe nghttp2_submit_response(session, stream, head, count, provider)
        }
        try check(code)
    }

    /// Ends a stream: nobody waits for its message any more, and no event tells of it.
    public func cancel(_ stream: Int32) {
        guard streams[stream] != nil else { return }
        release(stream)
        streams[stream] = nil
        end(stream, code: UInt32(NGHTTP2_CANCEL.rawValue))
    }

    /// Ends a stream with a code (RFC 9113 7).
    public func end(_ stream: Int32, code: UInt32) {
        _ = unsafe nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code)
    }

    /// Says farewell: no further requests are taken, those that came are answered.
    public func sayFarewell() {
        guard !isClosing else { return }
        isClosing = true
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        _ = unsafe nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, UInt32(NGHTTP2_NO_ERROR.rawValue), nil, 0)
    }

    /// Calls `body` with the fields, and with where a body comes from, as nghttp2 has them.
    private func submit(
        _ fields: HTTP2Fields, hasBody: Bool,
        _ body: (UnsafePointer<nghttp2_nv>?, Int, UnsafePointer<nghttp2_data_provider>?) -> Int32
    ) -> Int32 {
        unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(1, fields.count)) { head in
            unsafe fields.bytes.withUnsafeBufferPointer { bytes in
                // nghttp2 does not write there, though its type says so, and copies what it keeps.
                let base = unsafe UnsafeMutablePointer(mutating: bytes.baseAddress)
                for index in 0..<fields.count {
                    let (name, value) = fields.ranges(index)
                    unsafe head.initializeElement(
                        at: index,
                        to: nghttp2_nv(
                            name: base.map { unsafe $0 + name.lowerBound }, value: base.map { unsafe $0 + value.lowerBound },
                            namelen: name.count, valuelen: value.count, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
                }
                guard hasBody else { return unsafe body(head.baseAddress, fields.count, nil) }
                var provider = unsafe nghttp2_data_provider()
                unsafe provider.read_callback = HTTP2Callbacks.readBody
                return unsafe body(head.baseAddress, fields.count, &provider)
            }
        }
    }
}

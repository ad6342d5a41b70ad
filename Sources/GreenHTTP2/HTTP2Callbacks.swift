internal import CNghttp2

/// What nghttp2 calls while it is handed bytes, or hands them out. Nothing here waits or switches greenlets: events are put
/// into the engine's queue.
@safe enum HTTP2Callbacks {
    /// A session with these callbacks and limits; nil without memory.
    static func makeSession(isServer: Bool, _ limits: HTTP2Limits) -> OpaquePointer? {
        var callbacks: OpaquePointer?
        var option: OpaquePointer?
        guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0 else { return nil }
        defer { unsafe nghttp2_session_callbacks_del(callbacks) }
        guard unsafe nghttp2_option_new(&option) == 0 else { return nil }
        defer { unsafe nghttp2_option_del(option) }
        unsafe nghttp2_option_set_no_closed_streams(option, 1)
        unsafe nghttp2_option_set_max_outbound_ack(option, 100)
        unsafe nghttp2_option_set_max_settings(option, 32)
        unsafe nghttp2_option_set_max_continuations(option, 8)
        unsafe nghttp2_option_set_max_reserved_remote_streams(option, 0)
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, beginHeaders)
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, header)
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data)
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame)
        unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, notSent)
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
        var session: OpaquePointer?
        let code =
            isServer
            ? unsafe nghttp2_session_server_new2(&session, callbacks, nil, option)
            : unsafe nghttp2_session_client_new2(&session, callbacks, nil, option)
        return code == 0 ? unsafe session : nil
    }

    /// What a callback says that cannot go on with one stream.
    private static let streamFailure = NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue

    private static func engine(_ context: UnsafeMutableRawPointer?) -> HTTP2Engine? {
        // SAFETY: the engine owns the session, which calls only while the engine calls it.
        unsafe context.map { unsafe Unmanaged<HTTP2Engine>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let beginHeaders: nghttp2_on_begin_headers_callback = { _, frame, context in
        guard let engine = unsafe engine(context), let frame = unsafe frame else { return 0 }
        return engine.beginHeaders(unsafe frame.pointee.hd.stream_id)
    }

    private static let header: nghttp2_on_header_callback = { _, frame, name, nameCount, value, valueCount, _, context in
        guard let engine = unsafe engine(context), let frame = unsafe frame else { return 0 }
        let field = unsafe UnsafeBufferPointer(start: name, count: nameCount)
        let text = unsafe UnsafeBufferPointer(start: value, count: valueCount)
        return unsafe engine.take(field, text, on: frame.pointee.hd.stream_id) ? 0 : streamFailure
    }

    private static let data: nghttp2_on_data_chunk_recv_callback = { _, _, stream, bytes, count, context in
        guard let engine = unsafe engine(context) else { return 0 }
        unsafe engine.take(UnsafeBufferPointer(start: bytes, count: count), on: stream)
        return 0
    }

    private static let frame: nghttp2_on_frame_recv_callback = { _, frame, context in
        guard let engine = unsafe engine(context), let frame = unsafe frame else { return 0 }
        let head = unsafe frame.pointee.hd
        let hasEnded = head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch UInt32(head.type) {
        case NGHTTP2_HEADERS.rawValue: engine.headersEnded(head.stream_id, isLast: hasEnded)
        case NGHTTP2_DATA.rawValue: engine.dataEnded(head.stream_id, count: head.length, isLast: hasEnded)
        case NGHTTP2_GOAWAY.rawValue:
            engine.patience -= 1
            engine.farewellCame(unsafe frame.pointee.goaway.last_stream_id)
        default: engine.patience -= 1
        }
        return 0
    }

    private static let notSent: nghttp2_on_frame_not_send_callback = { _, frame, _, context in
        guard let engine = unsafe engine(context), let frame = unsafe frame else { return 0 }
        if unsafe UInt32(frame.pointee.hd.type) == NGHTTP2_HEADERS.rawValue {
            engine.refused(unsafe frame.pointee.hd.stream_id)
        }
        return 0
    }

    private static let streamClosed: nghttp2_on_stream_close_callback = { _, stream, code, context in
        unsafe engine(context)?.closed(stream, code: code)
        return 0
    }

    /// Hands out a message's body.
    static let readBody: nghttp2_data_source_read_callback = { _, stream, buffer, room, flags, _, context in
        guard let engine = unsafe engine(context), let buffer = unsafe buffer else {
            return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
        }
        let (count, isLast) = unsafe engine.give(UnsafeMutableRawBufferPointer(start: buffer, count: room), on: stream)
        if isLast { unsafe flags?.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue) }
        return count
    }
}

/// What the callbacks do.
extension HTTP2Engine {
    /// The head of a message begins, or its trailers: 0 for going on.
    fileprivate func beginHeaders(_ stream: Int32) -> Int32 {
        guard let known = streams[stream] else {
            // A request: nghttp2 holds their number to what was said.
            if isServer { streams[stream] = Stream() }
            return 0
        }
        // What came before was no final answer (RFC 9110 15.2).
        if !isServer, !known.hasHead { streams[stream]?.fields = HTTP2Fields() }
        return 0
    }

    /// A field; false where there are too many.
    fileprivate func take(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, on stream: Int32
    ) -> Bool {
        guard streams[stream] != nil else { return true }
        let isTooLarge = unsafe streams[stream]!.take(name, value, limit: limits.headerBytes)
        return !isTooLarge
    }

    /// Bytes of a body.
    fileprivate func take(_ bytes: UnsafeBufferPointer<UInt8>, on stream: Int32) {
        // Not the stream itself: the bytes would have two owners, and be copied for each piece that comes.
        guard let before = streams[stream].map({ $0.isTooLarge ? -1 : $0.body.count }), before >= 0 else { return }
        guard before + bytes.count <= limits.bodyBytes, heldBytes + bytes.count <= limits.heldBytes else {
            release(stream)
            streams[stream]?.isTooLarge = true
            return end(stream, code: UInt32(NGHTTP2_CANCEL.rawValue))
        }
        heldBytes += bytes.count
        unsafe streams[stream]?.body.append(contentsOf: bytes)
    }

    fileprivate func headersEnded(_ stream: Int32, isLast: Bool) {
        guard let known = streams[stream] else { return patience -= 1 }
        let isInterim = !isServer && (100..<200).contains(known.fields.status ?? 200)
        if isInterim { patience -= 1 } else { streams[stream]?.hasHead = true }
        if isLast { messageEnded(stream) }
    }

    fileprivate func dataEnded(_ stream: Int32, count: Int, isLast: Bool) {
        if count == 0, !isLast { patience -= 1 }
        if isLast { messageEnded(stream) }
    }

    private func messageEnded(_ stream: Int32) {
        guard let known = streams[stream], !known.isWhole, !known.isTooLarge else { return }
        release(stream)
        streams[stream]?.isWhole = true
        streams[stream]?.fields = HTTP2Fields()
        streams[stream]?.body = []
        patience = min(limits.idleFrames, patience + Self.framesPerMessage)
        note(.message(HTTP2Message(stream: stream, fields: known.fields, body: known.body)))
    }

    /// The peer takes no more requests. Those that still wait here to be sent are refused as well.
    fileprivate func farewellCame(_ last: Int32) {
        if !isServer {
            for stream in streams.keys.filter({ $0 > last }).sorted() { refused(stream) }
        }
        note(.farewell(last: last))
    }

    /// The peer has not begun with a request, and will not.
    fileprivate func refused(_ stream: Int32) {
        guard let known = streams[stream] else { return }
        release(stream)
        streams[stream] = nil
        if !known.isWhole {
            note(.failed(stream: stream, .streamEnded(code: UInt32(NGHTTP2_REFUSED_STREAM.rawValue), wasRefused: true)))
        }
    }

    fileprivate func closed(_ stream: Int32, code: UInt32) {
        guard let known = streams[stream] else { return }
        release(stream)
        streams[stream] = nil
        if code != 0 { patience -= Self.framesPerMessage }
        // Who has the whole message hears of the end only where it waits for the answer to go.
        guard !known.isWhole || (isServer && code != 0) else { return }
        let wasRefused = code == UInt32(NGHTTP2_REFUSED_STREAM.rawValue)
        note(.failed(stream: stream, known.isTooLarge ? .tooLarge : .streamEnded(code: code, wasRefused: wasRefused)))
    }

    func release(_ stream: Int32) {
        guard let known = streams[stream] else { return }
        heldBytes -= known.body.count
        streams[stream]?.body = []
    }

    /// Copies what is to be sent next: how many bytes, and whether they are the last.
    fileprivate func give(_ room: UnsafeMutableRawBufferPointer, on stream: Int32) -> (count: Int, isLast: Bool) {
        guard let known = streams[stream] else { return (0, true) }
        let count = min(room.count, known.output.count - known.sent)
        unsafe room.copyBytes(from: known.output[known.sent..<known.sent + count])
        streams[stream]?.sent += count
        let isLast = known.sent + count == known.output.count
        if isLast { streams[stream]?.output = [] }
        return (count, isLast)
    }
}

extension HTTP2Engine.Stream {
    /// Keeps a field of the head; trailers are only counted. True where there is too much.
    fileprivate mutating func take(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, limit: Int
    ) -> Bool {
        // As RFC 9113 6.5.2 counts them.
        headerBytes += name.count + value.count + 32
        guard headerBytes <= limit else {
            isTooLarge = true
            return true
        }
        if !hasHead { unsafe fields.append(name, value) }
        return false
    }
}

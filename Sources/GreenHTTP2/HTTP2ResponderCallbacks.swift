internal import CNghttp2

/// What nghttp2 calls while a responder's session is handed bytes, or hands them out.
@safe enum HTTP2ResponderCallbacks {
    /// So many frames of one head at most.
    private static let mostContinuations = 4
    /// So many answers to pings and settings may wait to be sent.
    private static let mostAcknowledgements = 32
    /// Bytes that HPACK may keep for the heads that are sent: a handful of fields come again and again.
    private static let headerTable = 512

    /// A session with these callbacks, which has its memory from there; nil without any.
    static func makeSession(_ memory: HTTP2SessionMemory) -> OpaquePointer? {
        var callbacks: OpaquePointer?
        var option: OpaquePointer?
        guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0 else { return nil }
        defer { unsafe nghttp2_session_callbacks_del(callbacks) }
        guard unsafe nghttp2_option_new(&option) == 0 else { return nil }
        defer { unsafe nghttp2_option_del(option) }
        unsafe nghttp2_option_set_no_closed_streams(option, 1)
        unsafe nghttp2_option_set_max_outbound_ack(option, mostAcknowledgements)
        unsafe nghttp2_option_set_max_settings(option, 32)
        unsafe nghttp2_option_set_max_continuations(option, mostContinuations)
        unsafe nghttp2_option_set_max_reserved_remote_streams(option, 0)
        unsafe nghttp2_option_set_max_deflate_dynamic_table_size(option, headerTable)
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, beginHeaders)
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, header)
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data)
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame)
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
        var session: OpaquePointer?
        var sources = unsafe memory.callbacks
        let code = unsafe nghttp2_session_server_new3(&session, callbacks, nil, option, &sources)
        return code == 0 ? unsafe session : nil
    }

    @inline(__always)
    private static func with<Result>(
        _ context: UnsafeMutableRawPointer?, _ otherwise: Result, _ body: (HTTP2Responder) -> Result
    ) -> Result {
        guard let context = unsafe context else { return otherwise }
        // SAFETY: the responder owns the session, which calls only while the responder calls it.
        return unsafe Unmanaged<HTTP2Responder>.fromOpaque(context)._withUnsafeGuaranteedRef { body($0) }
    }

    private static let beginHeaders: nghttp2_on_begin_headers_callback = { _, frame, context in
        guard let frame = unsafe frame else { return 0 }
        return unsafe with(context, 0) {
            let isTrailer = unsafe frame.pointee.headers.cat != NGHTTP2_HCAT_REQUEST
            $0.beginHead(unsafe frame.pointee.hd.stream_id, isTrailer: isTrailer)
            return 0
        }
    }

    private static let header: nghttp2_on_header_callback = { _, frame, name, nameCount, value, valueCount, _, context in
        let field = unsafe UnsafeBufferPointer(start: name, count: nameCount)
        let text = unsafe UnsafeBufferPointer(start: value, count: valueCount)
        return unsafe with(context, 0) {
            unsafe $0.take(field, text)
            return 0
        }
    }

    private static let data: nghttp2_on_data_chunk_recv_callback = { _, _, stream, bytes, count, context in
        unsafe with(context, 0) {
            unsafe $0.take(UnsafeBufferPointer(start: bytes, count: count), on: stream)
            return 0
        }
    }

    private static let frame: nghttp2_on_frame_recv_callback = { _, frame, context in
        guard let frame = unsafe frame else { return 0 }
        let head = unsafe frame.pointee.hd
        let isLast = head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        return unsafe with(context, 0) {
            switch UInt32(head.type) {
            case NGHTTP2_HEADERS.rawValue: $0.headEnded(head.stream_id, isLast: isLast)
            case NGHTTP2_DATA.rawValue: $0.dataEnded(head.stream_id, count: head.length, isLast: isLast)
            case NGHTTP2_RST_STREAM.rawValue: $0.noteReset()
            default: $0.noteIdleFrame()
            }
            return 0
        }
    }

    private static let streamClosed: nghttp2_on_stream_close_callback = { _, stream, code, context in
        unsafe with(context, 0) {
            $0.closed(stream, code: code)
            return 0
        }
    }

    /// Hands out an answer's body.
    static let readBody: nghttp2_data_source_read_callback = { _, stream, buffer, room, flags, source, context in
        guard let buffer = unsafe buffer else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        let number = unsafe Int(bitPattern: source?.pointee.ptr)
        return unsafe with(context, Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)) {
            let (count, isLast) = unsafe $0.give(number, UnsafeMutableRawBufferPointer(start: buffer, count: room), on: stream)
            if isLast { unsafe flags?.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue) }
            return count
        }
    }
}

internal import CLibeventExtra

/// The connections of a server, as their buffers show them.
///
/// evhttp says when a request comes, not when a connection does or ends. But it asks for each connection's buffer, and
/// takes its callbacks off when it frees it: so a second reference to each buffer tells which still serve.
@safe struct HTTPConnections {
    private var buffers: [OpaquePointer] = unsafe []
    private let limits: HTTPLimits

    /// No connections.
    init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// A buffer for a connection that is being accepted.
    mutating func makeBuffer(_ base: OpaquePointer?) -> OpaquePointer? {
        sweep()
        // SAFETY: the second reference is given back in `sweep`, or in `releaseAll` after the server's end.
        guard let buffer = unsafe bufferevent_socket_new(base, -1, 0) else { return nil }
        unsafe bufferevent_incref(buffer)
        // A client that goes on sending while it is answered fills its own socket, not this process.
        unsafe bufferevent_setwatermark(buffer, Int16(EV_READ), 0, limits.inputBytes)
        unsafe buffers.append(buffer)
        return unsafe buffer
    }

    /// How many are open.
    var count: Int { unsafe buffers.count }

    /// Whether there is no room for another.
    var isFull: Bool { count >= limits.connections }

    /// Whether something waits to be sent.
    var hasOutput: Bool {
        unsafe buffers.contains { unsafe evbuffer_get_length(bufferevent_get_output($0)) > 0 }
    }

    /// Lets go of those that evhttp has freed.
    mutating func sweep() {
        unsafe buffers.removeAll { buffer in
            var onEvent: bufferevent_event_cb?
            unsafe bufferevent_getcb(buffer, nil, nil, &onEvent, nil)
            guard unsafe onEvent == nil else { return false }
            unsafe bufferevent_decref(buffer)
            return true
        }
    }

    /// Lets go of all, once evhttp is gone.
    mutating func releaseAll() {
        for index in unsafe buffers.indices { unsafe bufferevent_decref(buffers[index]) }
        unsafe buffers.removeAll()
    }
}

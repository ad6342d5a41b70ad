internal import CLibeventExtra
internal import Glibc
internal import Green

/// One request and its response, in a greenlet of their own.
///
/// evhttp owns the request until a whole response was handed to it; where the connection goes first, the request stays
/// ours and is freed by ending it all the same.
@safe final class HTTPExchange {
    private let server: HTTPServer
    private let request: OpaquePointer
    /// The connection; nil once it is gone.
    private var connection: OpaquePointer?
    private var greenlet: Greenlet<Void>?
    private var waiter: Waiter?
    private var isDrained = false

    /// An exchange about a request that has just come.
    init(_ server: HTTPServer, _ request: OpaquePointer) {
        self.server = server
        unsafe self.request = request
        unsafe connection = evhttp_request_get_connection(request)
    }

    /// Starts the greenlet; false where there is none to be had, and the request was turned away.
    func start() -> Bool {
        let greenlet = server.hub.spawn(name: "http request") { self.run() }
        guard !greenlet.isDone else {
            unsafe evhttp_send_error(request, 503, nil)
            return false
        }
        self.greenlet = greenlet
        // SAFETY: the server holds this object until `run` has ended, which takes the callback off first.
        unsafe evhttp_connection_set_closecb(
            connection, { _, context in unsafe Unmanaged<HTTPExchange>.fromOpaque(context!).takeUnretainedValue().closed() },
            Unmanaged.passUnretained(self).toOpaque())
        return true
    }

    /// Ends it, response or not.
    func kill() {
        greenlet?.kill()
    }

    /// The connection is gone: nobody wants the rest.
    private func closed() {
        unsafe connection = nil
        kill()
    }

    private func run() {
        defer { server.ended(self) }
        var response: HTTPResponse
        do {
            response = try server.handler(unsafe HTTPRequest(request))
        } catch let error as HTTPError {
            response = HTTPResponse(text: "\(error)\n", status: error.status)
        } catch is Interruption {
            response = HTTPResponse(text: "stopping\n", status: 503)
        } catch {
            // Not for clients: it may say of this machine what is none of their business.
            unsafe server.hub.options.report("http request \(HTTPRequest(request).path)", error)
            response = HTTPResponse(text: "internal error\n", status: 500)
        }
        do {
            try send(response)
            finish()
        } catch {
            breakOff()
        }
    }

    // MARK: - The response

    private func send(_ response: HTTPResponse) throws {
        guard unsafe connection != nil else { return }
        setTimeouts(reading: nil)
        var fields = response.headers
        if server.isStopping { fields.append(HTTPField("Connection", "close")) }
        if case .bytes(let bytes) = response.body { fields.append(HTTPField("Content-Length", "\(bytes.count)")) }
        let headers = unsafe evhttp_request_get_output_headers(request)
        for field in fields {
            // evhttp refuses CR and LF; what is behind a NUL would be lost.
            guard !field.name.utf8.contains(0), !field.value.utf8.contains(0),
                unsafe evhttp_add_header(headers, field.name, field.value) == 0
            else {
                server.hub.options.report("http response", HTTPError(500, "the header \(field.name) cannot be sent"))
                continue
            }
        }
        unsafe evhttp_send_reply_start(request, Int32(response.status), nil)
        let hasBody = unsafe evhttp_request_get_command(request) != EVHTTP_REQ_HEAD
        guard hasBody, response.status != 204, response.status != 304 else { return }
        switch response.body {
        case .bytes(let bytes):
            for start in stride(from: 0, to: bytes.count, by: HTTPServer.pieceBytes) {
                try write(bytes[start..<min(start + HTTPServer.pieceBytes, bytes.count)])
            }
        case .pieces(let next):
            while let piece = try next() { try write(piece[...]) }
        }
    }

    /// Hands a piece on and waits until the client's socket has taken it. A client that takes nothing is cut off by the
    /// connection's own time limit, which ends this greenlet.
    private func write(_ piece: ArraySlice<UInt8>) throws(Interruption) {
        if piece.isEmpty { return }
        guard unsafe connection != nil, let buffer = unsafe evbuffer_new() else { throw .killed }
        isDrained = false
        let isTaken = unsafe piece.withUnsafeBytes { unsafe evbuffer_add(buffer, $0.baseAddress, $0.count) == 0 }
        guard isTaken else {
            unsafe evbuffer_free(buffer)
            throw .killed
        }
        // SAFETY: called while the connection lives and this exchange is its request; `closed` comes before either ends.
        unsafe evhttp_send_reply_chunk_with_cb(
            request, buffer,
            { _, context in unsafe Unmanaged<HTTPExchange>.fromOpaque(context!).takeUnretainedValue().drained() },
            Unmanaged.passUnretained(self).toOpaque())
        unsafe evbuffer_free(buffer)
        _ = try Waiter.wait(for: "an HTTP client to read", until: .never) { waiter in
            if isDrained { waiter.wake() } else { self.waiter = waiter }
        }
    }

    private func drained() {
        isDrained = true
        waiter?.wake()
        waiter = nil
    }

    /// Hands the request back to evhttp, which sends what is left and reads the next one.
    private func finish() {
        if unsafe connection != nil {
            setTimeouts(reading: server.limits.idle)
            unsafe evhttp_connection_set_closecb(connection, nil, nil)
            unsafe connection = nil
        }
        unsafe evhttp_send_reply_end(request)
    }

    /// Breaks the connection off in the middle of a response, so that nobody takes it for whole.
    private func breakOff() {
        guard let connection = unsafe connection else {
            unsafe evhttp_send_reply_end(request)
            return
        }
        unsafe evhttp_connection_set_closecb(connection, nil, nil)
        unsafe self.connection = nil
        unsafe evhttp_connection_free(connection)
    }

    /// Sets how long the connection may be silent in both directions. While a response is made nothing need come in.
    private func setTimeouts(reading: Duration?) {
        let buffer = unsafe evhttp_connection_get_bufferevent(connection)
        var write = timeval(server.limits.stalled)
        if let reading {
            var read = timeval(reading)
            unsafe bufferevent_set_timeouts(buffer, &read, &write)
        } else {
            unsafe bufferevent_set_timeouts(buffer, nil, &write)
        }
    }
}

extension timeval {
    /// A duration as libevent takes it.
    init(_ duration: Duration) {
        let microseconds = Int(duration.clampedNanoseconds / 1000)
        self.init(tv_sec: microseconds / 1_000_000, tv_usec: microseconds % 1_000_000)
    }
}

extension HTTPRequest {
    /// Copies a request out of evhttp's hands.
    init(_ request: OpaquePointer) {
        let target = unsafe evhttp_request_get_evhttp_uri(request)
        let path = unsafe evhttp_uri_get_path(target).map { unsafe String(cString: $0) } ?? ""
        let query = unsafe evhttp_uri_get_query(target).map { unsafe String(cString: $0) } ?? ""
        self.init(unsafe Self.method(of: request), path.isEmpty ? "/" : HTTPTarget.decode(path))
        self.query = HTTPTarget.fields(ofQuery: query)
        peerUser = unsafe Self.peerUser(of: request)
        var header = unsafe evhttp_request_get_input_headers(request).pointee.tqh_first
        while let entry = unsafe header {
            unsafe headers.append(HTTPField(String(cString: entry.pointee.key), String(cString: entry.pointee.value)))
            unsafe header = entry.pointee.next.tqe_next
        }
        let input = unsafe evhttp_request_get_input_buffer(request)
        body = [UInt8](repeating: 0, count: unsafe evbuffer_get_length(input))
        unsafe body.withUnsafeMutableBytes { _ = unsafe evbuffer_copyout(input, $0.baseAddress, $0.count) }
    }

    /// Who is on the other side of a request's Unix socket.
    private static func peerUser(of request: OpaquePointer) -> UInt32? {
        guard let connection = unsafe evhttp_request_get_connection(request) else { return nil }
        let descriptor = unsafe bufferevent_getfd(evhttp_connection_get_bufferevent(connection))
        // struct ucred: process, user, group.
        var credentials: [UInt32] = [0, .max, .max]
        var size = socklen_t(12)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0, size == 12 else { return nil }
        return credentials[1] == .max ? nil : credentials[1]
    }

    private static func method(of request: OpaquePointer) -> String {
        switch unsafe evhttp_request_get_command(request) {
        case EVHTTP_REQ_GET: "GET"
        case EVHTTP_REQ_HEAD: "HEAD"
        case EVHTTP_REQ_POST: "POST"
        case EVHTTP_REQ_PUT: "PUT"
        case EVHTTP_REQ_DELETE: "DELETE"
        case EVHTTP_REQ_PATCH: "PATCH"
        default: "OPTIONS"
        }
    }
}

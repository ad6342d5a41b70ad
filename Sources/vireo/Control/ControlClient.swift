internal import Daemon
internal import Glibc

/// Asks a running daemon over its control socket: one request, whose answer is handed on as it comes. Blocks, with a limit
/// on each wait.
@safe struct ControlClient {
    private let path: String
    private let descriptor: Int32

    /// No wait for the daemon is longer than this.
    private static let patienceSeconds = 30

    /// Connects to the socket at `path`, or where it usually is; `isPatient` waits for an answer for as long as it takes.
    init(path: String?, isPatient: Bool = false) throws(ControlClientError) {
        if let path {
            self.path = path
        } else {
            let places = ControlSocket.places
            let found = places.first { place in unsafe access(place, F_OK) == 0 || errno == EACCES }
            guard let found else { throw .noSocket(places) }
            self.path = found
        }
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        for option in isPatient ? [SO_SNDTIMEO] : [SO_RCVTIMEO, SO_SNDTIMEO] {
            unsafe setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        do throws(ControlClientError) {
            try connect()
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    private func connect() throws(ControlClientError) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw .badPath(path) }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            let size = socklen_t(MemoryLayout<sockaddr_un>.size)
            return unsafe Glibc.connect(
                descriptor, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), size)
        }
        guard result != 0 else { return }
        switch errno {
        case ENOENT: throw .noSocket([path])
        case ECONNREFUSED, ENOTSOCK: throw .notRunning(path)
        case EACCES, EPERM: throw .noPermission(path)
        default: throw failure()
        }
    }

    /// Sends a request and hands on the body of its answer to standard output; throws what the daemon says where it
    /// refuses, or could not do all of it.
    func run(_ method: String, _ target: ControlTarget, json: Bool) throws {
        defer { Glibc.close(descriptor) }
        var text = "\(method) \(target.text) HTTP/1.1\r\nHost: vireo\r\nConnection: close\r\n"
        text += "Accept: \(json ? "application/json" : "text/plain")\r\n\r\n"
        try send(Array(text.utf8)[...])
        var response = ResponseReader()
        var lines = LastLine()
        var complaint: [UInt8] = []
        while !response.isComplete {
            let body = try response.take(read(), path: path)
            if response.isGood {
                try Output.write(lines.take(body))
            } else {
                complaint += body
            }
        }
        if !response.isGood {
            let message = LastLine.message(
                String(decoding: complaint, as: UTF8.self), isWhole: response.isAboutSettings)
            throw response.isAboutSettings ? ControlClientError.badSettings(message) : .refused(message)
        }
        let (rest, problem) = lines.finish()
        try Output.write(rest)
        if let problem { throw ControlClientError.refused(problem) }
    }

    /// Sends a request.
    private func send(_ bytes: ArraySlice<UInt8>) throws(ControlClientError) {
        do throws(Output.Failure) {
            try Output.write(bytes, to: descriptor)
        } catch {
            throw failure()
        }
    }

    private func read() throws(ControlClientError) -> ArraySlice<UInt8> {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            if count >= 0 { return buffer[..<count] }
            if errno != EINTR { throw failure() }
        }
    }

    private func failure() -> ControlClientError {
        let timedOut = errno == EAGAIN || errno == EWOULDBLOCK
        let reason =
            timedOut ? "the daemon does not answer within \(Self.patienceSeconds) s" : unsafe String(cString: strerror(errno))
        return .connection(path, reason: reason)
    }
}

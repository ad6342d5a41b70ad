internal import Glibc
package import Green

/// Why the daemon does not run, or stopped.
package enum DaemonError: Error, Hashable, Sendable {
    /// It cannot listen at an address, over a transport.
    case listen(SocketAddress, String, SocketError)
    /// An address and port that it would listen at, over a transport, are another process's.
    case portInUse(SocketAddress, String, by: String)
    /// The hosts file cannot be read.
    case hosts(String, SocketError)
    /// What an upstream's certificate is to be checked by cannot be used.
    case upstream(String, String)
    /// A certificate for clients, or what goes with it, cannot be used.
    case certificate(String, String)
    /// The keys of DNS cookies cannot be used.
    case cookies(String, String)
    /// Queries cannot be logged.
    case queryLog(String)
    /// The cache gets no memory.
    case cache(String)
    /// It cannot have its control socket.
    case control(String, SocketError)
    /// It is root and cannot become another user.
    case user(String)
    /// A worker ended by itself.
    case worker(String)
}

extension DaemonError: CustomStringConvertible {
    /// One line that says what to do.
    package var description: String {
        switch self {
        case .listen(let address, let transport, .addressInUse):
            Self.portInUse(address, transport, by: "another process").description
        case .portInUse(let address, let transport, let holder):
            "listen: \(address) (\(transport.uppercased())) is in use by \(holder); expected a free address and port"
        case .listen(let address, _, .permissionDenied):
            "listen: \(address): no right to take a port below 1024; expected root, CAP_NET_BIND_SERVICE, or a higher port"
        case .listen(let address, let transport, let error): "listen: \(address) (\(transport.uppercased())): \(error.reason)"
        case .hosts(let path, let error): "hosts: \(path): \(error.reason)"
        case .upstream(let upstream, let reason): "upstreams: \(upstream): \(reason)"
        case .certificate(let file, let reason): "tls: \(file): \(reason)"
        case .cookies(let file, let reason): "cookie-secret: \(file): \(reason)"
        case .control(let path, .addressInUse):
            "control: \(path) is in use by another process; expected another path, or off"
        case .control(let path, .notFound): "control: \(path): the directory is missing; expected one that exists"
        case .control(let path, let error): "control: \(path): \(error.reason)"
        case .queryLog(let reason): "log.queries: \(reason)"
        case .cache(let reason): "cache.size: \(reason)"
        case .user(let reason): "user: \(reason)"
        case .worker(let reason): "a worker ended: \(reason)"
        }
    }
}

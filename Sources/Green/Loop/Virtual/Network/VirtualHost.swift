/// A machine of a simulated world: addresses, ports and files, on which hubs run.
///
/// Loopback addresses lead back to the host itself, the others through the world's network.
public final class VirtualHost: @unchecked Sendable {
    // SAFETY: touched on the world's own thread only, which the ways in check.
    /// Its name, for reports.
    public let name: String
    /// The addresses it has besides loopback. What it sends elsewhere comes from the first of the right family.
    public internal(set) var addresses: [IPAddress]
    /// Its files.
    public let files: VirtualFiles
    /// Its number in the world.
    let number: Int
    unowned(unsafe) var world: VirtualWorld!
    /// The number of the error that each send to an address meets; to any that is not loopback under nil.
    var sendErrors: [IPAddress?: Int32] = [:]
    /// Who is bound to each port.
    var ports: [VirtualPort: [VirtualSocket]] = [:]
    /// Who listens on each Unix socket's name.
    var paths: [String: VirtualListener] = [:]
    /// When each thread of the pools for blocking jobs is free again.
    var poolThreads: [BlockingKind: [UInt64]] = [:]
    /// The number of the error with which the system refuses to accept a connection; nil: it does not.
    public var acceptError: Int32?
    /// The number of the error with which the system refuses to start a thread for a blocking job; nil: it does not.
    public var threadError: Int32?

    init(name: String, addresses: [IPAddress], number: Int) {
        self.name = name
        self.addresses = addresses
        self.number = number
        files = VirtualFiles()
    }

    /// A loop for a hub on this host.
    public func makeLoop() -> VirtualLoop {
        VirtualLoop(host: self)
    }

    /// Whether a socket may be bound to `ip` here.
    func has(_ ip: IPAddress) -> Bool {
        ip.isWildcard || ip.isLoopback || addresses.contains(ip)
    }

    /// The number of the error that a send to `destination` meets; 0 for none.
    func sendError(to destination: IPAddress) -> Int32 {
        guard !sendErrors.isEmpty else { return 0 }
        return sendErrors[destination] ?? (destination.isLoopback ? nil : sendErrors[nil]) ?? 0
    }

    /// From where something to `destination` is sent, unless its socket is bound to an address; nil: no way there.
    func source(for destination: IPAddress) -> IPAddress? {
        let v4 = destination.family == .v4
        if destination.isWildcard || destination.isLoopback { return v4 ? .loopback : .loopbackV6 }
        if addresses.contains(destination) { return destination }
        return addresses.first { $0.family == destination.family }
    }
}

/// A port of a host, by what uses it.
struct VirtualPort: Hashable {
    let kind: SocketKind
    let number: UInt16
}

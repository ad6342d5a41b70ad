internal import Glibc
internal import Green

/// The listening sockets that a service manager hands to this process (sd_listen_fds(3)): those that a socket unit has opened, and
/// those that this daemon gave it to keep over a restart (`FDSTORE`), each with a name.
///
/// What a socket unit has opened takes the place of what `listen` says of the same transport: `dns`, `tls`, `https`, `http` is
/// the name of the transport, any other name stands for `dns`. What was kept is taken by who listens at the same address; it is
/// the same socket, so that what the kernel has received meanwhile is answered.
struct InheritedSockets {
    /// One of them.
    private struct Inherited {
        let descriptor: Int32
        let kind: SocketKind
        let address: SocketAddress
        let name: String
    }

    private var sockets: [Inherited] = []
    /// Sockets of units of which a worker has taken one, for the others.
    private var shared: [Inherited] = []
    /// Those that are no sockets to listen on: why.
    private(set) var faults: [String] = []

    /// What kept sockets are called; behind it the transport, and the address.
    private static let keptMark = "kept."
    /// No more of them are taken.
    private static let most = 4_096

    /// None.
    init() {}

    /// Sockets by descriptor and name.
    init(_ descriptors: [(Int32, name: String)]) {
        for (descriptor, name) in descriptors {
            do {
                let listener = try Listener(adopting: descriptor)
                sockets.append(
                    Inherited(descriptor: descriptor, kind: listener.kind, address: listener.address, name: name))
            } catch {
                // It may be anything; it is not closed.
                faults.append("descriptor \(descriptor) (\(name)): \(error)")
            }
        }
    }

    /// Those that the environment tells of.
    static func fromEnvironment() -> InheritedSockets {
        func text(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }
        guard text("LISTEN_PID").flatMap({ Int($0) }) == Int(getpid()), let count = text("LISTEN_FDS").flatMap({ Int($0) }),
            (1...most).contains(count)
        else { return InheritedSockets() }
        let names = names(text("LISTEN_FDNAMES") ?? "", count: count)
        return InheritedSockets(names.enumerated().map { (Int32(3 + $0.offset), $0.element) })
    }

    /// A name for each of so many descriptors.
    static func names(_ text: String, count: Int) -> [String] {
        let names = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        return (0..<count).map { $0 < names.count ? names[$0] : "" }
    }

    /// What the sockets for a place are called while they are kept: no colon, which stands between names.
    static func keptName(_ transport: ListenAddress.Transport, _ address: SocketAddress) -> String {
        keptMark + transport.rawValue + "." + "\(address)".replacing(":", with: "_")
    }

    /// `listen` with what socket units have opened instead of what it says of their transports.
    func overriding(_ listen: [ListenAddress]) -> [ListenAddress] {
        var result = listen
        for transport in ListenAddress.Transport.allCases {
            var addresses: [SocketAddress] = []
            for socket in sockets where Self.transport(socket) == transport && !addresses.contains(socket.address) {
                addresses.append(socket.address)
            }
            guard !addresses.isEmpty else { continue }
            let paths = listen.filter { $0.transport == transport }.map(\.path)
            let usual = transport.isHTTP ? ListenAddress.usualPath : ""
            result.removeAll { $0.transport == transport || addresses.contains($0.address) }
            for address in addresses {
                for path in Set(paths.isEmpty ? [usual] : paths).sorted() {
                    var place = ListenAddress(address, transport: transport, path: path)
                    // Who may ask there holds for the address, whoever opens it.
                    place.access = listen.first { $0.address == address }?.access ?? ListenerAccess()
                    result.append(place)
                }
            }
        }
        return result
    }

    /// Settings that listen where socket units have opened sockets, so that all that goes by these addresses is right: who may
    /// ask, warnings, what is shown. What they name and no unit opens is left out.
    func overriding(_ settings: Settings) -> (settings: Settings, notOpened: [ListenAddress]) {
        let written = settings.writtenListen
        let places = overriding(written)
        guard places != written else { return (settings, []) }
        guard settings.namesListeners else { return (settings.listening(at: places), []) }
        let notOpened = written.filter { listen in
            !places.contains { $0.address == listen.address && $0.transport == listen.transport }
        }
        return (settings.listening(at: places), notOpened)
    }

    /// What is spoken on a socket of a unit; nil for one that was kept.
    private static func transport(_ socket: Inherited) -> ListenAddress.Transport? {
        if socket.name.hasPrefix(keptMark) { return nil }
        return ListenAddress.Transport(rawValue: socket.name) ?? .plain
    }

    /// The socket for a worker that listens at a place; nil where it must be bound. Those of units are one for all workers.
    mutating func take(_ kind: SocketKind, _ listen: ListenAddress, _ options: ListenOptions) throws(SocketError) -> Listener? {
        let kept = Self.keptName(listen.transport, listen.address)
        func fits(_ socket: Inherited) -> Bool {
            socket.kind == kind && socket.address == listen.address
                && (socket.name == kept || Self.transport(socket) == listen.transport)
        }
        if let index = sockets.firstIndex(where: fits) {
            let socket = sockets.remove(at: index)
            if !socket.name.hasPrefix(Self.keptMark) { shared.append(socket) }
            return try Listener(adopting: socket.descriptor, options: options)
        }
        guard let socket = shared.first(where: fits) else { return nil }
        let copy = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw SocketError(errno: errno, call: "fcntl") }
        return try Listener(adopting: copy, options: options)
    }

    /// Whether a socket unit has opened this.
    func isOfUnit(_ listener: Listener) -> Bool {
        shared.contains { $0.kind == listener.kind && $0.address == listener.address }
    }

    /// Closes those that nobody has taken: the names of kept ones among them.
    mutating func closeOthers() -> Set<String> {
        var names: Set<String> = []
        for socket in sockets {
            Glibc.close(socket.descriptor)
            if socket.name.hasPrefix(Self.keptMark) { names.insert(socket.name) }
        }
        sockets = []
        return names
    }
}

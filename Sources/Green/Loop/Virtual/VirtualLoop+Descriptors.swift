internal import Glibc

extension VirtualLoop {
    /// As ``Loop`` says. Names are the host's own, and end with their listener.
    public func listen(path: String, backlog: Int32) throws(SocketError) -> Listener {
        world.check()
        guard host.paths[path] == nil else { throw .addressInUse }
        let listener = VirtualListener(host: host, local: .unnamed, backlog: Int(backlog))
        listener.path = path
        host.paths[path] = listener
        return Listener(descriptor: listener.number, kind: .stream, address: .unnamed, options: ListenOptions())
    }

    /// As ``Loop`` says.
    public func beginConnect(path: String) throws(SocketError) -> SocketHandle {
        world.check()
        return unsafe handle(ofConnecting: try world.connect(from: host, toPath: path))
    }

    /// A simulated world has no descriptors: throws ENOTSUP.
    public func watch(descriptor: Int32) throws(SocketError) -> SocketHandle {
        throw .system(errno: ENOTSUP, call: "watch")
    }

    /// As ``Loop`` says.
    public func poll(_ handle: SocketHandle) -> (readable: Bool, writable: Bool) {
        guard let stream = unsafe world.sockets[handle.pointee.descriptor] as? VirtualStream else { return (false, false) }
        return (stream.mayRead, stream.mayWrite)
    }
}

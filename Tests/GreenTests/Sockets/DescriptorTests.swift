import Glibc
import Green
import Testing

/// Descriptors that are handed over, options of sockets, and datagrams of any kind.
@Suite struct DescriptorTests {
    /// The ends of a pair of connected Unix sockets.
    private func pair(_ kind: __socket_type = SOCK_STREAM) -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, Int32(kind.rawValue), 0, &ends) == 0)
        return (ends[0], ends[1])
    }

    @Test func `a connection is taken over, and given away again`() throws {
        try onHub { hub throws in
            let (one, other) = pair()
            let first = try StreamSocket(adopting: one)
            let second = try StreamSocket(adopting: other)
            #expect(first.peer == .unnamed && first.descriptor == one)
            let reader = hub.spawn { try second.read(upTo: 10, until: hub.soon) }
            try yield()
            try first.write("hello")
            #expect(try reader.get() == Array("hello".utf8))
            let waiting = hub.spawn { try first.read(upTo: 10, until: hub.soon) }
            try yield()
            let given = try first.release()
            #expect(throws: SocketError.closed) { try waiting.get() }
            #expect(!first.isOpen && first.descriptor == nil)
            let again = try StreamSocket(adopting: given)
            try again.write("again")
            #expect(try second.read(upTo: 10, until: hub.soon) == Array("again".utf8))
        }
    }

    /// What a descriptor stands for; a number that was closed may be another test's at once.
    private func identity(_ descriptor: Int32) -> ino_t? {
        var facts = stat()
        return fstat(descriptor, &facts) == 0 ? facts.st_ino : nil
    }

    @Test func `what is no stream is not taken over, and closed`() throws {
        try onHub { _ throws in
            let (one, other) = pair(SOCK_DGRAM)
            let identity = identity(one)
            #expect(throws: SocketError.self) { try StreamSocket(adopting: one) }
            #expect(self.identity(one) != identity)
            #expect(throws: SocketError.self) { try StreamSocket(adopting: -1) }
            close(other)
        }
    }

    @Test func `what listens, is not connected, or comes in a simulated world is not taken over, and closed`() throws {
        try onHub { hub throws in
            let loose = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            #expect(listen(listening, 1) == 0)
            for descriptor in [loose, listening] {
                let identity = identity(descriptor)
                #expect(throws: SocketError.self) { try StreamSocket(adopting: descriptor) }
                #expect(self.identity(descriptor) != identity)
            }
        }
        try onHub(.simulated) { _ throws in
            let (one, other) = pair()
            #expect(throws: SocketError.system(errno: ENOTSUP, call: "adopt")) { try StreamSocket(adopting: one) }
            // The other end sees the end of what was closed; its number may be another's by now.
            var byte: UInt8 = 0
            #expect(recv(other, &byte, 1, Int32(MSG_DONTWAIT)) == 0)
            close(other)
        }
    }

    @Test func `options of sockets are set and read`() throws {
        try onHub { hub throws in
            let server = try serve(0) { _ in }
            let socket = try StreamSocket.connect(to: server.address, until: hub.soon)
            try socket.setOption(level: SOL_SOCKET, name: SO_KEEPALIVE, to: 1)
            #expect(try socket.option(level: SOL_SOCKET, name: SO_KEEPALIVE) == 1)
            #expect(throws: SocketError.self) { try socket.setOption(level: 9_999, name: 1, to: 1) }
            socket.close()
            #expect(throws: SocketError.self) { try socket.option(level: SOL_SOCKET, name: SO_KEEPALIVE) }
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `a datagram goes to whom it is for, at any length up to the longest`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let one = try DatagramSocket(boundTo: SocketAddress(.loopback, port: 0))
            let other = try DatagramSocket(boundTo: SocketAddress(.loopback, port: 0))
            for length in [0, 1, 4_096, 4_097, 65_507] {
                let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
                #expect(try one.send(bytes, to: other.localAddress!, until: hub.soon))
                let came = try #require(try other.receiveBytes(until: hub.soon))
                #expect(came.bytes == bytes && came.sender.address == one.localAddress)
            }
            // Cut, not refused.
            #expect(try one.send([1, 2, 3], to: other.localAddress!))
            #expect(try other.receiveBytes(upTo: 2, until: hub.soon)?.bytes == [1, 2])
            #expect(try other.receiveBytes(until: hub.loop.now() + .milliseconds(1)) == nil)
            // A batched one, and one by itself, in order.
            one.send(Datagram([7], to: other.localAddress!)!)
            #expect(try one.send([8], to: other.localAddress!))
            #expect(try other.receiveBytes(until: hub.soon)?.bytes == [7])
            #expect(try other.receiveBytes(until: hub.soon)?.bytes == [8])
            let waiting = hub.spawn { try other.receiveBytes() }
            try yield()
            other.close()
            #expect(throws: SocketError.closed) { try waiting.get() }
        }
    }

    @Test func `a datagram that is too long, or goes nowhere, is an error of who sends it`() throws {
        try onHub { hub throws in
            let socket = try DatagramSocket(boundTo: SocketAddress(.loopback, port: 0))
            #expect(throws: SocketError.system(errno: EMSGSIZE, call: "sendmmsg")) {
                try socket.send([UInt8](repeating: 0, count: 65_508), to: socket.localAddress!)
            }
            #expect(throws: SocketError.self) { try socket.send([1]) }
        }
    }

    @Test func `a group is joined and left`() throws {
        try onHub { hub throws in
            let group = IPAddress("239.255.7.7")!
            let loopback = UInt32(if_nametoindex("lo"))
            let listener = try DatagramSocket(boundTo: SocketAddress(.any, port: 0))
            let sender = try DatagramSocket(boundTo: SocketAddress(.loopback, port: 0))
            try listener.join(group, interface: loopback)
            try sender.sendToGroups(from: loopback, hops: 0)
            let place = SocketAddress(group, port: listener.localAddress!.port)
            #expect(try sender.send([1], to: place))
            #expect(try listener.receiveBytes(until: hub.soon)?.bytes == [1])
            try listener.leave(group, interface: loopback)
            #expect(throws: SocketError.self) { try listener.leave(group, interface: loopback) }
            #expect(throws: SocketError.self) { try listener.join(.loopback) }
        }
    }

    @Test func `messages go from one Unix socket to another, with who sent them`() throws {
        try onHub { hub throws in
            let (here, there) = ("/tmp/green-test-\(hub.loop.random())", "/tmp/green-test-\(hub.loop.random())")
            let one = try UnixDatagramSocket(path: here)
            let other = try UnixDatagramSocket(path: there, mode: 0o622)
            let nameless = try UnixDatagramSocket()
            var info = stat()
            #expect(stat(there, &info) == 0 && info.st_mode & 0o777 == 0o622)
            #expect(throws: SocketError.addressInUse) { try UnixDatagramSocket(path: here) }
            let long = [UInt8](repeating: 7, count: 60_000)
            let reader = hub.spawn { try other.receive(until: hub.soon) }
            try yield()
            #expect(try one.send(long, to: there, until: hub.soon))
            let came = try #require(try reader.get())
            #expect(came.bytes == long && came.sender == here)
            #expect(try nameless.send([1], to: there))
            #expect(try other.receive(until: hub.soon)?.sender == nil)
            // A receiver that takes nothing makes who sends wait.
            var sent = 0
            while try one.send([1], to: there, until: hub.loop.now()) { sent += 1 }
            #expect(sent > 0)
            other.close()
            #expect(stat(there, &info) == -1)
            #expect(throws: SocketError.notFound) { try one.send([1], to: there) }
            #expect { try one.send([1], to: "/tmp/\0") } throws: { "\($0)".hasPrefix("sendto: ") }
            one.close()
        }
    }
}

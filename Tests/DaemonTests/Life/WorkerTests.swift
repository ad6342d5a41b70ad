import DNSWire
import Green
import Logging
import TestSupport
import Testing

@testable import Daemon

/// The end of a worker, and the hosts file that changes under it.
@Suite struct WorkerTests {
    @Test func `a worker that finishes answers what is in flight, over UDP and TCP, and takes no more`() throws {
        try ServingWorld.run { world throws in
            world.upstream.delay = .milliseconds(800)
            let datagrams = (0..<20).map { id in world.hub.spawn { try world.ask(.query("u\(id).example.")) } }
            let client = try world.connect()
            for id in 0..<20 { try client.send(.query("t\(id).example.", id: UInt16(id))) }
            try sleep(.milliseconds(100))
            let start = world.hub.loop.now()
            try world.worker.finish()
            let took = start.duration(to: world.hub.loop.now())
            #expect(took > .milliseconds(600) && took < .seconds(1))
            for greenlet in datagrams { #expect(try greenlet.get()?.answers.count == 1) }
            for _ in 0..<20 { #expect(try client.answer()?.answers.count == 1) }
            #expect(throws: SocketError.self) { try world.connect() }
        }
    }

    @Test func `a worker waits two seconds at most for what does not come`() throws {
        try ServingWorld.run { world throws in
            world.upstream.answer = { _ in nil }
            let asking = world.hub.spawn { try world.ask(.query("www.example.")) }
            try sleep(.milliseconds(100))
            let start = world.hub.loop.now()
            try world.worker.finish()
            let took = start.duration(to: world.hub.loop.now())
            #expect(took >= .seconds(2) && took < .milliseconds(2100))
            asking.kill()
        }
    }

    @Test func `a worker that finishes serves what its sockets have received, however much`() throws {
        try ServingWorld.run { world throws in
            _ = try world.ask(.query("www.example."))
            // A thousand at the same moment, which is that of the end.
            let latency = Duration.milliseconds(1)
            let link = LinkConditions(latency: latency...latency)
            world.world.setConditions(link, between: world.world.host, and: world.world.host)
            let socket = try DatagramSocket(connectedTo: ServingWorld.address)
            for id in 0..<1000 {
                guard var datagram = Datagram(hub: world.hub) else { throw SocketError.closed }
                datagram.fill(Message.query("www.example.", id: UInt16(id)).wire)
                socket.send(datagram)
            }
            try world.hub.yield()
            try sleep(latency)
            try world.worker.finish()
            var answered = Set<UInt16>()
            let end = world.hub.loop.now().advanced(by: .seconds(1))
            while answered.count < 1000, world.hub.loop.now() < end {
                _ = try socket.receive(until: end) { answered.insert(($0.bytes).loadUInt16(at: 0)) }
            }
            #expect(answered.count == 1000)
        }
    }

    @Test func `a worker without queries ends at once`() throws {
        try ServingWorld.run { world throws in
            _ = try world.ask(.query("www.example."))
            let start = world.hub.loop.now()
            try world.worker.finish()
            #expect(start.duration(to: world.hub.loop.now()) < .milliseconds(10))
        }
    }

    @Test func `a hosts file is read again when it changes, and its last content stays when it cannot be`() throws {
        let world = VirtualWorld(seed: 3)
        try world.run { hub throws in
            let (path, files) = ("/etc/hosts", world.host.files)
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            #expect(try HostsWatch(path, log: log).table == nil)
            files.write(path, "192.0.2.1 one")
            var watch = try HostsWatch(path, log: log)
            #expect(watch.table?.count == 2)
            #expect(try !watch.refresh())
            files.write(path, "192.0.2.1 one\n192.0.2.2 two")
            #expect(try watch.refresh())
            #expect(watch.table?.count == 4)
            #expect(try !watch.refresh())
            files.remove(path)
            #expect(try !watch.refresh())
            #expect(watch.table?.count == 4)
            files.write(path, "192.0.2.3 three")
            files.setFailure(.permissionDenied, of: path)
            #expect(try !watch.refresh())
            #expect(watch.table?.count == 4)
            files.write(path, "rubbish \u{0} \n192.0.2.3 three\n999.1.1.1 four")
            #expect(try watch.refresh())
            #expect(watch.table?.count == 2)
        }
    }
}

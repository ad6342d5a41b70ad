import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// Clients on TCP, polite and otherwise.
    @Suite struct StreamTests {
        @Test func `queries on one connection are answered as their answers come, not in order`() throws {
            let slow = try FakeUpstream(delay: .milliseconds(400))
            let fast = try FakeUpstream()
            let vireo = try VireoServer(
                upstreams: [fast.address], "forward: [{domain: slow.example, upstreams: [\"\(slow.address)\"]}]")
            let connection = try TCPConnection(to: vireo.port)
            let names = ["a.slow.example.", "b.fast.example.", "c.slow.example.", "d.fast.example."]
            for (id, name) in names.enumerated() {
                connection.send(try Message.query(name, .a, id: UInt16(id)).encoded())
            }
            var order: [UInt16] = []
            while order.count < 4, let reply = connection.receive(within: .seconds(5)) {
                order.append(try Message(reply.span).id)
            }
            #expect(Set(order.prefix(2)) == [1, 3])
            #expect(Set(order.suffix(2)) == [0, 2])
        }

        @Test func `a client that has finished sending still gets its answers`() throws {
            let upstream = try FakeUpstream(delay: .milliseconds(200))
            let vireo = try VireoServer(upstreams: [upstream.address])
            let connection = try TCPConnection(to: vireo.port)
            connection.send(try Message.query("a.example.", .a, id: 1).encoded())
            connection.send(try Message.query("b.example.", .a, id: 2).encoded())
            connection.finishSending()
            #expect(connection.receive(within: .seconds(5)) != nil)
            #expect(connection.receive(within: .seconds(5)) != nil)
            #expect(connection.isClosed(within: .seconds(5)))
        }

        @Test func `a message in single bytes is put together`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address])
            let connection = try TCPConnection(to: vireo.port)
            let message = try Message.query("a.example.", .a).encoded()
            for byte in [UInt8(0), UInt8(message.count)] + message { connection.sendRaw([byte]) }
            #expect(connection.receive(within: .seconds(5)) != nil)
        }

        @Test func `a client that never reads hurts nobody else`() throws {
            let nsd = try NSDServer()
            let vireo = try VireoServer(upstreams: [nsd.address], "workers: 1")
            let query = try Message.query(".", .dnskey, edns: EDNS(dnssecOK: true)).encoded()
            _ = try vireo.client.exchange(query, over: .tcp)
            let greedy = try (0..<20).map { _ in try TCPConnection(to: vireo.port) }
            let batch = (0..<200).flatMap { _ in [UInt8(0), UInt8(query.count)] + query }
            for connection in greedy { connection.sendRaw(batch) }
            for _ in 0..<200 {
                #expect(try vireo.client.exchange(query, within: .seconds(1)) != nil)
            }
            #expect(try vireo.client.exchange(query, over: .tcp, within: .seconds(2)) != nil)
            withExtendedLifetime(greedy) {}
        }

        @Test func `rubbish and lengths that lie end the connection and nothing else`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address])
            let short = try TCPConnection(to: vireo.port)
            short.sendRaw([0, 3, 1, 2, 3])
            short.finishSending()
            #expect(short.isClosed(within: .seconds(5)))
            let partial = try TCPConnection(to: vireo.port)
            partial.sendRaw([0xFF, 0xFF, 1, 2, 3])
            partial.finishSending()
            #expect(partial.isClosed(within: .seconds(5)))
            #expect(try vireo.ask("a.example.", .a, over: .tcp).answers.count == 1)
        }
    }
}

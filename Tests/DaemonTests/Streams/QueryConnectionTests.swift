import DNSWire
import Green
import TestSupport
import Testing

@testable import Daemon

/// One client on TCP: polite, impatient, slow, half gone or hostile.
@Suite struct QueryConnectionTests {
    @Test func `answers leave as they are known, not in the order of the questions`() throws {
        try ServingWorld.run { world throws in
            world.upstream.delay = .milliseconds(100)
            _ = try world.ask(.query("known.example."))
            let client = try world.connect()
            for (id, name) in ["new.example.", "known.example.", "version.bind.", "known.example."].enumerated() {
                try client.send(.query(name, id: UInt16(id)))
            }
            var order: [UInt16] = []
            while order.count < 4, let answer = try client.answer() { order.append(answer.id) }
            #expect(order.first == 1 && Set(order) == [0, 1, 2, 3] && order.firstIndex(of: 0)! >= 2)
        }
    }

    @Test func `a message that comes byte by byte is put together`() throws {
        try ServingWorld.run { world throws in
            let client = try world.connect()
            for name in ["a.example.", "b.example."] {
                let bytes = Message.query(name).wire
                for byte in [0, UInt8(bytes.count)] + bytes {
                    try client.write([byte])
                    try sleep(.milliseconds(1))
                }
                #expect(try client.answer()?.answers.count == 1)
            }
        }
    }

    @Test func `messages cut anywhere, several in a piece, are all answered`() throws {
        try ServingWorld.run { world throws in
            _ = try world.ask(.query("known.example."))
            for size in [1, 2, 3, 7, 13, 14, 15, 16, 31, 64, 100, 1000] {
                let client = try world.connect()
                let bytes: [UInt8] = (0..<20).flatMap { id in
                    let wire = Message.query("known.example.", id: UInt16(id)).wire
                    return [0, UInt8(wire.count)] + wire
                }
                for start in stride(from: 0, to: bytes.count, by: size) {
                    try client.write(Array(bytes[start..<min(start + size, bytes.count)]))
                    try sleep(.milliseconds(1))
                }
                let ids = try (0..<20).map { _ in try client.answer()?.id }
                #expect(ids == (0..<20).map { UInt16($0) })
                client.close()
            }
        }
    }

    @Test func `a client that has said all still gets all its answers, then the end`() throws {
        try ServingWorld.run { world throws in
            world.upstream.delay = .milliseconds(300)
            let client = try world.connect()
            for id in 0..<10 { try client.send(.query("n\(id).example.", id: UInt16(id))) }
            client.shutdownWrite()
            var ids: Set<UInt16> = []
            while let answer = try client.answer() { ids.insert(answer.id) }
            #expect(ids == Set(0..<10))
        }
    }

    @Test func `a half-closed client that reads slowly gets every byte of what it is owed`() throws {
        try ServingWorld.run { world throws in
            world.world.loopback.streamWindow = 8_000
            world.upstream.answer = { .address($0, count: 500) }
            let client = try world.connect()
            for id in 0..<30 { try client.send(.query("large.example.", id: UInt16(id))) }
            client.shutdownWrite()
            var count = 0
            while let answer = try client.answer() {
                #expect(answer.answers.count == 500)
                count += 1
                try sleep(.milliseconds(50))
            }
            #expect(count == 30)
        }
    }

    @Test func `one that asks for much and reads it all gets it all, though it says no more`() throws {
        try ServingWorld.run { world throws in
            world.upstream.answer = { .address($0, count: 4_000) }
            let client = try world.connect()
            let wire = Message.query("large.example.").wire
            try client.write((0..<20).flatMap { _ in [0, UInt8(wire.count)] + wire } as [UInt8])
            for _ in 0..<20 { #expect(try client.answer()?.answers.count == 4_000) }
        }
    }

    @Test func `answers that were waited for are written only when there is room for them`() throws {
        try ServingWorld.run { world throws in
            world.world.loopback.streamWindow = 8_000
            // Not kept, so that each question waits for the flight.
            world.upstream.answer = { .address($0, ttl: 0, count: 4_000) }
            world.upstream.delay = .milliseconds(100)
            let greenlets = world.hub.greenletCount
            let clients = try (0..<6).map { _ in try world.connect() }
            let wire = Message.query("large.example.").wire
            let batch = (0..<QueryConnection.mostWaiting).flatMap { _ in [0, UInt8(wire.count)] + wire } as [UInt8]
            for client in clients { try client.write(batch) }
            try sleep(.seconds(2))
            let places = world.worker.places
            #expect(places.heldBytes > 0 && places.heldBytes <= 6 * (64 << 10 + 2 * 65_537))
            // For each client one that reads and one that writes, and some of the upstream's.
            #expect(world.hub.greenletCount <= greenlets + 30, "\(world.hub.greenletCount)")
            for _ in 0..<QueryConnection.mostWaiting { #expect(try clients[0].readMessage()?.count ?? 0 > 64_000) }
            try sleep(.seconds(20))
            #expect(places.heldBytes == 0 && places.count == 0)
        }
    }

    @Test func `answers that were found and nobody takes are bounded in bytes, whatever they are to`() throws {
        try ServingWorld.run { world throws in
            world.world.loopback.streamWindow = 8_000
            world.upstream.answer = { query in
                // Of few records, for there are hundreds of answers.
                var reply = Message.reply(to: query)
                reply.answers = (0..<16).map { (number: UInt8) in
                    let strings = [[number]] + [[UInt8]](repeating: [UInt8](repeating: 0x61, count: 250), count: 15)
                    return ResourceRecord(query.questions[0].name, ttl: 0, .txt(.init(strings: strings)))
                }
                return reply
            }
            let clients = try (0..<6).map { _ in try world.connect() }
            for (number, client) in clients.enumerated() {
                for name in 0..<QueryConnection.mostWaiting { try client.send(.query("n\(name).c\(number).example.", .txt)) }
            }
            var most = 0
            for _ in 0..<200 {
                try sleep(.milliseconds(10))
                most = max(most, world.worker.places.heldBytes)
            }
            // Six times 128 answers of 60 KB are 45 MiB.
            #expect(most > 1 << 20 && most <= StreamPlaces.mostHeld, "\(most)")
            #expect(world.worker.places.closedCount + world.worker.places.refusedCount > 0)
        }
    }

    @Test func `a client that never reads is let go, and is not sent more than fits; others do not notice`() throws {
        try ServingWorld.run { world throws in
            world.world.loopback.streamWindow = 8_000
            world.upstream.answer = { .address($0, count: 500) }
            _ = try world.ask(.query("large.example."))
            let greedy = try world.connect()
            let wire = Message.query("large.example.").wire
            let batch = (0..<2_000).flatMap { _ in [0, UInt8(wire.count)] + wire } as [UInt8]
            let writer = world.hub.spawn { try? greedy.write(batch) }
            try sleep(.seconds(1))
            let polite = try world.connect()
            for id in 0..<100 {
                try polite.send(.query("large.example.", id: UInt16(id)))
                #expect(try polite.answer()?.id == UInt16(id))
            }
            try sleep(.seconds(6))
            // What it was sent is bounded; then it is let go.
            var got = 0
            while case let bytes = (try? greedy.read(upTo: 65_536, until: world.soon)) ?? [], !bytes.isEmpty {
                got += bytes.count
            }
            #expect(got < 200_000)
            try writer.join()
        }
    }

    @Test func `a client is not taken more questions from than may wait`() throws {
        try ServingWorld.run { world throws in
            world.upstream.delay = .milliseconds(500)
            let client = try world.connect()
            for id in 0..<1_000 { try client.send(.query("n\(id).example.", id: UInt16(id))) }
            try sleep(.milliseconds(300))
            #expect(world.upstream.count == QueryConnection.mostWaiting)
            var ids: Set<UInt16> = []
            while ids.count < 1_000, let answer = try client.answer() { ids.insert(answer.id) }
            #expect(ids.count == 1_000)
        }
    }

    @Test func `an idle client is let go after ten seconds, one that is owed an answer is not`() throws {
        try ServingWorld.run { world throws in
            let idle = try world.connect()
            let asking = try world.connect()
            try sleep(.seconds(8))
            world.upstream.delay = .milliseconds(4_500)
            try asking.send(.query("slow.example."))
            #expect(idle.isEnded(within: .seconds(3)))
            #expect(try asking.answer() != nil)
            #expect(!asking.isEnded(within: .seconds(8)))
            #expect(asking.isEnded(within: .seconds(3)))
        }
    }

    @Test func `single bytes do not keep a connection open`() throws {
        try ServingWorld.run { world throws in
            let client = try world.connect()
            try client.write([1, 0])
            var seconds = 0
            while seconds < 60, !client.isEnded(within: .seconds(1)) {
                try? client.write([0])
                seconds += 1
            }
            #expect(seconds < 12)
        }
    }

    @Test(arguments: [[0, 0], [0, 11], [0, 1, 0], [0, 3, 1, 2, 3]] as [[UInt8]])
    func `what cannot be a message ends the connection`(_ bytes: [UInt8]) throws {
        try ServingWorld.run { world throws in
            let client = try world.connect()
            try client.write(bytes)
            #expect(client.isEnded(within: .seconds(1)))
            #expect(try world.ask(.query("www.example.")) != nil)
        }
    }

    @Test func `a message of 64 KiB of rubbish gets FORMERR, and the next its answer`() throws {
        try ServingWorld.run { world throws in
            let client = try world.connect()
            var rubbish = [UInt8](repeating: 0xAB, count: 65_535)
            rubbish[2] = 0
            rubbish[3] = 0
            try client.writeMessage(rubbish)
            #expect(try client.answer()?.responseCode == .formErr)
            try client.send(.query("www.example."))
            #expect(try client.answer()?.answers.count == 1)
        }
    }

    @Test func `a client that goes away does not end the flight that it began and another joined`() throws {
        try ServingWorld.run { world throws in
            world.upstream.delay = .milliseconds(300)
            let first = try world.connect()
            try first.send(.query("www.example."))
            try sleep(.milliseconds(50))
            let second = try world.connect()
            try second.send(.query("www.example."))
            let third = world.hub.spawn { try world.ask(.query("www.example.")) }
            try sleep(.milliseconds(50))
            first.close()
            #expect(try second.answer()?.answers.count == 1)
            #expect(try third.get()?.answers.count == 1)
            #expect(world.upstream.count == 1)
        }
    }

    @Test func `clients that break off while they are owed answers leave nothing behind`() throws {
        try ServingWorld.run { world throws in
            world.upstream.delay = .milliseconds(300)
            let before = world.hub.greenletCount
            for round in 0..<50 {
                let client = try world.connect()
                for id in 0..<5 { try client.send(.query("n\(round)-\(id).example.")) }
                try sleep(.milliseconds(round % 5))
                client.close()
            }
            try sleep(.seconds(12))
            // The upstream's sockets keep a greenlet or two each.
            #expect(world.hub.greenletCount < before + 20, "\(world.hub.describeGreenlets())")
            #expect(world.worker.resolver.waitingCount == 0)
        }
    }
}

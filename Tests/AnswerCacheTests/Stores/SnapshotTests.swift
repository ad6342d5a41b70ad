import Belief
import DNSWire
import TestSupport
import Testing

@testable import AnswerCache

@Suite struct SnapshotTests {
    /// The time by both clocks at which snapshots of these tests are written.
    private static let written = SnapshotMoment(wallSeconds: 1_800_000_000, boot: BootSeconds(rawValue: 1000))

    /// A cache with some answers of all kinds, stored at 900.
    private func filled() throws -> TestClient {
        let client = try TestClient()
        for number in 0..<500 { client.store(.addresses("n\(number).example", ttls: [300]), at: 900, upstream: 3) }
        client.store(.negative("no.example", rcode: .nxDomain, zone: "example", soaTTL: 300, minimum: 300), at: 900)
        client.store(.addresses("secure.example", ttls: [300]), dnssecOK: true, checkingDisabled: true, at: 900)
        client.store(.benchmark("m1.bench.example"), at: 900)
        client.store(.addresses("over.example", ttls: [50]), at: 900)
        return client
    }

    /// A cache's snapshot.
    private func snapshot(
        _ client: TestClient, upstreams: [UInt16: String] = [1: "192.0.2.1:53", 3: "tcp://192.0.2.3:53"]
    ) -> [UInt8] {
        var writer = SnapshotWriter(client.cache, at: Self.written, upstreams: upstreams)
        var bytes: [UInt8] = []
        while let piece = writer.nextPiece() { bytes += piece }
        return bytes
    }

    /// Loads a snapshot some seconds after it was written, on a machine that was started since.
    private func load(
        _ bytes: [UInt8], into client: TestClient, after seconds: Int64 = 0, boot: UInt32 = 20, parts: Int = 1
    ) throws -> SnapshotReader.Outcome {
        let moment = SnapshotMoment(wallSeconds: Self.written.wallSeconds + seconds, boot: BootSeconds(rawValue: boot))
        let reader = SnapshotReader(into: client.cache, at: moment) { offset, count in
            Array(bytes.dropFirst(offset).prefix(count))
        }
        let loads = try reader.parts(parts) { ["192.0.2.1:53": 11, "tcp://192.0.2.3:53": 13][$0] }
        return try loads.map { try $0.load() }.reduce(SnapshotReader.Outcome(), +)
    }

    @Test func `what was kept is there again, older by the time between, on a machine that has just started`() throws {
        let bytes = snapshot(try filled())
        let client = try TestClient()
        let outcome = try load(bytes, into: client, after: 40)
        #expect(outcome == SnapshotReader.Outcome(loaded: 503, expired: 0, refused: 0))
        for number in 0..<500 {
            let answer = try #require(try client.ask("n\(number).example", at: 20))
            #expect(answer.ttls == [160])
            #expect(answer.stored.upstream == 13)
            #expect(answer.records[0].rdata == [192, 0, 2, 1])
        }
        #expect(try client.ask("no.example", at: 21)?.stored.isNegative == true)
        #expect(try client.ask("secure.example", dnssecOK: true, checkingDisabled: true, at: 21)?.ttls == [159])
        #expect(try client.ask("secure.example", at: 21) == nil)
        #expect(try client.ask("m1.bench.example", at: 21)?.records.count == 1)
        #expect(try client.ask("n1.example", at: 180) == nil)
    }

    @Test(arguments: [0, 1, Int64.max])
    func `the epoch of the last flush is there again`(_ epoch: Int64) throws {
        var writer = SnapshotWriter(try filled().cache, at: Self.written, epoch: epoch, upstreams: [1: "192.0.2.1:53"])
        var bytes: [UInt8] = []
        while let piece = writer.nextPiece() { bytes += piece }
        let reader = SnapshotReader(into: try TestClient().cache, at: Self.written) { [bytes] in
            Array(bytes.dropFirst($0).prefix($1))
        }
        var names: [String] = []
        let parts = try reader.parts(2) { name in
            names.append(name)
            return 1
        }
        #expect(parts.map(\.epoch) == [epoch, epoch])
        #expect(names == ["192.0.2.1:53"])
    }

    @Test(arguments: [1, 2, 3, 4, 16, 100])
    func `parts come to the whole, however many there are`(_ parts: Int) throws {
        let names = Sanitizer.rounds(5000)
        let source = try TestClient(sizeBytes: 4 << 20)
        for number in 0..<names { source.store(.addresses("n\(number).example", ttls: [300]), at: 900) }
        let client = try TestClient(sizeBytes: 4 << 20)
        #expect(try load(snapshot(source), into: client, parts: parts).loaded == names)
        for number in 0..<names { #expect(try client.ask("n\(number).example", at: 21) != nil) }
    }

    @Test func `the next run lets go of what came first, first`() throws {
        let source = try TestClient(sizeBytes: 1 << 20)
        for number in 0..<1000 { source.store(.addresses("n\(number).example", ttls: [300]), at: 900) }
        // Used, and so to be kept when memory is needed.
        for number in 0..<50 { _ = try source.ask("n\(number).example", at: 901) }
        let client = try TestClient(sizeBytes: 64 << 10)
        _ = try load(snapshot(source), into: client)
        let kept = try (0..<1000).filter { try client.ask("n\($0).example", at: 21) != nil }
        #expect(kept.starts(with: 0..<50))
        #expect(kept.dropFirst(50).allSatisfy { $0 > 500 })
    }

    @Test func `an answer that is refreshed while the snapshot is written is as new as it was then`() throws {
        let source = try TestClient(sizeBytes: 1 << 20)
        for number in 0..<2000 { source.store(.addresses("n\(number).example", ttls: [300]), at: 900) }
        var writer = SnapshotWriter(source.cache, at: Self.written, upstreams: [:])
        var bytes: [UInt8] = []
        var steps = 0
        while let piece = writer.nextPiece({
            steps += 1
            if steps == 3 {
                for number in 0..<2000 { source.store(.addresses("n\(number).example", ttls: [500]), at: 1000) }
            }
        }) { bytes += piece }
        let client = try TestClient()
        _ = try load(bytes, into: client)
        #expect(client.cache.statistics.entries == 2000)
        for number in 0..<2000 { #expect(try client.ask("n\(number).example", at: 21)?.ttls == [499]) }
    }

    @Test func `a flush while the snapshot is written ends it well`() throws {
        let source = try TestClient(sizeBytes: 1 << 20)
        for number in 0..<2000 { source.store(.addresses("n\(number).example", ttls: [300]), at: 900) }
        var writer = SnapshotWriter(source.cache, at: Self.written, upstreams: [:])
        var bytes: [UInt8] = []
        var steps = 0
        while let piece = try writer.nextPiece({
            steps += 1
            if steps == 3 { try source.cache.removeAll() }
        }) { bytes += piece }
        let loaded = try load(bytes, into: try TestClient()).loaded
        #expect(loaded > 0 && loaded < 2000)
    }

    @Test func `no lock is held for more than some thousand bytes, however long the answers are`() throws {
        let client = try TestClient(sizeBytes: 64 << 20)
        for number in 0..<300 {
            var reply = TestReply(name: "long\(number).example", type: .txt)
            for _ in 0..<200 { reply.add(.answer, "@", .txt, 300, [200] + [UInt8](repeating: 65, count: 200)) }
            client.store(reply, at: 900)
            for other in 0..<30 { client.store(.addresses("n\(number * 100 + other).example", ttls: [300]), at: 900) }
        }
        let longest = 200 * 220
        var cursor = SnapshotCursor()
        var output: [UInt8] = []
        output.reserveCapacity(32 << 20)
        var total = 0
        while true {
            let before = output.count
            guard let count = client.cache.writeSnapshot(of: &cursor, at: Self.written, to: &output) else { break }
            total += count
            #expect(count <= Shard.writtenInAStep)
            // As many bytes as so many usual entries have, and the one that is begun is ended.
            #expect(output.count - before < Shard.writtenInAStep * 4 * 64 + longest)
        }
        #expect(total == 300 * 31)
        var walk = WalkCursor()
        while let entries = client.cache.walk(&walk, at: BootSeconds(rawValue: 1000)) {
            #expect(entries.reduce(0) { $0 + $1.records.count } < 64 * 4 * 64 + 2 * longest)
        }
    }

    @Test func `what has run out meanwhile is left out`() throws {
        let client = try TestClient()
        #expect(try load(snapshot(try filled()), into: client, after: 300).expired == 502)
        #expect(client.cache.statistics.entries == 1)
    }

    @Test func `what has run out by the time it is written is not written`() throws {
        let source = try filled()
        let later = SnapshotMoment(wallSeconds: Self.written.wallSeconds + 200, boot: BootSeconds(rawValue: 1200))
        for (moment, count) in [(Self.written, 503), (later, 1)] {
            var writer = SnapshotWriter(source.cache, at: moment, upstreams: [:])
            while writer.nextPiece() != nil {}
            #expect(writer.count == count)
        }
    }

    @Test func `what may be given out stale is kept for that`() throws {
        let client = try TestClient()
        client.cache.staleSeconds = 3600
        #expect(try load(snapshot(try filled()), into: client, after: 300).loaded == 503)
        #expect(client.cache.staleStanding(of: client.key("n1.example"), at: BootSeconds(rawValue: 20)) == .refreshable)
    }

    @Test func `what may not become stale still may not`() throws {
        let source = try TestClient()
        var limits = TTLLimits()
        limits.mayBecomeStale = false
        source.store(.addresses("never.example", ttls: [300]), at: 900, limits: limits)
        source.store(.addresses("stale.example", ttls: [300]), at: 900)
        let client = try TestClient()
        client.cache.staleSeconds = 3600
        #expect(try load(snapshot(source), into: client).loaded == 2)
        let later = BootSeconds(rawValue: 400)
        #expect(client.cache.staleStanding(of: client.key("never.example"), at: later) == .nothing)
        #expect(client.cache.staleStanding(of: client.key("stale.example"), at: later) == .refreshable)
    }

    @Test func `failures are not written`() throws {
        let source = try TestClient()
        source.cache.storeFailure(
            source.key("a.example"), .servFail, from: Provenance(upstream: 1, transport: .udp), at: BootSeconds(rawValue: 1000))
        let client = try TestClient()
        #expect(try load(snapshot(source), into: client) == SnapshotReader.Outcome())
    }

    @Test func `an upstream that is no more is nobody`() throws {
        let client = try TestClient()
        _ = try load(snapshot(try filled(), upstreams: [3: "192.0.2.99:53"]), into: client)
        #expect(try client.ask("n1.example", at: 20)?.stored.upstream == .max)
    }

    @Test func `a file cut short at any place is left out as a whole`() throws {
        let bytes = snapshot(try filled())
        for length in Array(0..<200) + (0..<200).map({ bytes.count - 1 - $0 * 37 }) {
            let client = try TestClient()
            #expect(throws: SnapshotError.self) { try load(Array(bytes.prefix(length)), into: client) }
            #expect(client.cache.statistics.entries == 0)
        }
        #expect(throws: SnapshotError.self) { try load(bytes + [0], into: try TestClient()) }
    }

    @Test func `a file with any bit turned is left out as a whole`() throws {
        let bytes = snapshot(try filled())
        var numbers = SeededNumbers(seed: 9)
        for _ in 0..<500 {
            var spoiled = bytes
            spoiled[Int.random(in: 0..<bytes.count, using: &numbers)] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
            let client = try TestClient()
            #expect(throws: SnapshotError.self) { try load(spoiled, into: client) }
            #expect(client.cache.statistics.entries == 0)
        }
    }

    @Test func `another version, another file, and a clock that went wrong are named`() throws {
        var bytes = snapshot(try filled())
        #expect(throws: SnapshotError.fromTheFuture) { try load(bytes, into: try TestClient(), after: -61) }
        #expect(throws: SnapshotError.notASnapshot) { try load(Array("hello".utf8), into: try TestClient()) }
        bytes[8] = 1
        #expect(throws: SnapshotError.otherVersion(1)) { try load(bytes, into: try TestClient()) }
    }

    @Test func `entries that somebody has made up are refused, and what is taken can be asked for`() throws {
        let source = try TestClient()
        for number in 0..<20 { source.store(.benchmark("m\(number).bench.example"), at: 900) }
        let whole = snapshot(source)
        let first = 12 + 12 + Int(whole.span.number(at: 12, UInt32.self))
        let length = Int(whole.span.number(at: first, UInt32.self))
        let count = Int(whole.span.number(at: first + 4, UInt32.self))
        var numbers = SeededNumbers(seed: 4)
        for _ in 0..<Sanitizer.rounds(5_000) {
            var payload = Array(whole[first + 12..<first + 12 + length])
            for _ in 0..<Int.random(in: 1...8, using: &numbers) {
                payload[Int.random(in: 0..<length, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
            }
            let blocks = SnapshotFormat.block(payload, count: count) + SnapshotFormat.block([], count: count)
            let forged = Array(whole[..<first]) + blocks
            let client = try TestClient()
            let outcome = try load(forged, into: client)
            #expect(outcome.loaded + outcome.expired + outcome.refused == count)
            var cursor = WalkCursor()
            while let entries = client.cache.walk(&cursor, at: BootSeconds(rawValue: 20)) {
                for entry in entries {
                    let message = entry.message()
                    #expect(throws: Never.self) { try TestClient.records(of: message) }
                }
            }
        }
    }

    @Test func `the checksum is the one that others compute`() {
        var checksum = Checksum()
        let text = Array("123456789".utf8)
        checksum.add(text.span)
        #expect(checksum.value == 0xE306_9283)
        var zeros = Checksum()
        let block = [UInt8](repeating: 0, count: 32)
        zeros.add(block.span.extracting(0..<5))
        zeros.add(block.span.extracting(5..<32))
        #expect(zeros.value == 0x8A91_36AA)
    }
}

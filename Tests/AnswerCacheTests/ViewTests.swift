import DNSWire
import TestSupport
import Testing

@testable import AnswerCache

/// Views in the cache's keys: what tells them apart, in the memory, in a snapshot, and in Redis.
@Suite struct ViewTests {
    private static func view(_ name: String) throws -> ViewNumber {
        try #require(ViewDirectory.shared.number(of: ViewIdentity([name], shown: [name])))
    }

    /// Keeps an answer under a question's key in a view.
    private func store(_ client: TestClient, _ name: String, in view: ViewNumber, upstream: UInt16) {
        let reply = TestReply.addresses(name, ttls: [300])
        let key = client.key(name).inView(view, seed: client.cache.seed)
        client.cache.store(
            key, reply: reply.bytes, from: Provenance(upstream: upstream, transport: .udp), at: BootSeconds(rawValue: 900),
            limits: nil)
    }

    /// The upstream of what is kept for a question in a view.
    private func upstream(_ client: TestClient, _ name: String, in view: ViewNumber, at now: UInt32 = 901) -> UInt16? {
        var query = QueryView()
        let bytes = TestClient.query(name, .a, dnssecOK: false, checkingDisabled: false)
        #expect(query.read(bytes.span, seed: client.cache.seed) == .query)
        query.enter(view, seed: client.cache.seed)
        var buffer = bytes + [UInt8](repeating: 0, count: 1000)
        var span = buffer.mutableSpan
        guard case .hit(let answer) = client.cache.answer(&query, at: BootSeconds(rawValue: now), into: &span, at: bytes.count)
        else { return nil }
        return answer.upstream
    }

    @Test func `a view's key is its own, for all types and with DO as well, and the general view's stays as it was`() throws {
        let client = try TestClient()
        let view = try Self.view("a")
        let key = client.key("www.example")
        let own = client.key("www.example").inView(view, seed: client.cache.seed)
        #expect(own.hash != key.hash && own.viewNumber == view)
        #expect(client.key("www.example").inView(.general, seed: client.cache.seed).hash == key.hash)
        for other in [own.forAllTypes(seed: client.cache.seed), own.withOtherDO(seed: client.cache.seed)] {
            #expect(other.viewNumber == view)
            let general = CacheKey(other.name, other.type, .internet, flags: other.flags, seed: client.cache.seed)
            #expect(other.hash == general.inView(view, seed: client.cache.seed).hash)
        }
    }

    @Test func `the same servers make the same view, in whatever order, and other facts another`() {
        let one = ViewIdentity(["a", "b"], shown: ["a", "b"])
        #expect(one.id == ViewIdentity(["b", "a", "a"], shown: ["b", "a"]).id)
        let others = [["a"], ["b"], ["ab"], ["a", "c"], ["a b"], []].map { ViewIdentity($0, shown: []).id }
        #expect(Set(others + [one.id, 0]).count == 8)
        // Written down: Redis and snapshots of other machines and versions have it.
        let known: UInt64 = 0x3BE158F8_7A0D15BA
        #expect(ViewIdentity(["udp 192.0.2.1 53 "], shown: []).id == known)
    }

    @Test func `numbers are given once, and no more than there are`() throws {
        let directory = ViewDirectory(limit: 2)
        let numbers = ["a", "b", "c", "a"].map { directory.number(of: ViewIdentity([$0], shown: [$0])) }
        #expect(
            numbers[0] != nil && numbers[1] != nil && numbers[0] != numbers[1] && numbers[2] == nil && numbers[3] == numbers[0])
        #expect(directory.numbers.count == 3 && !directory.numbers.contains(.none))
        #expect(directory.number(ofID: 0) == .general && directory.identity(of: .general) == nil)
    }

    @Test func `a snapshot keeps views apart, by whom they ask and not by their numbers, and drops one that is no more`() throws {
        let (one, two) = (try Self.view("snapshot one"), try Self.view("snapshot two"))
        let client = try TestClient()
        for (view, upstream) in [(ViewNumber.general, UInt16(1)), (one, 2), (two, 3)] {
            store(client, "www.example", in: view, upstream: upstream)
        }
        let moment = SnapshotMoment(wallSeconds: 1_800_000_000, boot: BootSeconds(rawValue: 900))
        var writer = SnapshotWriter(client.cache, at: moment, upstreams: [1: "1", 2: "2", 3: "3"])
        var bytes: [UInt8] = []
        while let piece = writer.nextPiece() { bytes += piece }
        // As another run would have written it: the two have each other's numbers, and a third one is unknown here.
        let places = [(one, two), (two, one)].map { view, other in
            (place(of: view, in: bytes), ViewDirectory.shared.identity(of: other)!.id)
        }
        for (place, id) in places { write(id, at: try #require(place), in: &bytes) }
        seal(&bytes)
        let other = try TestClient()
        #expect(try load(bytes, into: other, moment) == SnapshotReader.Outcome(loaded: 3))
        #expect(upstream(other, "www.example", in: .general) == 1)
        #expect(upstream(other, "www.example", in: two) == 2 && upstream(other, "www.example", in: one) == 3)
        write(0x1234, at: try #require(places[0].0), in: &bytes)
        seal(&bytes)
        let third = try TestClient()
        #expect(try load(bytes, into: third, moment) == SnapshotReader.Outcome(loaded: 2, expired: 1))
        #expect(upstream(third, "www.example", in: two) == nil && upstream(third, "www.example", in: .general) == 1)
        // No view becomes the general one.
        write(0, at: try #require(places[0].0), in: &bytes)
        seal(&bytes)
        #expect(throws: SnapshotError.self) { try load(bytes, into: try TestClient(), moment) }
    }

    /// Where the id of a view stands in a snapshot's first block.
    private func place(of view: ViewNumber, in bytes: [UInt8]) -> Int? {
        let count = Int(bytes[40]) | Int(bytes[41]) << 8
        return (0..<count).map { 42 + 10 * $0 }.first {
            bytes[$0] == UInt8(view.rawValue & 0xFF) && bytes[$0 + 1] == UInt8(view.rawValue >> 8)
        }
        .map { $0 + 2 }
    }

    private func write(_ id: UInt64, at place: Int, in bytes: inout [UInt8]) {
        for index in 0..<8 { bytes[place + index] = UInt8(truncatingIfNeeded: id >> UInt64(8 * index)) }
    }

    /// Makes the first block's checksum right again.
    private func seal(_ bytes: inout [UInt8]) {
        let length = Int(bytes[12]) | Int(bytes[13]) << 8 | Int(bytes[14]) << 16
        let sum = SnapshotFormat.checksum(bytes.span.extracting(12..<24), bytes.span.extracting(24..<24 + length))
        for index in 0..<4 { bytes[20 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * index)) }
    }

    private func load(_ bytes: [UInt8], into client: TestClient, _ moment: SnapshotMoment) throws -> SnapshotReader.Outcome {
        let reader = SnapshotReader(into: client.cache, at: moment) { Array(bytes.dropFirst($0).prefix($1)) }
        return try reader.parts(1) { UInt16($0) }.map { try $0.load() }.reduce(SnapshotReader.Outcome(), +)
    }

    @Test func `a view's key in Redis is read back, and written in one way alone`() throws {
        let view = try Self.view("redis")
        let id = try #require(ViewDirectory.shared.identity(of: view)).id
        let flags = KeyFlags(dnssecOK: true, checkingDisabled: false)
        let key = CacheKey(TestReply.fixed("a.example"), .a, .internet, flags: flags, seed: 1).inView(view, seed: 1)
        let text = RedisKey.text(for: key)
        let digits = String(id, radix: 16)
        let padded = String(repeating: "0", count: 16 - digits.count) + digits
        #expect(String(decoding: text, as: UTF8.self) == "vireo:1:a.example.:A:IN:do:view=\(padded)")
        #expect(RedisKey.parse(text)?.view == id && RedisKey.parse(text)?.flags == flags)
        for wrong in ["view=0000000000000000", "view=12", "view=00000000000000AB", "view=+000000000000012", "view="] {
            #expect(RedisKey.parse(Array("vireo:1:a.example.:A:IN:\(wrong)".utf8)) == nil)
        }
    }
}

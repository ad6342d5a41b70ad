import DNSWire
import Testing

@testable import AnswerCache

@Suite struct InspectionTests {
    private func name(_ text: String) -> FixedName { FixedName(Name(text)!) }

    @Test func `a question's entries are found in all variants and count no use`() throws {
        let client = try TestClient()
        client.store(.addresses("a.example", ttls: [300]), at: 10)
        client.store(.addresses("a.example", ttls: [300]), dnssecOK: true, at: 10)
        client.store(.addresses("b.example", ttls: [300]), at: 10)
        client.cache.storeFailure(
            client.key("a.example", checkingDisabled: true), .servFail, from: Provenance(upstream: 1, transport: .udp),
            at: BootSeconds(rawValue: 10))
        for _ in 0..<2 {
            let entries = client.cache.entries(name("A.example"), .a, at: BootSeconds(rawValue: 15))
            #expect(entries.map(\.key.flags.dnssecOK) == [false, true, false])
            #expect(entries.map(\.answer.isFailure) == [false, false, true])
            #expect(entries.map(\.answer.uses) == [0, 0, 0])
            #expect(entries.map(\.answer.ageSeconds) == [5, 5, 5])
        }
        #expect(client.cache.entries(name("a.example"), .aaaa, at: BootSeconds(rawValue: 15)).isEmpty)
        #expect(try MemoryCache(sizeBytes: 0, seed: 1).entries(name("a"), .a, at: BootSeconds(rawValue: 1)).isEmpty)
    }

    @Test func `answers with an address in a range are removed, others stay`() throws {
        let client = try TestClient(sizeBytes: 4 << 20)
        for number in 0..<1_000 {
            client.store(.addresses("n\(number).example", ttls: [300], last: UInt8(number % 100)), at: 10)
        }
        let prefix = try #require(AddressPrefix("192.0.2.64/26"))
        var cursor = WalkCursor()
        var removed = 0
        while let count = client.cache.remove(&cursor, at: BootSeconds(rawValue: 11), where: { $0.hasAnswer(in: prefix) }) {
            removed += count
        }
        #expect(removed == 360)
        #expect(client.cache.statistics.removed == 360)
        #expect(try client.ask("n63.example", at: 11) != nil)
        #expect(try client.ask("n64.example", at: 11) == nil)
    }

    @Test func `an address beside the answer does not count`() throws {
        let client = try TestClient()
        client.store(.benchmark("a.bench.example"), at: 10)
        let entry = try #require(client.cache.entries(name("a.bench.example"), .a, at: BootSeconds(rawValue: 10)).first)
        #expect(entry.hasAnswer(in: AddressPrefix("192.0.2.1")!))
        #expect(!entry.hasAnswer(in: AddressPrefix("127.0.0.0/8")!))
    }

    @Test func `an entry that goes while it is looked at is not counted`() throws {
        let client = try TestClient()
        client.store(.addresses("a.example", ttls: [300]), at: 10)
        var cursor = WalkCursor()
        var count = 0
        while let removed = client.cache.remove(
            &cursor, at: BootSeconds(rawValue: 10),
            where: { entry in
                client.cache.remove(entry.key.name, entry.key.type) == 1
            })
        { count += removed }
        #expect(count == 0)
        #expect(client.cache.statistics.removed == 1 && client.cache.statistics.entries == 0)
    }

    @Test(arguments: [
        ("192.0.2.0/24", [192, 0, 2, 255], true), ("192.0.2.0/24", [192, 0, 3, 0], false),
        ("192.0.2.7", [192, 0, 2, 7], true), ("192.0.2.7", [192, 0, 2, 6], false),
        ("0.0.0.0/0", [8, 8, 8, 8], true), ("192.0.2.129/25", [192, 0, 2, 200], true),
        ("192.0.2.129/25", [192, 0, 2, 100], false),
        ("2001:db8::/33", [32, 1, 13, 184, 0x7F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], true),
        ("2001:db8::/33", [32, 1, 13, 184, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], false),
        ("::/0", [8, 8, 8, 8], false),
    ])
    func `a range holds the addresses with its leading bits`(text: String, address: [UInt8], isIn: Bool) throws {
        #expect(try #require(AddressPrefix(text)).contains(address.span) == isIn)
    }

    @Test(arguments: ["", "/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/", "192.0.2/24", "::/129", "fe80::1%1/64", "a/8"])
    func `what is no range of addresses is refused`(text: String) {
        #expect(AddressPrefix(text) == nil)
    }
}

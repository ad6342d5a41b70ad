import DNSWire
import Dispatch
import Foundation
import Testing

@testable import AnswerCache

@Suite struct FlushTests {
    @Test func `what was asked for before a flush is not stored, and what is asked for after it is`() throws {
        let client = try TestClient()
        let before = client.cache.flushMark
        try client.cache.removeAll()
        let key = client.key("www.example")
        #expect(!client.cache.keep(key, since: before) { Issue.record("stored") })
        #expect(
            client.cache.keep(key, since: client.cache.flushMark) { client.store(.addresses("www.example", ttls: [300]), at: 1) })
        #expect(try client.ask("www.example", at: 2) != nil)
    }

    @Test func `what is stored while a flush has already been past its place goes again`() throws {
        let client = try TestClient()
        client.store(.addresses("other.example", ttls: [300]), at: 1)
        let isKept = client.cache.keep(client.key("www.example"), since: client.cache.flushMark) {
            client.cache.remove(.name(FixedName(Name("www.example.")!)))
            client.store(.addresses("www.example", ttls: [300]), at: 1)
        }
        #expect(!isKept)
        #expect(try client.ask("www.example", at: 2) == nil)
        #expect(try client.ask("other.example", at: 2) != nil)
    }

    @Test func `of what threads store while another flushes nothing older than the flush is left`() throws {
        let client = try TestClient()
        let cache = client.cache
        for round in 0..<50 {
            let mark = cache.flushMark
            let finished = DispatchSemaphore(value: 0)
            for thread in 0..<2 {
                Thread.detachNewThread {
                    for number in 0..<200 {
                        let name = "n\(number).t\(thread).example"
                        cache.keep(client.key(name), since: mark) { client.store(.addresses(name, ttls: [300]), at: 1) }
                    }
                    finished.signal()
                }
            }
            if round % 2 == 0 { try cache.removeAll() } else { cache.remove(.everything) }
            for _ in 0..<2 { finished.wait() }
            #expect(cache.statistics.entries == 0)
        }
    }
}

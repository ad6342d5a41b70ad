import Belief
import DNSWire
import Testing

@testable import AnswerCache

@Suite struct `Answers to the same question with DO the other way round` {
    /// A cache that gives out stale answers for an hour, with an answer that was over at second 300.
    private func client(dnssecOK: Bool, _ type: RecordType = .a, checkingDisabled: Bool = false) throws -> TestClient {
        let client = try TestClient()
        client.cache.staleSeconds = 3600
        var reply = TestReply.negative("www.example", rcode: .noError, zone: "example", soaTTL: 300, minimum: 300)
        reply.type = type
        client.store(reply, dnssecOK: dnssecOK, checkingDisabled: checkingDisabled, at: 0)
        return client
    }

    private func standing(_ client: TestClient, _ key: CacheKey) -> StaleStanding {
        client.cache.staleStanding(of: key, at: BootSeconds(rawValue: 400))
    }

    @Test func `with DO serves without, and without serves with DO as the last resort, CD alike`() throws {
        for isSigned in [true, false] {
            for isChecked in [true, false] {
                let client = try client(dnssecOK: isSigned, checkingDisabled: !isChecked)
                let key = client.key("www.example", dnssecOK: !isSigned, checkingDisabled: !isChecked)
                // Who validates by itself could only take it for forged.
                #expect(standing(client, key) == (isSigned ? .refreshable : isChecked ? .lastResort : .nothing))
                #expect((client.cache.borrowedKey(for: key) == nil) == (!isSigned && !isChecked))
                for dnssecOK in [true, false] {
                    let other = client.key("www.example", dnssecOK: dnssecOK, checkingDisabled: isChecked)
                    #expect(standing(client, other) == .nothing)
                }
            }
        }
    }

    @Test(arguments: [RecordType.ds, .dnskey])
    func `keys and their digests are not given out without signatures`(_ type: RecordType) throws {
        let unsigned = try client(dnssecOK: false, type)
        #expect(standing(unsigned, unsigned.key("www.example", type, dnssecOK: true)) == .nothing)
        let signed = try client(dnssecOK: true, type)
        #expect(standing(signed, signed.key("www.example", type)) == .refreshable)
    }

    @Test func `a failure does not hide them`() throws {
        for isSigned in [true, false] {
            let client = try client(dnssecOK: isSigned)
            let failure = TestReply(name: "www.example", rcode: 2)
            for now: UInt32 in [400, 401] {
                #expect(client.store(failure, dnssecOK: !isSigned, at: now) == .stored(seconds: 1))
                #expect(try client.ask("www.example", dnssecOK: !isSigned, at: now) == nil)
            }
            #expect(standing(client, client.key("www.example", dnssecOK: !isSigned)) == .resting)
        }
    }

    @Test func `a good answer that is not kept ends both`() throws {
        let client = try client(dnssecOK: true)
        #expect(client.store(.addresses("www.example", ttls: [0]), at: 400) == .notKept(.answer(.zeroTTL)))
        for dnssecOK in [true, false] {
            #expect(standing(client, client.key("www.example", dnssecOK: dnssecOK)) == .nothing)
        }
    }
}

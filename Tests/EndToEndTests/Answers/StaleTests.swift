import DNSWire
import Testing

extension EndToEnd {
    @Suite struct StaleTests {
        /// Asks a server whose answers live for a second until its upstream is gone and their time over.
        private func staleServer(_ more: String) throws -> VireoServer {
            var upstream: FakeUpstream? = try FakeUpstream(ttl: 1)
            let vireo = try VireoServer(upstreams: [upstream!.address], more)
            #expect(try vireo.ask("www.example.", .a).answers.count == 1)
            upstream = nil
            return vireo
        }

        @Test func `with the upstream dead an answer is given out after its time, and says so`() throws {
            let vireo = try staleServer("cache: {serve-stale: 1h, stale-client-timeout: 0.5s}")
            let answer = try eventually("a stale answer") {
                let answer = try vireo.ask("www.example.", .a, edns: EDNS())
                return answer.edns?.extendedError == nil ? nil : answer
            }
            #expect(answer.flags.responseCode == .noError)
            #expect(answer.edns?.extendedError?.code == .staleAnswer)
            #expect(answer.answers.map(\.ttl) == [30])
        }

        @Test func `a domain that is to have no stale answers loses what it had with a reload`() throws {
            let vireo = try staleServer("cache: {serve-stale: 1h, stale-client-timeout: 0s}")
            try eventually("a stale answer") { try vireo.ask("www.example.", .a, edns: EDNS()).edns?.extendedError }
            let more = "cache: {serve-stale: 1h}\ndomains: [{domain: example, no-stale: true}]\ntimeout: 50ms"
            try vireo.reload(upstreams: ["127.0.0.1:\(FreePort.take())"], more) {
                try vireo.ask("www.example.", .a).flags.responseCode == .servFail
            }
        }
    }
}

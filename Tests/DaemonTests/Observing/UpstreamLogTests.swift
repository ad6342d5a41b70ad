import DNSWire
import Green
import Logging
import Testing
import Upstream

@testable import Daemon

/// What operators read of upstreams.
@Suite struct UpstreamLogTests {
    /// Keeps what is logged: level, message and metadata in order.
    private struct Handler: LogHandler {
        let lines: Locked<[String]>
        var metadata = Logger.Metadata()
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let words = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            lines.withLock { $0.append(([event.level.rawValue, event.message.description] + words).joined(separator: " ")) }
        }
    }

    private func line(_ news: UpstreamNews) -> String {
        let lines = Locked<[String]>([])
        UpstreamLog.write(news, Logger(label: "test") { _ in Handler(lines: lines) })
        return lines.withLock { $0 }.joined(separator: "\n")
    }

    @Test func `each piece of news is one line, with the upstream or the question, and the reason`() {
        let upstream = UpstreamAddress(SocketAddress(IPAddress("192.0.2.1")!, port: 53))
        let question = UpstreamQuestion(
            Name("www.example.")!.wire, .aaaa, .internet, flags: KeyFlags(dnssecOK: false, checkingDisabled: false))
        #expect(
            line(.stopped(upstream, .silent)) == "warning upstream stopped answering reason=no answer upstream=192.0.2.1:53")
        #expect(
            line(.back(upstream, after: .seconds(7))) == "notice upstream answers again seconds=7 upstream=192.0.2.1:53")
        #expect(line(.loop(question)).hasPrefix("error ") && line(.loop(question)).hasSuffix(" question=www.example. AAAA"))
        #expect(line(.suspectedLoop(question)).hasPrefix("warning "))
        #expect(line(.suspectedLoop(question)).hasSuffix(" question=www.example. AAAA"))
        let failure = line(.unanswered(question, .timedOut))
        #expect(failure.hasPrefix("debug no answer question=www.example. AAAA reason="))
    }
}

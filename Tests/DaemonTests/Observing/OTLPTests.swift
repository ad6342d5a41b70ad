import Foundation
import Green
import GreenHTTP
import GreenTLS
import Logging
import Observation
import TestSupport
import Testing

@testable import Daemon

/// Traces as they are handed to a collector of OpenTelemetry.
@Suite struct OTLPTests {
    /// A collector that takes what comes, as it is told to.
    private final class Collector {
        let world = VirtualWorld(seed: 11)
        let tap = QueryTap()
        var requests: [HTTPRequest] = []
        var answer: (Int) -> HTTPResponse = { _ in HTTPResponse(.bytes([])) }
        var part: OTLPPart?

        /// Runs a test; the collector is at 127.0.0.1:4318.
        func run(_ yaml: String = "otlp: {to: \"http://127.0.0.1:4318\", sample: 1}", _ body: @escaping () throws -> Void) throws
        {
            try world.run { [self] hub in
                let server = try HTTPServer { [self] request in
                    requests.append(request)
                    return answer(requests.count)
                }
                _ = try server.listen(at: SocketAddress(.loopback, port: 4318))
                let made = OTLPPart(try read(yaml), tap, NameRulesPartTests.logger)
                made.resolve = { _, _ in [.loopback] }
                part = made
                try made.start()
                try body()
                try made.stop()
                try server.stop(within: .seconds(1))
            }
        }

        /// Tells of traces as a worker does.
        func tell(_ count: Int, bytes: Int = 0) {
            let ring = tap.traces.rings.take()
            defer { tap.traces.rings.giveBack(ring) }
            for number in 0..<count {
                var subject = TraceSpans.Subject("dns.query", isClients: true)
                subject.attributes = [("number", "\(number)"), ("fill", String(repeating: "x", count: bytes))]
                let record = TraceSpans.record(subject, [], (1_000, 2_000)) { UInt64.random(in: 0...UInt64.max) }
                tap.traces.tell(record, by: ring)
            }
        }

        var totals: OTLPTotals { part!.totals }
    }

    private static func status(_ status: Int, _ headers: [HTTPField] = [], _ body: [UInt8] = []) -> HTTPResponse {
        HTTPResponse(.bytes(body), status: status, headers: headers)
    }

    @Test func `traces are sent a batch at a time, with who sends them and the headers of the operator`() throws {
        let collector = Collector()
        let yaml = """
            chaos: {id: ns-1}
            otlp: {to: "http://collector.example:4318/base", sample: 1, headers: ["Authorization: Bearer a-word"]}
            """
        try collector.run(yaml) {
            try sleep(.seconds(3))
            #expect(collector.requests.isEmpty, "nothing is sent where there is nothing")
            collector.tell(3)
            try sleep(.seconds(2))
            let request = try #require(collector.requests.first)
            #expect(collector.requests.count == 1 && request.method == "POST" && request.path == "/base/v1/traces")
            #expect(request.header("content-type") == "application/x-protobuf")
            #expect(request.header("authorization") == "Bearer a-word")
            let (spans, resource) = try DecodedSpan.all(inRequest: request.body)
            #expect(spans.map { $0.attributes["number"] } == ["0", "1", "2"] && spans.allSatisfy { $0.start == 1_000 })
            #expect(resource == ["service.name": "vireo", "service.version": Version.text, "service.instance.id": "ns-1"])
            #expect(collector.totals.sent.value == 3 && collector.totals.dropped.value == 0)
            collector.tell(1)
            try collector.part?.stop()
            #expect(collector.totals.sent.value == 4, "what has come is sent before the end")
            #expect(collector.tap.word == 0 && collector.tap.traces.slow == .max)
        }
    }

    @Test func `a collector that speaks TLS is believed by an authority of its own alone`() throws {
        let certificates = TestCertificates.shared
        let identity = TLSIdentity(certificateFile: certificates.file("dns.pem"), keyFile: certificates.file("dns.key"))
        let secure = SocketAddress(.loopback, port: 4319)
        let collector = Collector()
        try collector.run("upstreams: [192.0.2.1]") {
            let server = try HTTPServer { request in
                collector.requests.append(request)
                return HTTPResponse(.bytes([]))
            }
            _ = try server.listen(at: secure, tls: try TLSContext.server(TLSServerOptions(identity: identity)))
            let part = try #require(collector.part)
            var settings = try read("otlp: {to: \"https://127.0.0.1:4319\", sample: 1}")
            try part.adopt(settings)
            collector.tell(1)
            try sleep(.seconds(3))
            #expect(collector.requests.isEmpty && collector.totals.sent.value == 0, "nobody vouches for it")
            settings.otlp?.authorities = try String(contentsOfFile: certificates.file("ca.pem"), encoding: .utf8)
            try part.adopt(settings)
            collector.tell(1)
            try sleep(.seconds(3))
            #expect(collector.requests.count == 1 && collector.totals.sent.value == 1)
            var bad = settings
            bad.otlp?.authorities = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
            #expect(throws: TLSError.self) { try part.adopt(bad) }
            collector.tell(1)
            try sleep(.seconds(3))
            #expect(collector.totals.sent.value == 2, "what is no certificate changes nothing")
            try part.stop()
            try server.stop(within: .seconds(1))
        }
    }

    @Test func `many traces are sent in several requests`() {
        let records = (0..<9).map { TraceTap.Record(spanCount: 1, bytes: [UInt8](repeating: $0, count: 400)) }
        let batches = OTLPMessage.batches(records, mostBytes: 1_000)
        #expect(batches.map(\.count) == [2, 2, 2, 2, 1] && batches.flatMap(\.spans) == records.flatMap(\.bytes))
        #expect(OTLPMessage.batches(records, mostBytes: 10).count == 9 && OTLPMessage.batches([]).isEmpty)
    }

    @Test func `a collector that is busy is asked again when it says so, and nothing is lost`() throws {
        let collector = Collector()
        try collector.run {
            var times: [Instant] = []
            collector.answer = { number in
                times.append(Hub.current.loop.now())
                return number == 1 ? Self.status(429, [HTTPField("Retry-After", "7")]) : Self.status(number == 2 ? 503 : 200)
            }
            collector.tell(2)
            try sleep(.seconds(20))
            #expect(collector.requests.count == 3 && collector.requests[0].body == collector.requests[2].body)
            #expect(times[0].nanoseconds(to: times[1]) >= 7_000_000_000)
            #expect((900_000_000...3_000_000_000).contains(times[1].nanoseconds(to: times[2])))
            #expect(collector.totals.sent.value == 2 && collector.totals.dropped.value == 0)
            #expect(collector.totals.failed.value == 2 && collector.totals.succeeded.value == 1)
        }
    }

    @Test func `a collector that says to come back at once is not asked over and over`() throws {
        let collector = Collector()
        try collector.run {
            collector.answer = { _ in Self.status(429, [HTTPField("Retry-After", "0")]) }
            collector.tell(1)
            try sleep(.seconds(70))
            #expect((4...10).contains(collector.requests.count))
            #expect(collector.totals.dropped.value == 1)
        }
    }

    @Test func `what a collector refuses is dropped and counted, redirects too`() throws {
        for status in [400, 401, 404, 413, 500, 302, 308] {
            let collector = Collector()
            try collector.run {
                collector.answer = { _ in Self.status(status, [HTTPField("Location", "http://127.0.0.1:4318/else")]) }
                collector.tell(2)
                try sleep(.seconds(90))
                #expect(collector.requests.count == 1, "\(status)")
                #expect(collector.totals.sent.value == 0 && collector.totals.dropped.value == 2, "\(status)")
                collector.answer = { _ in Self.status(200) }
                collector.tell(1)
                try sleep(.seconds(3))
                #expect(collector.totals.sent.value == 1 && collector.requests.last?.path == "/v1/traces")
            }
        }
    }

    @Test func `a batch that nobody takes is given up after a minute, and no more is kept than there is room for`() throws {
        let collector = Collector()
        try collector.run("otlp: {to: \"http://127.0.0.1:9\", sample: 1}") {
            collector.tell(20)
            try sleep(.seconds(120))
            #expect(collector.totals.dropped.value == 20 && collector.totals.failed.value >= 4)
            collector.tell(10_000, bytes: 400)
            try sleep(.seconds(200))
            #expect(collector.totals.dropped.value == 10_020 && collector.totals.sent.value == 0)
        }
        let silent = Collector()
        try silent.run {
            silent.answer = { _ in
                try? sleep(.seconds(300))
                return Self.status(200)
            }
            silent.tell(1)
            try sleep(.seconds(150))
            #expect(silent.totals.dropped.value == 1)
        }
    }

    @Test func `spans that a collector rejects are counted`() throws {
        let collector = Collector()
        try collector.run {
            // ExportTraceServiceResponse{partial_success{rejected_spans: 300, error_message: "no"}}
            collector.answer = { _ in Self.status(200, [], [10, 7, 8, 0xAC, 2, 18, 2, 0x6E, 0x6F]) }
            collector.tell(2)
            try sleep(.seconds(3))
            #expect(collector.totals.rejected.value == 300 && collector.totals.sent.value == 2)
        }
        #expect(OTLPMessage.rejection([]) == nil && OTLPMessage.rejection([10, 0]) == nil)
        var numbers = SeededNumbers(seed: 5)
        for _ in 0..<5_000 {
            let bytes = (0..<Int.random(in: 0...24, using: &numbers)).map { _ in UInt8.random(in: 0...255, using: &numbers) }
            _ = OTLPMessage.rejection(bytes)
            _ = OTLPMessage.rejection([10, UInt8(bytes.count)] + bytes)
        }
    }

    @Test func `a reload changes where traces go, and ends them`() throws {
        let collector = Collector()
        try collector.run("otlp: {to: \"http://127.0.0.1:9\", sample: 1}") {
            let part = try #require(collector.part)
            try part.adopt(try read("otlp: {to: \"http://127.0.0.1:4318\", sample: 0.5, slow: 0s}"))
            #expect(collector.tap.traces.slow == .max && collector.tap.traces.sharePicked == 1 << 31)
            collector.tell(1)
            try sleep(.seconds(2))
            #expect(collector.totals.sent.value == 1)
            collector.tell(3)
            try part.adopt(try read("otlp: {to: \"http://127.0.0.1:9\", sample: 1}"))
            #expect(collector.totals.sent.value == 4, "what has come goes to whom it was meant for")
            collector.tell(2)
            try part.adopt(try read("upstreams: [192.0.2.1]"))
            #expect(collector.tap.word == 0)
            #expect(collector.totals.sent.value == 4 && collector.totals.dropped.value == 2)
        }
    }

    @Test func `settings say where, of which and with what`() throws {
        let plain = try #require(try read("otlp: http://127.0.0.1:4318\n").otlp)
        #expect(plain.target == "http://127.0.0.1:4318/v1/traces" && plain.sample == 0.001 && plain.slow == .seconds(1))
        let all = try #require(
            try read("otlp: {to: \"https://c.example/x/v1/traces\", sample: 0, slow: 250ms, headers: [\"a: b\"]}").otlp)
        #expect(all.target == "https://c.example/x/v1/traces" && all.sample == 0 && all.slowness == .milliseconds(250))
        #expect(all.fields == [HTTPField("a", "b")])
        #expect(try read("upstreams: [192.0.2.1]").otlp == nil)
        for bad in [
            "127.0.0.1:4318", "grpc://127.0.0.1:4317", "\"http://a/?x\"", "{sample: 1}", "{to: \"http://a\", sample: 2}",
            "{to: \"http://a\", headers: [\"Host: x\"]}", "{to: \"http://a\", headers: [\"no header\"]}",
            "{to: \"http://a\", headers: [\"a: b\\r\\nc: d\"]}", "{to: \"http://a\", headers: [\"content-type: x\"]}",
        ] {
            #expect(throws: ConfigurationError.self, "\(bad)") { try read("otlp: \(bad)\n") }
        }
        for secret in ["https://me:opensesame@collector.example/", "https://collector.example/?key=opensesame"] {
            let failure = #expect(throws: ConfigurationError.self) { try read("otlp: \"\(secret)\"\n") }
            #expect(failure.map { "\($0)".contains("opensesame") } == false)
        }
    }
}

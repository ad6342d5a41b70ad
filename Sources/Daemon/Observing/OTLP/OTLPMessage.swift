internal import Observation

/// What is said to a collector of OpenTelemetry, and what it answers (opentelemetry-proto, trace_service.proto).
struct OTLPMessage {
    /// Who it is that sends traces, as a field of `ResourceSpans`, and the head of a `ScopeSpans`.
    private let resource: [UInt8]
    private let scope: [UInt8]

    /// Some traces that are sent together.
    struct Batch {
        /// How many there are.
        var count = 0
        /// Their spans.
        var spans: [UInt8] = []
    }

    /// A request is no longer, but for one trace that is.
    static let mostBytes = 1 << 20

    /// What a server says, that calls itself so where it has a name.
    init(identity: String?, version: String) {
        var attributes = [("service.name", "vireo"), ("service.version", version)]
        if let identity { attributes.append(("service.instance.id", identity)) }
        var resource = ProtobufWriter()
        resource.message(1) { writer in
            for (key, value) in attributes { writer.attribute(1, key, value) }
        }
        self.resource = resource.bytes
        var scope = ProtobufWriter()
        scope.message(1) { writer in
            writer.text(1, "vireo")
            writer.text(2, version)
        }
        self.scope = scope.bytes
    }

    /// Traces in batches of a size.
    static func batches(_ records: [TraceTap.Record], mostBytes: Int = mostBytes) -> [Batch] {
        var batches: [Batch] = []
        var batch = Batch()
        for record in records {
            if batch.count > 0, batch.spans.count + record.bytes.count > mostBytes {
                batches.append(batch)
                batch = Batch()
            }
            batch.count += 1
            batch.spans += record.bytes
        }
        return batch.count > 0 ? batches + [batch] : batches
    }

    /// An `ExportTraceServiceRequest`.
    func request(_ batch: Batch) -> [UInt8] {
        var spans = ProtobufWriter()
        spans.append(scope)
        spans.append(batch.spans)
        var all = ProtobufWriter()
        all.append(resource)
        all.data(2, spans.bytes)
        var request = ProtobufWriter()
        request.data(1, all.bytes)
        return request.bytes
    }

    /// How many spans an `ExportTraceServiceResponse` says were rejected, and why; nil where all were taken.
    static func rejection(_ response: [UInt8]) -> (spans: UInt64, reason: String)? {
        var response = ProtobufReader(response[...])
        while let field = response.next() {
            guard field.number == 1, case .bytes(let bytes) = field.value else { continue }
            var partial = ProtobufReader(bytes)
            var (spans, reason) = (UInt64(0), "")
            while let field = partial.next() {
                switch (field.number, field.value) {
                case (1, .number(let number)): spans = UInt64(clamping: Int64(bitPattern: number))
                case (2, .bytes(let bytes)): reason = String(decoding: bytes.prefix(200), as: UTF8.self)
                default: break
                }
            }
            return spans > 0 || !reason.isEmpty ? (spans, reason) : nil
        }
        return nil
    }
}

/// A span of OpenTelemetry as a collector reads it: a decoder of its own, by opentelemetry-proto.
package struct DecodedSpan {
    /// The ids, as bytes.
    package var traceID: [UInt8] = []
    package var id: [UInt8] = []
    package var parent: [UInt8] = []
    /// What it is called, and what kind it is.
    package var name = ""
    package var kind: UInt64 = 0
    /// When it began and ended, in nanoseconds since 1970.
    package var start: UInt64 = 0
    package var end: UInt64 = 0
    /// What is known of it.
    package var attributes: [String: String] = [:]
    /// Its status.
    package var status: UInt64 = 0

    /// A message that is no message.
    package struct Broken: Error {}

    /// The spans of a `ScopeSpans`.
    package static func all(inScope bytes: [UInt8]) throws -> [DecodedSpan] {
        try fields(bytes).filter { $0.number == 2 }.map { try DecodedSpan($0.bytes) }
    }

    /// The spans of an `ExportTraceServiceRequest`, and what it says of its sender.
    package static func all(inRequest bytes: [UInt8]) throws -> (spans: [DecodedSpan], resource: [String: String]) {
        var (spans, resource) = ([] as [DecodedSpan], [:] as [String: String])
        for each in try fields(bytes) where each.number == 1 {
            for part in try fields(each.bytes) {
                if part.number == 1 { resource = try attributes(in: part.bytes, 1) }
                if part.number == 2 { spans += try all(inScope: part.bytes) }
            }
        }
        return (spans, resource)
    }

    private init(_ bytes: [UInt8]) throws {
        for field in try Self.fields(bytes) {
            switch (field.number, field.wire) {
            case (1, 2): traceID = field.bytes
            case (2, 2): id = field.bytes
            case (4, 2): parent = field.bytes
            case (5, 2): name = try Self.text(field.bytes)
            case (6, 0): kind = field.value
            case (7, 1): start = field.value
            case (8, 1): end = field.value
            case (9, 2): break
            case (15, 2): status = try Self.fields(field.bytes).first { $0.number == 3 }?.value ?? 0
            default: throw Broken()
            }
        }
        attributes = try Self.attributes(in: bytes, 9)
    }

    private static func attributes(in bytes: [UInt8], _ number: UInt64) throws -> [String: String] {
        var found: [String: String] = [:]
        for pair in try fields(bytes) where pair.number == number {
            let parts = try fields(pair.bytes)
            guard parts.map(\.number) == [1, 2], let value = try fields(parts[1].bytes).first, value.number == 1 else {
                throw Broken()
            }
            // No key may stand there twice.
            guard found.updateValue(try text(value.bytes), forKey: try text(parts[0].bytes)) == nil else { throw Broken() }
        }
        return found
    }

    private static func text(_ bytes: [UInt8]) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Broken() }
        return text
    }

    private typealias Field = (number: UInt64, wire: UInt64, value: UInt64, bytes: [UInt8])

    private static func fields(_ bytes: [UInt8]) throws -> [Field] {
        var (found, index) = ([] as [Field], 0)
        func byte() throws -> UInt8 {
            guard index < bytes.count else { throw Broken() }
            index += 1
            return bytes[index - 1]
        }
        func varint() throws -> UInt64 {
            var (value, shift) = (UInt64(0), UInt64(0))
            while true {
                let next = try byte()
                value |= UInt64(next & 0x7F) << shift
                if next < 0x80 { return value }
                shift += 7
            }
        }
        while index < bytes.count {
            let tag = try varint()
            var field: Field = (tag >> 3, tag & 7, 0, [])
            switch field.wire {
            case 0: field.value = try varint()
            case 1: for shift in 0..<8 { field.value |= UInt64(try byte()) << UInt64(8 * shift) }
            case 2: for _ in 0..<Int(try varint()) { field.bytes.append(try byte()) }
            default: throw Broken()
            }
            found.append(field)
        }
        return found
    }
}

internal import Green

/// A bidirectional frame stream (farsightsec.github.io/fstrm): what is written to who takes dnstap.
///
///     READY →, ← ACCEPT, START →, data frames →, STOP →, ← FINISH
struct FrameStream {
    private let stream: any ByteStream
    private let hub = Hub.current

    /// What is carried.
    static let contentType = Array("protobuf:dnstap.Dnstap".utf8)
    /// A control frame may be no longer (the library's own limit).
    private static let mostControl = 512

    /// Control frames.
    private enum Control: UInt32 {
        case accept = 1
        case start, stop, ready, finish
    }

    /// What the other side did that it should not.
    enum Fault: Error, CustomStringConvertible {
        /// It said something else than it should.
        case unexpected
        /// It does not take dnstap.
        case contentType

        var description: String {
            switch self {
            case .unexpected: "what answers there speaks no frame streams"
            case .contentType: "what answers there does not take dnstap"
            }
        }
    }

    /// Agrees with the other side on what is carried. Waits.
    init(_ stream: any ByteStream, until deadline: Instant) throws {
        self.stream = stream
        try stream.write(Self.control(.ready, Self.contentType), until: deadline)
        let reader = BufferedReader(stream)
        let fields = try Self.read(.accept, reader, until: deadline)
        // Without a type it takes any.
        guard fields.isEmpty || fields.contains(Self.contentType) else { throw Fault.contentType }
        try stream.write(Self.control(.start, Self.contentType), until: deadline)
    }

    /// Writes frames. Waits.
    func write(_ frames: [UInt8], until deadline: Instant) throws { try stream.write(frames, until: deadline) }

    /// Says that no more comes, and waits until all has been taken.
    func finish(until deadline: Instant) throws {
        try stream.write(Self.control(.stop, nil), until: deadline)
        _ = try Self.read(.finish, BufferedReader(stream), until: deadline)
    }

    /// Appends a data frame.
    static func append(_ frame: [UInt8], to bytes: inout [UInt8]) {
        bytes += word(UInt32(clamping: frame.count))
        bytes += frame
    }

    private static func control(_ control: Control, _ type: [UInt8]?) -> [UInt8] {
        var body = word(control.rawValue)
        if let type { body += word(1) + word(UInt32(clamping: type.count)) + type }
        return word(0) + word(UInt32(clamping: body.count)) + body
    }

    /// Reads a control frame: the content types in it.
    private static func read(_ wanted: Control, _ reader: BufferedReader, until deadline: Instant) throws -> [[UInt8]] {
        guard number(try reader.readExactly(4, until: deadline)[...]) == 0 else { throw Fault.unexpected }
        let length = Int(number(try reader.readExactly(4, until: deadline)[...]))
        guard (4...mostControl).contains(length) else { throw Fault.unexpected }
        let body = try reader.readExactly(length, until: deadline)
        guard number(body[..<4]) == wanted.rawValue else { throw Fault.unexpected }
        var fields: [[UInt8]] = []
        var rest = body[4...]
        while rest.count >= 8 {
            let (type, count) = (number(rest.prefix(4)), Int(number(rest.dropFirst(4).prefix(4))))
            rest = rest.dropFirst(8)
            guard type == 1, count <= rest.count else { throw Fault.unexpected }
            fields.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        guard rest.isEmpty else { throw Fault.unexpected }
        return fields
    }

    private static func word(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }
}

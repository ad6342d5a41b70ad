internal import Green
internal import GreenHTTP
internal import GreenHTTP2

/// What a hostile client of HTTP sends.
enum HostileHTTP {
    /// Heads of requests, one after the other, each with a header so many times.
    static func heads(field: String, count: Int) -> (Int, () -> Void) {
        let head = "GET / HTTP/1.1\r\n" + String(repeating: field, count: count) + "\r\n"
        let bytes = Array(String(repeating: head, count: max(1, 65_536 / head.utf8.count)).utf8)
        let hub = Hub(loop: LibeventLoop())
        return (
            bytes.count,
            {
                try? hub.run {
                    let reader = BufferedReader(Bytes(bytes, hub: hub))
                    let heads = HTTPHeadReader(limit: 16_384)
                    while try heads.read(reader, first: .never, rest: { .never }) != nil {}
                }
            }
        )
    }

    /// The empty SETTINGS, which is to be acknowledged.
    static let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + settings

    /// One frame again and again.
    static func frames(_ frame: [UInt8], count: Int) -> (Int, () -> Void) {
        read((0..<count).reduce(into: preface) { bytes, _ in bytes += frame })
    }

    /// Requests of a few bytes, with 4 KiB of headers each: the first puts a long one into the table of HPACK, all others
    /// point to it (RFC 7541 6.1).
    static var requests: (Int, () -> Void) {
        var bytes = preface
        let value = [UInt8](repeating: UInt8(ascii: "v"), count: 3_900)
        // A literal that is kept: name "a", and a length in the form of RFC 7541 5.1.
        let length = value.count - 127
        let kept: [UInt8] = [0x40, 1, 97, 127, UInt8(length & 127) | 128, UInt8(length >> 7)] + value
        for number in 0..<2_000 {
            // :method GET, :scheme https, :path /, then the newest of the table, four times.
            let fields: [UInt8] = [0x82, 0x87, 0x84] + (number == 0 ? kept : [0xBE, 0xBE, 0xBE, 0xBE])
            bytes += frame(type: 1, flags: 5, stream: UInt32(2 * number + 1), fields)
        }
        return read(bytes)
    }

    /// One request whose headers come in thousands of pieces of one byte, and never end (CONTINUATION).
    static var pieces: (Int, () -> Void) {
        var bytes = preface + frame(type: 1, flags: 1, stream: 1, [0x82, 0x87, 0x84])
        for _ in 0..<6_000 { bytes += frame(type: 9, flags: 0, stream: 1, [0x90]) }
        return read(bytes)
    }

    private static func frame(type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let length = payload.count
        let head = [UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags]
        return head + (0..<4).map { UInt8(truncatingIfNeeded: stream >> (24 - 8 * UInt32($0))) } + payload
    }

    /// Reads bytes as a server does, until it wants no more of them.
    private static func read(_ bytes: [UInt8]) -> (Int, () -> Void) {
        (
            bytes.count,
            {
                guard let engine = try? HTTP2Engine(isServer: true) else { return }
                var output: [UInt8] = []
                var start = 0
                while start < bytes.count, !engine.isOver {
                    let end = min(start + 16_384, bytes.count)
                    guard (try? engine.receive(Array(bytes[start..<end]))) != nil else { return }
                    while let event = engine.next() {
                        guard case .message(let message) = event else { continue }
                        try? engine.answer(message.stream, HTTP2Fields([(":status", "404")]))
                    }
                    engine.output(to: &output)
                    output.removeAll(keepingCapacity: true)
                    start = end
                }
            }
        )
    }

    /// A stream that has bytes, and then its end.
    private final class Bytes: ByteStream {
        let hub: Hub
        let isOpen = true
        private let bytes: [UInt8]
        private var start = 0

        init(_ bytes: [UInt8], hub: Hub) {
            self.bytes = bytes
            self.hub = hub
        }

        func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Instant) throws -> Int {
            let count = min(buffer.count, bytes.count - start)
            // SAFETY: the buffer is writable for as long as the call lasts.
            unsafe buffer.copyBytes(from: bytes[start..<start + count])
            start += count
            return count
        }

        func write(_ buffer: UnsafeRawBufferPointer, until deadline: Instant) throws {}
        func close() {}
    }
}

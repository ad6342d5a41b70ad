internal import Green

/// Writes messages. What a socket has not taken within the limit of patience ends the connection.
final class HTTPWriter {
    let stream: any ByteStream
    /// How long the other side may take nothing.
    let patience: Duration
    /// Since when the other side is to take what is being written; nil while nothing is.
    private(set) var writingSince: Instant?

    init(stream: any ByteStream, patience: Duration) {
        (self.stream, self.patience) = (stream, patience)
    }

    /// Bytes that go out at once: each has the whole patience.
    private static let step = 16_384

    /// Writes all of it, a step at a time.
    func write(_ bytes: [UInt8]) throws {
        var start = 0
        while start < bytes.count {
            let end = min(start + Self.step, bytes.count)
            let now = stream.hub.loop.now()
            writingSince = now
            defer { writingSince = nil }
            try stream.write(bytes[start..<end], until: now + patience)
            start = end
        }
    }

    /// Writes a piece of a body in chunks; an empty one is left out, for it would end the body.
    func writeChunk(_ piece: [UInt8]) throws {
        if piece.isEmpty { return }
        try write(Array((String(piece.count, radix: 16) + "\r\n").utf8) + piece + [13, 10])
    }

    /// Writes the end of a body in chunks.
    func writeLastChunk() throws {
        try write(Array("0\r\n\r\n".utf8))
    }

    /// A first line with headers, and the empty line after them.
    static func head(_ first: String, _ fields: [HTTPField]) -> [UInt8] {
        var text = first + "\r\n"
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        return Array((text + "\r\n").utf8)
    }
}

/// The words beside a status.
enum HTTPStatus {
    private static let reasons: [Int: String] = [
        100: "Continue", 101: "Switching Protocols", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content",
        206: "Partial Content", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
        307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
        404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
        411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long",
        415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed", 422: "Unprocessable Content",
        429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented",
        502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
    ]

    /// The usual words for a status; none for one that has none.
    static func reason(_ status: Int) -> String { reasons[status] ?? "" }
}

/// Dates as HTTP has them.
enum HTTPDate {
    /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7), for nanoseconds since 1970.
    static func text(_ wallTime: Int64) -> String {
        let seconds = max(0, wallTime / 1_000_000_000)
        let (days, rest) = (seconds / 86_400, seconds % 86_400)
        // Days since 1970 as year, month and day: Howard Hinnant's civil_from_days.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let time = "\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))"
        return "\(names[Int(days % 7)]), \(two(day)) \(months[Int(month) - 1]) \(year) \(time) GMT"
    }
}

/// Reads an HTTP/1.1 response from bytes as they come: status, headers, and a body with a length, in chunks, or up to the
/// end of the stream. A body that ends early is an error.
struct ResponseReader {
    private enum State {
        case head
        case body(left: Int)
        case chunkSize
        case chunk(left: Int)
        case trailer
        case untilEnd
        case complete
    }

    private var state = State.head
    private var pending: [UInt8] = []
    private var status = 0

    /// The head, or the line of a chunk, may be no longer than this.
    private static let headLimit = 64 << 10

    /// Whether all has come.
    var isComplete: Bool {
        if case .complete = state { return true }
        return false
    }

    /// Whether the daemon did what it was asked for. Known once a body comes.
    var isGood: Bool { (200..<300).contains(status) }

    /// Whether the daemon did not because of what is in its configuration file.
    var isAboutSettings: Bool { status == 422 }

    /// Takes what came, nothing for the end of the stream; returns what of it belongs to the body.
    mutating func take(_ bytes: ArraySlice<UInt8>, path: String) throws(ControlClientError) -> [UInt8] {
        if bytes.isEmpty {
            guard case .untilEnd = state else {
                throw .connection(path, reason: "the daemon broke the connection off in the middle of its answer")
            }
            state = .complete
            return []
        }
        pending += bytes
        var body: [UInt8] = []
        while try step(&body, path) {}
        return body
    }

    /// Takes one part of what is pending; false when more must come, or nothing more will.
    private mutating func step(_ body: inout [UInt8], _ path: String) throws(ControlClientError) -> Bool {
        switch state {
        case .head:
            guard let lines = try line(endingWith: "\r\n\r\n", path) else { return false }
            try readHead(lines, path)
        case .body(let left):
            let rest = left - take(left, into: &body)
            state = rest == 0 ? .complete : .body(left: rest)
            return false
        case .chunkSize:
            guard let line = try line(endingWith: "\r\n", path) else { return false }
            guard let size = Int(line.prefix { $0 != ";" }, radix: 16), size >= 0 else { throw Self.malformed(path) }
            state = size == 0 ? .trailer : .chunk(left: size)
        case .chunk(let left):
            let rest = left - take(left, into: &body)
            if rest > 0 {
                state = .chunk(left: rest)
                return false
            }
            guard pending.count >= 2 else {
                state = .chunk(left: 0)
                return false
            }
            pending.removeFirst(2)
            state = .chunkSize
        case .trailer:
            guard let line = try line(endingWith: "\r\n", path) else { return false }
            if line.isEmpty { state = .complete }
        case .untilEnd:
            _ = take(pending.count, into: &body)
            return false
        case .complete:
            return false
        }
        return true
    }

    private mutating func readHead(_ head: String, _ path: String) throws(ControlClientError) {
        let lines = head.split(separator: "\r\n")
        guard let first = lines.first, first.hasPrefix("HTTP/1."), let code = first.split(separator: " ").dropFirst().first,
            let status = Int(code)
        else { throw Self.malformed(path) }
        self.status = status
        state = .untilEnd
        for line in lines.dropFirst() {
            let lowered = line.lowercased()
            if lowered.hasPrefix("transfer-encoding:"), lowered.hasSuffix("chunked") { state = .chunkSize }
            if lowered.hasPrefix("content-length:") {
                guard let length = Int(lowered.dropFirst("content-length:".count).drop { $0 == " " }), length >= 0 else {
                    throw Self.malformed(path)
                }
                state = length == 0 ? .complete : .body(left: length)
            }
        }
    }

    /// Moves at most `count` bytes to the body; returns how many.
    private mutating func take(_ count: Int, into body: inout [UInt8]) -> Int {
        let part = min(count, pending.count)
        body += pending[..<part]
        pending.removeFirst(part)
        return part
    }

    /// Takes the text before an end that has come; nil when it has not.
    private mutating func line(endingWith end: String, _ path: String) throws(ControlClientError) -> String? {
        let mark = Array(end.utf8)
        let last = pending.count - mark.count
        let found = last < 0 ? nil : (0...last).first { Array(pending[$0..<$0 + mark.count]) == mark }
        guard let found else {
            guard pending.count <= Self.headLimit else { throw Self.malformed(path) }
            return nil
        }
        let text = String(decoding: pending[..<found], as: UTF8.self)
        pending.removeFirst(found + mark.count)
        return text
    }

    private static func malformed(_ path: String) -> ControlClientError {
        .connection(path, reason: "what answers there is no vireo")
    }
}

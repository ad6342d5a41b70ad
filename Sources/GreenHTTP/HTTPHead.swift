package import Green

/// The first line of a message and its headers, as they came.
package struct HTTPHead {
    /// The three parts of the first line: method, target and version, or version, status and reason.
    var first: (String, String, String)
    /// The headers, in order.
    var fields: [HTTPField]

    /// The only value of a header; nil where it does not stand there. Throws where it stands there twice with different
    /// values: two readers could read it in two ways.
    func single(_ name: String) throws(HTTPError) -> String? {
        var found: String?
        for field in fields where field.name.lowercased() == name {
            guard found == nil || found == field.value else { throw HTTPError(400, "two different \(name) headers") }
            found = field.value
        }
        return found
    }

    /// The words of a header that is a list, in small letters.
    func list(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name }.flatMap { field in
            field.value.split(separator: ",").map { $0.lowercased().trimmed }
        }
    }
}

/// Reads the heads of messages. The grammar is strict (RFC 9112): lines end with CR LF, no line is folded, names are tokens
/// and have no space after them, values have no control characters. Memory and work are bounded by the limit.
package struct HTTPHeadReader {
    /// Bytes of the first line and the headers.
    let limit: Int
    /// A head of more headers is refused.
    static let fieldLimit = 200

    /// A reader of heads of at most so many bytes.
    package init(limit: Int) { self.limit = limit }

    /// The next head; nil at the end of the stream before its first byte. Throws an `HTTPError` that says what is wrong with
    /// it, `SocketError`, or the interruption of the wait.
    package func read(_ reader: BufferedReader, first: Instant, rest: () -> Instant) throws -> HTTPHead? {
        var left = limit
        // An empty line before the first is a habit of old clients (RFC 9112 2.2).
        guard var line = try readLine(reader, &left, until: first) else { return nil }
        let deadline = rest()
        if line.isEmpty {
            guard let next = try readLine(reader, &left, until: deadline) else { return nil }
            line = next
        }
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count >= 2, Self.isText(line) else { throw HTTPError(400, "the first line is none of HTTP") }
        let parts = words.map { String(decoding: $0, as: UTF8.self) }
        var head = HTTPHead(first: (parts[0], parts[1], parts.count > 2 ? parts[2] : ""), fields: [])
        head.fields = try readFields(reader, &left, until: deadline)
        return head
    }

    /// Reads headers, or the trailers of a body, up to the empty line.
    func readFields(_ reader: BufferedReader, _ left: inout Int, until deadline: Instant) throws -> [HTTPField] {
        var fields: [HTTPField] = []
        while true {
            guard let line = try readLine(reader, &left, until: deadline) else {
                throw HTTPError(400, "it ends within its headers")
            }
            if line.isEmpty { return fields }
            guard fields.count < Self.fieldLimit else { throw HTTPError(431, "too many headers") }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), HTTPToken.isToken(line[..<colon]) else {
                throw HTTPError(400, "a header without a name")
            }
            let value = Self.trim(line[(colon + 1)...])
            guard Self.isText(value) else { throw HTTPError(400, "a header with control characters") }
            fields.append(HTTPField(String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self)))
        }
    }

    /// The next line without its end; nil at the end of the stream.
    func readLine(
        _ reader: BufferedReader, _ left: inout Int, until deadline: Instant
    ) throws -> ArraySlice<UInt8>? {
        let line: [UInt8]
        do {
            guard let read = try reader.readBytes(through: UInt8(ascii: "\n"), limit: max(1, left), until: deadline) else {
                return nil
            }
            line = read
        } catch is BufferedReader.TooLong {
            throw HTTPError(431, "a head of more than \(limit) bytes")
        }
        left -= line.count
        guard line.suffix(2) == [13, 10] else {
            // The stream ended within it, or LF stands alone.
            if line.last != UInt8(ascii: "\n") { throw SocketError.reset }
            throw HTTPError(400, "a line that does not end with CR LF")
        }
        return line.dropLast(2)
    }

    /// Whether no control character is in it but tabs.
    private static func isText(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.allSatisfy { $0 >= 32 && $0 != 127 || $0 == 9 }
    }

    private static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while let first = rest.first, first == 32 || first == 9 { rest.removeFirst() }
        while let last = rest.last, last == 32 || last == 9 { rest.removeLast() }
        return rest
    }
}

/// What a name in HTTP is made of.
enum HTTPToken {
    /// Whether it is a token (RFC 9110 5.6.2).
    static func isToken(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy { isAlphanumeric($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) }
    }

    /// Whether it is a letter or digit of ASCII.
    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: false
        }
    }

    /// Whether a header can be sent: its value has no control characters but tabs.
    static func canSend(_ field: HTTPField) -> Bool {
        isToken(field.name.utf8) && field.value.utf8.allSatisfy { $0 >= 32 && $0 != 127 || $0 == 9 }
    }
}

extension StringProtocol {
    /// Without spaces and tabs around it.
    var trimmed: String {
        var rest = Substring(self)
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return String(rest)
    }
}

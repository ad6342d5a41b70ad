internal import Green
internal import GreenHTTP
internal import NameRules
internal import Resolver

/// A list's URL, and where what was downloaded from it is kept: a file with its text, and beside it one that says what the
/// server called it.
struct ListURL: Hashable, Sendable {
    /// The URL.
    let text: String

    /// A URL of the web, or of a zone that is transferred (`TransferSource`); nil for what is none.
    init?(_ text: String) {
        guard HTTPURL(text) != nil || TransferSource(text) != nil else { return nil }
        self.text = text
    }

    /// The zone that is transferred; nil for a URL of the web.
    var transfer: TransferSource? { TransferSource(text) }

    /// The URL as others may see it, in logs and by the control socket: who we are and what stands behind a question mark may say
    /// whose account this is.
    var shown: String { Self.shown(text) }

    /// A text that may have URLs in it, as others may see it.
    static func shown(_ text: String) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false).map { word -> String in
            guard let colon = word.firstIndex(of: ":"), word[colon...].hasPrefix("://") else { return String(word) }
            let start = word.index(colon, offsetBy: 3)
            let rest = word[start...]
            let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
            let host = rest[..<end]
            let place = host.lastIndex(of: "@").map { host[host.index(after: $0)...] } ?? host
            let path = rest[end...].prefix { $0 != "?" && $0 != "#" }
            return word[..<start] + place + path + (path.endIndex < rest.endIndex ? "?..." : "")
        }.joined(separator: " ")
    }

    /// Whether a source of a list is a URL rather than a file.
    static func isURL(_ source: String) -> Bool { source.contains("://") }

    /// Where the text is kept in a directory: under a number that the URL makes.
    func path(in directory: String) -> String {
        let number = text.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let digits = String(number, radix: 16)
        return "\(directory)/list-\(String(repeating: "0", count: 16 - digits.count))\(digits)"
    }
}

/// What is known of a list that was downloaded.
struct ListRecord: Equatable, Sendable {
    /// The URL.
    var url = ""
    /// What the server called this state of it (RFC 9110 8.8), where it did.
    var tag = ""
    var modified = ""
    /// How long the text is.
    var size: Int64 = 0
    /// When the server last said that this is the list: seconds since 1970.
    var checkedAt: Int64 = 0
    /// What a zone's SOA record says; nil for what is no zone, or is no more.
    var times: ZoneTimes?

    /// A record is no longer than this.
    static let sizeLimit = 64 << 10

    /// Nothing is known.
    init() {}

    /// Reads what `bytes` wrote.
    init(_ bytes: [UInt8]) {
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = String(parts[1])
            switch parts[0] {
            case "url": url = value
            case "tag": tag = value
            case "modified": modified = value
            case "size": size = Int64(value) ?? 0
            case "checked": checkedAt = Int64(value) ?? 0
            case "soa":
                let numbers = value.split(separator: " ").compactMap { UInt32($0) }
                guard numbers.count == 4 else { continue }
                times = ZoneTimes(serial: numbers[0], refresh: numbers[1], retry: numbers[2], expire: numbers[3])
            default: break
            }
        }
    }

    /// Whether a zone is no more, for nobody has confirmed it for as long as it says.
    func isOver(at seconds: Int64) -> Bool { times.map { seconds - checkedAt > $0.expireSeconds } ?? true }

    /// A line for each thing.
    var bytes: [UInt8] {
        var lines = ["url \(url)", "tag \(tag)", "modified \(modified)", "size \(size)", "checked \(checkedAt)"]
        if let times { lines.append("soa \(times.serial) \(times.refresh) \(times.retry) \(times.expire)") }
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }
}

/// Why what was downloaded changes nothing.
enum DownloadProblem: Error, Equatable, CustomStringConvertible {
    /// The server says so.
    case status(Int)
    /// It is a page for people.
    case html
    /// There is no rule in it.
    case empty
    /// It ends before its end, or is broken.
    case cutOff
    /// It is larger than may be.
    case tooLarge
    /// Nothing would tell whether it was cut off.
    case unknownLength
    /// It is packed in a way that was not asked for.
    case encoding(String)
    /// Nobody knows where the server is.
    case nameless(String)
    /// It cannot be kept.
    case unkept(String)
    /// The key that it is to be signed with cannot be had.
    case key(String)
    /// Nobody who has the key signed it.
    case signature(String)
    /// It is no transfer of the zone.
    case transfer(String)
    /// What has changed does not fit what is kept.
    case misfit

    var description: String {
        switch self {
        case .status(let status): "the server answers \(status)"
        case .html: "it is a page, not a list"
        case .empty: "there is no rule in it"
        case .cutOff: "it is cut off or broken"
        case .tooLarge: "it is larger than \(ListDownload.packedLimit >> 20) MiB, or \(ListDownload.sizeLimit >> 20) MiB unpacked"
        case .unknownLength: "the server does not say how long it is, so that a part would look like the whole"
        case .encoding(let name): "it is packed as \(quoted(name)), which was not asked for"
        case .nameless(let host): "no bootstrap resolver knows an address of \(host)"
        case .unkept(let reason): "it cannot be kept: \(reason)"
        case .key(let reason): "tsig-key: \(reason)"
        case .signature(let reason): "its signature (TSIG): \(reason)"
        case .transfer(let reason): "the transfer: \(reason)"
        case .misfit: "what has changed does not fit what is kept"
        }
    }
}

/// One download of a list. What does not look like a whole list changes nothing.
struct ListDownload {
    /// What is downloaded.
    let url: ListURL
    /// The list's format; nil where its content tells.
    let format: ListFormat?
    /// Where it is kept.
    let directory: String
    /// The files of the machine.
    let files: any FileAccess

    /// As it came it may be so large, and unpacked so large.
    static let packedLimit = 64 << 20
    static let sizeLimit = 512 << 20
    /// All of it may take so long.
    static let timeLimit = Duration.seconds(600)
    /// So much is looked at between two turns of others (ADR 11).
    private static let turnSize = 2048

    var path: String { url.path(in: directory) }
    private var recordPath: String { path + ".state" }

    /// What is known of it; nothing where what is kept is not what the record is about. Blocks.
    func record() -> ListRecord {
        guard let bytes = try? files.read(recordPath, limit: ListRecord.sizeLimit) else { return ListRecord() }
        let record = ListRecord(bytes)
        return record.url == url.text && files.stamp(path)?.size == record.size ? record : ListRecord()
    }

    /// Asks the server whether there is another list than the one that a record tells of, and keeps it; false where there is
    /// none. Waits.
    func run(_ client: HTTPClient, after record: ListRecord, at seconds: Int64, until deadline: Instant) throws -> Bool {
        var request = HTTPRequest("GET", url.text, headers: [HTTPField("accept-encoding", "gzip")])
        if !record.tag.isEmpty { request.headers.append(HTTPField("if-none-match", record.tag)) }
        if !record.modified.isEmpty { request.headers.append(HTTPField("if-modified-since", record.modified)) }
        var next = record
        next.url = url.text
        next.checkedAt = seconds
        let body: [UInt8]? = try client.withResponse(to: request, until: deadline) { response, body in
            if response.status == 304, record.size > 0 { return nil }
            guard response.status == 200 else { throw DownloadProblem.status(response.status) }
            next.tag = Self.field(response.header("etag"))
            next.modified = Self.field(response.header("last-modified"))
            return try Self.read(body, of: response)
        }
        let record = next
        guard let body else {
            try blocking { try write(record) }
            return false
        }
        try blocking {
            try check(body)
            var kept = record
            kept.size = try keep(body)
            try write(kept)
        }
        return true
    }

    /// A value that fits into a line of a record.
    private static func field(_ text: String?) -> String {
        guard let text, text.utf8.count <= 1000, text.utf8.allSatisfy({ $0 >= 32 && $0 < 127 }) else { return "" }
        return text
    }

    /// Reads a body to its end.
    private static func read(_ body: HTTPBodyReader, of response: HTTPClientResponse) throws -> [UInt8] {
        let encoding = (response.header("content-encoding") ?? "identity").lowercased()
        guard ["identity", "gzip", "x-gzip"].contains(encoding) else { throw DownloadProblem.encoding(encoding) }
        if response.header("content-type")?.lowercased().hasPrefix("text/html") == true { throw DownloadProblem.html }
        if let length = response.header("content-length").flatMap({ Int($0) }), length > packedLimit {
            throw DownloadProblem.tooLarge
        }
        var bytes: [UInt8] = []
        do {
            while let piece = try body.next() {
                guard bytes.count + piece.count <= packedLimit else { throw DownloadProblem.tooLarge }
                bytes += piece
            }
        } catch SocketError.reset {
            throw DownloadProblem.cutOff
        }
        // Packed, its own end tells.
        let tells = response.header("content-length") != nil || response.header("transfer-encoding") != nil
        guard tells || GzipReader.isGzip(bytes) else { throw DownloadProblem.unknownLength }
        return bytes
    }

    /// Throws where bytes are no whole list. On a thread that may block.
    func check(_ body: [UInt8]) throws {
        var counter = ListCompiler(counting: format)
        var hasBegun = false
        var size = 0
        let next = try Self.pieces(body)
        while let piece = try next() {
            size += piece.count
            guard size <= Self.sizeLimit else { throw DownloadProblem.tooLarge }
            if !hasBegun, let first = piece.first(where: { !Self.isBlank($0) }) {
                hasBegun = true
                if first == 0x3C { throw DownloadProblem.html }
            }
            var start = 0
            while start < piece.count {
                let end = min(start + Self.turnSize, piece.count)
                counter.read(piece.span.extracting(start..<end))
                start = end
                giveWay()
            }
        }
        counter.end()
        guard counter.report.ruleCount > 0 else { throw DownloadProblem.empty }
    }

    /// Whether a byte may stand before a page's first: space, ends of lines, and a byte order mark's.
    private static func isBlank(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == 0xEF || byte == 0xBB || byte == 0xBF }

    /// Keeps a list's text: its length.
    func keep(_ body: [UInt8]) throws -> Int64 {
        var size: Int64 = 0
        let next = try Self.pieces(body)
        do {
            try files.replace(path, over: { _ in .replaced }) {
                giveWay()
                let piece = try next()
                size += Int64(piece?.count ?? 0)
                return piece
            }
        } catch let error as SocketError {
            throw DownloadProblem.unkept("\(path): \(error.reason)")
        }
        return size
    }

    /// Keeps what the server called it.
    func write(_ record: ListRecord) throws {
        var pieces = [record.bytes]
        do {
            try files.replace(recordPath, over: { _ in .replaced }) { pieces.popLast() }
        } catch let error as SocketError {
            throw DownloadProblem.unkept("\(recordPath): \(error.reason)")
        }
    }

    /// The text of a body in pieces, unpacked where it is packed.
    private static func pieces(_ body: [UInt8]) throws -> () throws -> [UInt8]? {
        if GzipReader.isGzip(body) {
            guard let reader = try? GzipReader(body) else { throw DownloadProblem.cutOff }
            return {
                do throws(GzipReader.Broken) {
                    return try reader.next()
                } catch {
                    throw DownloadProblem.cutOff
                }
            }
        }
        var start = 0
        return {
            guard start < body.count else { return nil }
            let end = min(start + GzipReader.pieceSize, body.count)
            defer { start = end }
            return Array(body[start..<end])
        }
    }
}

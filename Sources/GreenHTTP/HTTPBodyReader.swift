public import Green

/// The body of a message as it comes: taken piece by piece, or as a whole. What is left of it when its message is done with is
/// not read: the connection is closed then.
public final class HTTPBodyReader {
    /// How the end of a body is known.
    enum Framing: Equatable {
        /// There is none.
        case none
        /// So many bytes are left.
        case length(Int)
        /// In chunks, whose lengths stand before them.
        case chunked
        /// It ends with the connection.
        case untilClose
    }

    private let reader: BufferedReader
    private let heads: HTTPHeadReader
    /// How long nothing may come, and until when all must have.
    private let patience: Duration
    private let end: Instant
    private var framing: Framing
    /// Bytes that are left of the present chunk; nil between two.
    private var chunkLeft: Int?
    /// Says that the body may come now; nil where that was said, or nobody waits for it.
    private var onWanted: (() throws -> Void)?
    /// Whether all of it was read.
    public private(set) var isAtEnd: Bool

    /// Whether reading it has thrown: nothing more can be had from the connection.
    private(set) var hasFailed = false

    /// A chunk's length has no more digits: it would not fit.
    private static let digitLimit = 15
    /// A line with a chunk's length, extensions included.
    private static let chunkLineLimit = 1_024
    /// Bytes of a piece at most.
    private static let pieceLimit = 65_536

    init(
        _ reader: BufferedReader, _ framing: Framing, _ limits: (headerBytes: Int, patience: Duration),
        until end: Instant = .never, onWanted: (() throws -> Void)? = nil
    ) {
        self.reader = reader
        self.end = end
        self.framing = framing
        patience = limits.patience
        self.onWanted = onWanted
        heads = HTTPHeadReader(limit: limits.headerBytes)
        isAtEnd = framing == .none || framing == .length(0)
    }

    /// The next piece, as it comes; nil after the last. Throws `HTTPError` for a body that is broken, `SocketError.timedOut`
    /// where nothing comes for too long, or none by `deadline`, `reset` where it is cut short, or the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func next(until deadline: Instant = .never) throws -> [UInt8]? {
        while let piece = try advance(deadline) {
            if !piece.isEmpty { return piece }
        }
        return nil
    }

    /// The next piece; an empty one where the length of a chunk has become known.
    private func advance(_ asked: Instant) throws -> [UInt8]? {
        guard !isAtEnd else { return nil }
        do {
            return try step(asked)
        } catch {
            hasFailed = true
            throw error
        }
    }

    private func step(_ asked: Instant) throws -> [UInt8]? {
        try onWanted?()
        onWanted = nil
        switch framing {
        case .none:
            return nil
        case .length(let left):
            let piece = try readPiece(left, asked)
            framing = .length(left - piece.count)
            isAtEnd = left == piece.count
            return piece
        case .untilClose:
            let piece = try reader.read(upTo: Self.pieceLimit, until: deadline(asked))
            isAtEnd = piece.isEmpty
            return isAtEnd ? nil : piece
        case .chunked:
            return try nextOfChunks(asked)
        }
    }

    /// All that is left. Throws an `HTTPError` (413) for more than `limit` bytes, before they are read where their number is
    /// told, and as `next` does, where not all has come by `deadline` too.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func readAll(limit: Int = 16 << 20, until deadline: Instant = .never) throws -> [UInt8] {
        var all: [UInt8] = []
        if case .length(let left) = framing, left > limit { throw Self.tooLarge(limit) }
        while let piece = try advance(deadline) {
            guard piece.count <= limit - all.count else { throw Self.tooLarge(limit) }
            all += piece
            if case .chunked = framing, let left = chunkLeft, left > limit - all.count { throw Self.tooLarge(limit) }
        }
        return all
    }

    private static func tooLarge(_ limit: Int) -> HTTPError { HTTPError(413, "a body of more than \(limit) bytes") }

    /// Until when the present wait lasts, for who asks until then.
    private func deadline(_ asked: Instant) -> Instant { min(end, asked, reader.stream.hub.loop.now() + patience) }

    private func readPiece(_ most: Int, _ asked: Instant) throws -> [UInt8] {
        let piece = try reader.read(upTo: min(most, Self.pieceLimit), until: deadline(asked))
        guard !piece.isEmpty else { throw SocketError.reset }
        return piece
    }

    private func nextOfChunks(_ asked: Instant) throws -> [UInt8]? {
        if chunkLeft == nil {
            let length = try readChunkLength(asked)
            if length == 0 {
                var room = heads.limit
                _ = try heads.readFields(reader, &room, until: deadline(asked))
                isAtEnd = true
                return nil
            }
            chunkLeft = length
            return []
        }
        let left = chunkLeft ?? 0
        let piece = try readPiece(left, asked)
        if piece.count < left {
            chunkLeft = left - piece.count
        } else {
            chunkLeft = nil
            guard try reader.readExactly(2, until: deadline(asked)) == [13, 10] else {
                throw HTTPError(400, "a chunk without its end")
            }
        }
        return piece
    }

    /// `1f;name=value`: the length in hexadecimal digits; what stands after it means nothing here.
    private func readChunkLength(_ asked: Instant) throws -> Int {
        var room = Self.chunkLineLimit
        guard let line = try HTTPHeadReader(limit: room).readLine(reader, &room, until: deadline(asked)) else {
            throw SocketError.reset
        }
        let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != 32 && $0 != 9 }
        guard (1...Self.digitLimit).contains(digits.count), digits.allSatisfy({ HTTPTarget.digit($0) != nil }) else {
            throw HTTPError(400, "a chunk without a length")
        }
        return digits.reduce(0) { $0 << 4 | Int(HTTPTarget.digit($1) ?? 0) }
    }
}

extension HTTPHead {
    /// How the body of a request is framed. Throws where that can be read in two ways (RFC 9112 6.3).
    func requestFraming() throws(HTTPError) -> HTTPBodyReader.Framing {
        try framing ?? .none
    }

    /// How the body of a response is framed.
    func responseFraming(toHead: Bool, status: Int) throws(HTTPError) -> HTTPBodyReader.Framing {
        if toHead || (100..<200).contains(status) || status == 204 || status == 304 { return .none }
        return try framing ?? .untilClose
    }

    private var framing: HTTPBodyReader.Framing? {
        get throws(HTTPError) {
            let codings = list("transfer-encoding")
            let length = try single("content-length")
            if !codings.isEmpty {
                guard length == nil else { throw HTTPError(400, "a length and an encoding") }
                guard codings == ["chunked"] else { throw HTTPError(501, "only chunked is understood") }
                return .chunked
            }
            guard let length else { return nil }
            guard (1...15).contains(length.utf8.count), length.utf8.allSatisfy({ (48...57).contains($0) }),
                let number = Int(length)
            else { throw HTTPError(400, "a length that is none") }
            return .length(number)
        }
    }
}

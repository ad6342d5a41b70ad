/// What a handler answers.
public struct HTTPResponse {
    /// The status, such as 200.
    public var status: Int
    /// The headers; those about length and connection are the server's own affair.
    public var headers: [HTTPField]
    /// The body.
    public var body: HTTPBody
    /// Whether the connection is closed after it.
    package var closes = false

    /// Puts a response together.
    public init(_ body: HTTPBody = .bytes([]), status: Int = 200, headers: [HTTPField] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response of text.
    public init(text: String, status: Int = 200, type: String = "text/plain; charset=utf-8") {
        self.init(.bytes(Array(text.utf8)), status: status, headers: [HTTPField("Content-Type", type)])
    }
}

/// The body of a response: at hand, or made piece by piece as the client takes it.
public enum HTTPBody {
    /// All of it.
    case bytes([UInt8])
    /// Asked for the next piece when the client has taken the one before, until it gives nil. It may wait. What it throws
    /// breaks the connection off, so that nobody takes a part for the whole.
    case pieces(() throws -> [UInt8]?)
}

/// What a handler throws to answer with a status and one line of text.
public struct HTTPError: Error, Hashable, CustomStringConvertible {
    /// The status.
    public var status: Int
    /// What to tell the client.
    public var description: String

    /// An error with a status.
    public init(_ status: Int, _ description: String) {
        self.status = status
        self.description = description
    }
}

public import Green

/// A request, complete with its body.
public struct HTTPRequest: Sendable, Hashable {
    /// The method in capitals, such as `GET`.
    public var method: String
    /// The path, percent escapes decoded; `/` at least.
    public var path: String
    /// What stands after the question mark, decoded, in order.
    public var query: [HTTPField]
    /// The headers in order.
    public var headers: [HTTPField]
    /// The body; empty where there is none.
    public var body: [UInt8]
    /// Where the client is; nil for a request that came over no connection.
    public var peer: SocketAddress?
    /// The user on the other side of a Unix socket, as the kernel says; nil for any other connection.
    public var peerUser: UInt32?

    /// Puts a request together.
    public init(
        _ method: String, _ path: String, query: [HTTPField] = [], headers: [HTTPField] = [], body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// The first value of a query's key; nil where it does not stand there. A key without `=` has an empty value.
    public func query(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// The first value of a header, whatever the case of its name.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// A name and a value: a header, or a part of a query.
public struct HTTPField: Sendable, Hashable {
    /// The name.
    public var name: String
    /// The value.
    public var value: String

    /// Puts both together.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

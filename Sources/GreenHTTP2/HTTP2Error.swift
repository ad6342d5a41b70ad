internal import CNghttp2

/// What went wrong with HTTP/2. What went wrong below it is an error of the byte stream.
public enum HTTP2Error: Error, Hashable, Sendable {
    /// The peer does not keep to the protocol, or there is no memory: the connection is over.
    case protocolFailure(String)
    /// The peer sent too much that carries nothing.
    case flooded
    /// The connection takes no more requests.
    case closed
    /// The stream was ended with this code (RFC 9113 7); `wasRefused` tells that the peer has not begun with the request, so
    /// that it can be sent again.
    case streamEnded(code: UInt32, wasRefused: Bool)
    /// The message is larger than was allowed.
    case tooLarge
}

extension HTTP2Error: CustomStringConvertible {
    /// One line for a log.
    public var description: String {
        switch self {
        case .protocolFailure(let reason): "HTTP/2: \(reason)"
        case .flooded: "HTTP/2: too many frames that carry nothing"
        case .closed: "HTTP/2: the connection takes no more requests"
        case .streamEnded(let code, _):
            unsafe "HTTP/2: the peer ended the stream: \(String(cString: nghttp2_http2_strerror(code)))"
        case .tooLarge: "HTTP/2: the message is larger than allowed"
        }
    }
}

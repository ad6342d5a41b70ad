internal import GreenHTTP
internal import Resolver

/// What became of a request to a collector (opentelemetry.io, "OTLP Specification", OTLP/HTTP Response).
enum OTLPVerdict: Equatable {
    /// Its traces were taken, but for so many spans, for a reason.
    case taken(rejected: UInt64, reason: String)
    /// It is to be sent again, after a time where one is given.
    case again(after: Duration?, reason: String)
    /// Nothing would change by sending it again.
    case refused(reason: String)

    /// No server is waited for longer than that, whatever it says.
    static let longestPause = Duration.seconds(60)

    /// By a response.
    init(_ status: Int, retryAfter: String?, _ body: [UInt8]) {
        switch status {
        case 200..<300:
            let rejection = OTLPMessage.rejection(body)
            self = .taken(rejected: rejection?.spans ?? 0, reason: rejection?.reason ?? "")
        case 429, 502, 503, 504:
            // Of its two forms only seconds are in use.
            let seconds = retryAfter.flatMap { Int(digits: $0) }.map { Duration.seconds(min($0, 86_400)) }
            self = .again(after: seconds.map { min($0, Self.longestPause) }, reason: "it answers \(status)")
        case 300..<400: self = .refused(reason: "it answers \(status): a redirect, which is not followed")
        default: self = .refused(reason: "it answers \(status)")
        }
    }
}

internal import GreenHTTP
internal import Observation

/// How a client wants to be answered: JSON for programs, text for people (`Accept: text/plain`).
enum ControlFormat {
    case json
    case text

    /// The member that says what could not be done, the first of its object.
    static let problemKey = "error"

    /// A line that says what could not be done, the last of a response; the command line looks for it.
    func problem(_ text: String) -> String {
        switch self {
        case .text: return "error: \(text)\n"
        case .json:
            var writer = JSONWriter()
            writer.object { $0.member(Self.problemKey, text) }
            writer.endLine()
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }

    /// An error's words, fit for a terminal: they may be a stranger's.
    static func words(_ error: any Error) -> String {
        PlainText.shown(String(String.UnicodeScalarView("\(error)".unicodeScalars.prefix(300))))
    }

    /// What a request asks for; JSON unless it says otherwise.
    init(_ request: HTTPRequest) {
        self = request.header("Accept")?.hasPrefix("text/plain") == true ? .text : .json
    }

    /// The type of a body of one value, or of lines with a value each.
    func type(lines: Bool = false) -> HTTPField {
        let name =
            switch self {
            case .json: lines ? "application/x-ndjson" : "application/json"
            case .text: "text/plain; charset=utf-8"
            }
        return HTTPField("Content-Type", name)
    }

    /// A response of one value or text.
    func response(status: Int = 200, text: () -> String, json: (inout JSONWriter) -> Void) -> HTTPResponse {
        HTTPResponse(.bytes(bytes(text: text, json: json)), status: status, headers: [type()])
    }

    /// The body of a response of one value or text.
    func bytes(text: () -> String, json: (inout JSONWriter) -> Void) -> [UInt8] {
        switch self {
        case .text: return Array(text().utf8)
        case .json:
            var writer = JSONWriter()
            writer.object(json)
            writer.endLine()
            return writer.bytes
        }
    }

    /// The response to a request that cannot be answered as it is.
    func response(_ error: HTTPError) -> HTTPResponse {
        response(status: error.status) {
            "\(error)\n"
        } json: {
            $0.member(Self.problemKey, "\(error)")
        }
    }
}

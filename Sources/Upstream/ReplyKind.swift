internal import DNSWire

/// What a reply is, as far as the next step depends on it.
enum ReplyKind: Hashable {
    /// An answer, or an error that is final.
    case final
    /// Cut short: asked again over TCP.
    case truncated
    /// Wrong letters: asked again over TCP.
    case otherLetters
    /// The server does not understand EDNS.
    case withoutEDNS
    /// A failure of this server: the next is asked.
    case failure(ResponseCode, ExtendedErrorCode?)

    /// Judges a reply that fits its question. One whose records cannot be read is a failure of the server.
    static func of(_ bytes: [UInt8], to question: UpstreamQuestion) -> ReplyKind {
        let summary: ReplySummary
        do throws(WireError) {
            summary = try ReplySummary(bytes.span)
        } catch {
            return bytes.count >= 12 && bytes[2] & 0x02 != 0 ? .truncated : .failure(.servFail, .invalidData)
        }
        if summary.isTruncated { return .truncated }
        switch summary.responseCode {
        case .noError, .nxDomain, .yxDomain:
            return .final
        case .formErr, .badVers:
            return .withoutEDNS
        case .servFail where summary.extendedError?.saysBogus == true:
            return .final
        default:
            return .failure(summary.responseCode, summary.extendedError)
        }
    }
}

/// What is read of each reply before it is believed: all of its records are walked over, so that what goes on from
/// here is whole.
struct ReplySummary {
    let isTruncated: Bool
    private(set) var responseCode: ResponseCode
    private(set) var extendedError: ExtendedErrorCode?

    init(_ bytes: Span<UInt8>) throws(WireError) {
        let message = try MessageView(bytes)
        isTruncated = message.flags.isTruncated
        responseCode = message.flags.responseCode
        var records = try message.records()
        while let record = try records.next() {
            guard record.section == .additional, record.type == .opt else { continue }
            let opt = try EDNSSummary(record)
            responseCode = ResponseCode(low: message.flags.responseCode, extendedHigh: opt.extendedHigh)
            extendedError = extendedError ?? opt.extendedError(in: bytes)
        }
    }
}

extension ExtendedErrorCode {
    /// Whether the upstream says that the data failed DNSSEC validation (RFC 8914 4.7 to 4.13): asking others would
    /// talk the verdict away.
    var saysBogus: Bool { (6...12).contains(rawValue) }
}

package import DNSWire

/// What a reply is, as far as the next step depends on it.
enum ReplyKind: Hashable {
    /// An answer, or an error that is final.
    case final
    /// Cut short: asked again over TCP.
    case truncated
    /// It cannot be read: once more over TCP, then the next.
    case broken
    /// The server does not understand EDNS: FORMERR or BADVERS (RFC 6891 7), in old ones NOTIMP (RFC 2671 5.3).
    case withoutEDNS(ResponseCode)
    /// A failure of this server: the next is asked.
    case failure(ResponseCode, ExtendedErrorCode?)

    /// Judges a reply that fits its question.
    static func of(_ bytes: [UInt8]) -> ReplyKind {
        do throws(WireError) {
            let summary = try ReplySummary(bytes.span)
            if summary.flags.isTruncated { return .truncated }
            return of(summary.responseCode, summary.extendedError)
        } catch {
            guard bytes.count >= MessageView.headerLength else { return .broken }
            // A failure often comes with the query's counts but without its records.
            let flags = HeaderFlags(rawValue: bytes.span.loadUInt16(at: 2))
            if flags.isTruncated { return .truncated }
            let kind = of(flags.responseCode, .invalidData)
            return kind == .final ? .broken : kind
        }
    }

    private static func of(_ code: ResponseCode, _ reason: ExtendedErrorCode?) -> ReplyKind {
        switch code {
        case .noError, .nxDomain, .yxDomain: .final
        case .formErr, .notImp, .badVers: .withoutEDNS(code)
        case .servFail where reason?.saysBogus == true: .final
        default: .failure(code, reason)
        }
    }
}

/// What is read of each reply before it is believed: all of its records are walked over, so that what goes on from
/// here is whole.
package struct ReplySummary {
    /// The header's flags.
    package let flags: HeaderFlags
    /// The whole rcode.
    package private(set) var responseCode: ResponseCode
    /// The extended error; where there are several, one that says that the data is bogus.
    package private(set) var extendedError: ExtendedErrorCode?

    /// Reads a message to its end.
    package init(_ bytes: Span<UInt8>) throws(WireError) {
        let message = try MessageView(bytes)
        flags = message.flags
        responseCode = message.flags.responseCode
        var records = try message.records()
        while let place = try records.nextPlace() {
            guard place.type == .opt, place.section == .additional else { continue }
            let opt = try EDNSSummary(bytes, place)
            responseCode = ResponseCode(low: message.flags.responseCode, extendedHigh: opt.extendedHigh)
            if opt.version == 0 { readExtendedErrors(bytes, opt) }
        }
    }

    /// Reads the extended errors among an OPT record's options (RFC 8914 2), which fill it exactly.
    private mutating func readExtendedErrors(_ bytes: Span<UInt8>, _ opt: EDNSSummary) {
        var position = opt.optionsOffset
        while position < opt.optionsOffset + opt.optionsLength {
            let length = Int(bytes.loadUInt16(at: position + 2))
            if bytes.loadUInt16(at: position) == EDNSOptionCode.extendedError.rawValue, length >= 2 {
                let code = ExtendedErrorCode(rawValue: bytes.loadUInt16(at: position + 4))
                if extendedError == nil || code.saysBogus { extendedError = code }
            }
            position += 4 + length
        }
    }
}

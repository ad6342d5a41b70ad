internal import DNSWire

extension MatchRule {
    /// The words that stand for a rule as they are.
    static let words: [String: MatchRule] = [
        "opcode": .opcode, "qtype": .qtype, "qname": .qname, "qcase": .qcase, "subdomain": .subdomain,
        "question": .question, "answer": .answer, "authority": .authority, "additional": .additional, "flags": .flags,
        "rcode": .rcode, "all": .all, "all_noedns": .allWithoutEDNS, "ttl": .ttl, "DO": .dnssecOK, "CO": .compactOK,
        "noedns": .noEDNS, "edns": .edns, "ednsdata": .ednsData, "nsid": .nsid, "AA": .flag(0x0400), "TC": .flag(0x0200),
        "RD": .flag(0x0100), "RA": .flag(0x0080), "AD": .flag(0x0020), "CD": .flag(0x0010),
        "client_cookie": .clientCookie, "server_cookie": .serverCookie, "UDP": .transport(.udp), "TCP": .transport(.tcp),
        "ANY_ANSWER": .anything,
    ]

    /// Reads a word of MATCH; nil for one that is not known.
    init?(word: Substring) {
        let parts = word.split(maxSplits: 1) { $0 == "=" || $0 == ":" }
        if parts.count == 2 {
            switch (parts[0], UInt32(parts[1])) {
            case ("serial", let serial?): self = .serial(serial)
            case ("ede", _) where parts[1] == "any": self = .extendedError(nil)
            case ("ede", let code?) where code <= 65_535: self = .extendedError(UInt16(code))
            default: return nil
            }
        } else if let rule = Self.words[String(word)] {
            self = rule
        } else {
            return nil
        }
    }
}

extension Adjustment {
    /// The words that stand for an adjustment as they are.
    private static let words: [String: Adjustment] = [
        "copy_id": .copyID, "copy_query": .copyQuery, "raw_id": .rawID, "do_not_answer": .doNotAnswer,
        "keep_case": .keepCase,
    ]

    /// Reads a word of ADJUST; nil for one that is not known, and for `packet_sleep`, which concerns one packet.
    init?(word: Substring) {
        if let seconds = Self.seconds(word, of: "sleep") {
            self = .sleep(seconds)
        } else if let adjustment = Self.words[String(word)] {
            self = adjustment
        } else {
            return nil
        }
    }

    /// The time in `key=2` or `key=0.25`; a day at most.
    static func seconds(_ word: Substring, of key: String) -> Duration? {
        guard word.hasPrefix(key + "="), let seconds = Double(word.dropFirst(key.count + 1)), (0...86_400).contains(seconds)
        else { return nil }
        return .seconds(seconds)
    }
}

extension Message {
    /// Opcodes by the words that REPLY has for them.
    private static let opcodes: [String: Opcode] = [
        "QUERY": .query, "IQUERY": .inverseQuery, "STATUS": .status, "NOTIFY": .notify, "UPDATE": .update,
        "DSO": .statefulOperations,
    ]

    /// Rcodes by the words that REPLY has for them.
    private static let responseCodes: [String: ResponseCode] = [
        "NOERROR": .noError, "FORMERR": .formErr, "SERVFAIL": .servFail, "NXDOMAIN": .nxDomain, "NOTIMP": .notImp,
        "NOTIMPL": .notImp, "REFUSED": .refused, "YXDOMAIN": .yxDomain, "YXRRSET": .yxRRSet, "NXRRSET": .nxRRSet,
        "NOTAUTH": .notAuth, "NOTZONE": .notZone, "BADVERS": .badVers, "BADCOOKIE": .badCookie,
    ]

    /// Bits of the header by the words that REPLY has for them.
    private static let bits: [String: UInt16] = [
        "QR": 0x8000, "AA": 0x0400, "TC": 0x0200, "RD": 0x0100, "RA": 0x0080, "AD": 0x0020, "CD": 0x0010,
    ]

    /// Takes a word of REPLY; false for one that is not known. An rcode above 15 makes the message have an OPT record.
    mutating func take(word: Substring) -> Bool {
        let word = String(word)
        if let opcode = Self.opcodes[word] {
            flags.opcode = opcode
        } else if let code = Self.responseCodes[word] {
            if code.extendedHigh > 0, edns == nil { edns = EDNS() }
            responseCode = code
        } else if let bit = Self.bits[word] {
            flags.rawValue |= bit
        } else if word == "DO" || word == "CO" {
            var options = edns ?? EDNS()
            options.flags |= word == "DO" ? 0x8000 : 0x4000
            edns = options
        } else {
            return false
        }
        return true
    }
}

package import DNSWire

extension ScenarioEntry {
    /// What of a message is not as the entry has it, in lines for people; empty where it matches.
    package func differences(from message: Message, over transport: ScenarioTransport) -> [String] {
        var message = message
        var found: [String] = []
        // An extended error or a cookie that is asked for stands for itself: it is no option any more.
        for rule in matches { found += rule.takeOption(from: &message) }
        for rule in matches.sorted(by: { "\($0)" < "\($1)" }) {
            found += rule.differences(
                MessagePair(expected: self.message, actual: message, heedsTTL: matches.contains(.ttl)), transport)
        }
        return found
    }

    /// Whether a message matches.
    package func accepts(_ message: Message, over transport: ScenarioTransport) -> Bool {
        differences(from: message, over: transport).isEmpty
    }
}

/// Two messages that are compared.
struct MessagePair {
    /// What the entry has.
    let expected: Message
    /// What came.
    let actual: Message
    /// Whether time to live counts.
    let heedsTTL: Bool
}

extension MatchRule {
    /// Checks and removes the option that the rule is about.
    fileprivate func takeOption(from message: inout Message) -> [String] {
        let code: EDNSOptionCode
        switch self {
        case .extendedError: code = .extendedError
        case .clientCookie, .serverCookie: code = .cookie
        default: return []
        }
        guard let place = message.edns?.options.firstIndex(where: { $0.code == code }), let option = message.edns?.options[place]
        else { return ["expected the option \(code), which is not there"] }
        message.edns?.options.remove(at: place)
        switch self {
        case .extendedError(let expected?):
            let actual = option.extendedError?.code.rawValue
            return actual == expected ? [] : ["expected EDE \(expected), came \(option)"]
        case .clientCookie: return option.data.count == 8 ? [] : ["expected a cookie of 8 bytes, came \(option.data.count)"]
        case .serverCookie: return option.data.count == 24 ? [] : ["expected a cookie of 24 bytes, came \(option.data.count)"]
        default: return []
        }
    }

    /// What differs, as far as the rule looks.
    fileprivate func differences(_ pair: MessagePair, _ transport: ScenarioTransport) -> [String] {
        switch self {
        case .opcode, .rcode, .flags, .flag: pair.headDifferences(self)
        case .qtype, .qname, .qcase, .subdomain, .question: pair.questionDifferences(self)
        case .answer: pair.sectionDifferences("ANSWER", \.answers)
        case .authority: pair.sectionDifferences("AUTHORITY", \.authorities)
        case .additional: pair.sectionDifferences("ADDITIONAL", \.additionals)
        case .all:
            MatchRule.allWithoutEDNS.differences(pair, transport) + pair.ednsDifferences(self)
        case .allWithoutEDNS:
            [MatchRule.opcode, .rcode, .flags, .question, .answer, .authority, .additional].flatMap {
                $0.differences(pair, transport)
            }
        case .dnssecOK, .compactOK, .noEDNS, .edns, .ednsData, .nsid: pair.ednsDifferences(self)
        case .serial(let expected): pair.serialDifferences(expected)
        case .transport(let expected): expected == transport ? [] : ["expected it over \(expected), came over \(transport)"]
        case .ttl, .extendedError, .clientCookie, .serverCookie, .anything: []
        }
    }
}

extension MessagePair {
    /// A line where two values differ.
    private func line<Value: Equatable>(_ what: String, _ expected: Value, _ actual: Value) -> [String] {
        expected == actual ? [] : ["\(what): expected \(expected), came \(actual)"]
    }

    /// QR, AA, TC, RD, RA, AD, CD.
    private static let flagBits: UInt16 = 0x87B0

    fileprivate func headDifferences(_ rule: MatchRule) -> [String] {
        switch rule {
        case .opcode: line("opcode", expected.flags.opcode, actual.flags.opcode)
        case .rcode: line("rcode", expected.responseCode, actual.responseCode)
        case .flag(let bit):
            line(
                "flags", HeaderFlags(rawValue: expected.flags.rawValue & bit), HeaderFlags(rawValue: actual.flags.rawValue & bit))
        default:
            line(
                "flags", HeaderFlags(rawValue: expected.flags.rawValue & Self.flagBits),
                HeaderFlags(rawValue: actual.flags.rawValue & Self.flagBits))
        }
    }

    fileprivate func questionDifferences(_ rule: MatchRule) -> [String] {
        if rule == .question {
            return expected.questions == actual.questions
                ? [] : ["question: expected \(expected.questions), came \(actual.questions)"]
        }
        guard let wanted = expected.questions.first, let asked = actual.questions.first else {
            return line("questions", expected.questions.count, actual.questions.count)
        }
        switch rule {
        case .qtype: return line("qtype", wanted.type, asked.type)
        case .qname: return line("qname", wanted.name, asked.name)
        case .qcase: return line("qname", "\(wanted.name)", "\(asked.name)")
        default:
            return asked.name.isSubdomain(of: wanted.name) ? [] : ["qname: expected one below \(wanted.name), came \(asked.name)"]
        }
    }

    /// Records that are missing, and those that came instead: in any order, each as often as it is there.
    fileprivate func sectionDifferences(_ name: String, _ section: KeyPath<Message, [ResourceRecord]>) -> [String] {
        func compared(_ records: [ResourceRecord]) -> [ResourceRecord] {
            heedsTTL ? records : records.map { ResourceRecord($0.owner, ttl: 0, class: $0.class, $0.data) }
        }
        var missing: [ResourceRecord] = []
        var (left, leftAsItCame) = (compared(actual[keyPath: section]), actual[keyPath: section])
        for (record, asWritten) in zip(compared(expected[keyPath: section]), expected[keyPath: section]) {
            if let place = left.firstIndex(of: record) {
                left.remove(at: place)
                leftAsItCame.remove(at: place)
            } else {
                missing.append(asWritten)
            }
        }
        guard !missing.isEmpty || !left.isEmpty else { return [] }
        return ["\(name) section:"] + missing.map { "  - \($0)" } + leftAsItCame.map { "  + \($0)" }
    }

    fileprivate func ednsDifferences(_ rule: MatchRule) -> [String] {
        switch rule {
        case .dnssecOK: return actual.edns?.dnssecOK == true ? [] : ["expected DO"]
        case .compactOK: return (actual.edns?.flags ?? 0) & 0x4000 != 0 ? [] : ["expected CO"]
        case .noEDNS: return actual.edns == nil ? [] : ["expected no OPT record"]
        case .edns:
            return line("EDNS version", expected.edns?.version, actual.edns?.version)
                + line("EDNS size", expected.edns?.udpPayloadSize, actual.edns?.udpPayloadSize)
        case .ednsData: return line("EDNS options", expected.edns?.options ?? [], actual.edns?.options ?? [])
        case .nsid:
            func identifier(_ message: Message) -> EDNSOption? { message.edns?.options.first { $0.code.rawValue == 3 } }
            return line("NSID", identifier(expected), identifier(actual))
        default:
            return line("OPT record", expected.edns != nil, actual.edns != nil)
                + line("EDNS version", expected.edns?.version ?? 0, actual.edns?.version ?? 0)
                + line("DO", expected.edns?.dnssecOK ?? false, actual.edns?.dnssecOK ?? false)
        }
    }

    fileprivate func serialDifferences(_ wanted: UInt32) -> [String] {
        for record in actual.authorities {
            if case .soa(let start) = record.data { return line("serial", wanted, start.serial) }
        }
        return ["serial: expected \(wanted), came no SOA record"]
    }
}

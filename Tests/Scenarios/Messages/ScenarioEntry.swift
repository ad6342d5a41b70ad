package import DNSWire

/// A message of a scenario: to send, to match others with, or to answer with.
package struct ScenarioEntry: Sendable {
    /// Where it begins.
    package let line: Int
    /// What must be the same in a message for it to match.
    package var matches: Set<MatchRule> = []
    /// What is changed in a reply before it is sent.
    package var adjustments: Set<Adjustment> = []
    /// The messages; replies over a stream may have several.
    package var packets: [ScenarioPacket] = [ScenarioPacket()]

    /// The first message, by which others are matched.
    package var message: Message { packets[0].message }
    /// Whether it only names other servers.
    package var isReferral: Bool {
        message.responseCode == .noError && message.answers.isEmpty && !message.flags.isTruncated
            && message.authorities.contains { $0.type == .ns } && !message.authorities.contains { $0.type == .soa }
    }
    /// The transport that is asked for; nil for any.
    package var transport: ScenarioTransport? {
        for case .transport(let transport) in matches { return transport }
        return nil
    }

    init(line: Int) {
        self.line = line
    }
}

/// One message of an entry.
package struct ScenarioPacket: Sendable {
    /// The message.
    package var message = Message()
    /// Its bytes, where it is none that can be written otherwise.
    package var bytes: [UInt8]?
    /// How long it waits behind the one before.
    package var delay = Duration.zero
}

/// What carries a message.
package enum ScenarioTransport: Sendable {
    case udp
    case tcp
}

/// Something that must be the same in two messages (a word of MATCH).
package enum MatchRule: Hashable, Sendable {
    case opcode, qtype, qname, qcase, subdomain, question, answer, authority, additional, flags, rcode
    /// Everything but EDNS options and sizes; without the second, EDNS does not count at all.
    case all, allWithoutEDNS
    /// Time to live counts too, in sections that are compared.
    case ttl
    /// DO or CO is set, or there is no OPT record.
    case dnssecOK, compactOK, noEDNS
    /// EDNS version and size; the options; NSID.
    case edns, ednsData, nsid
    /// The flag AA, AD, CD, RA, RD or TC is as in the entry.
    case flag(UInt16)
    /// The serial of the SOA record in the authority section.
    case serial(UInt32)
    /// An extended error, of that number where there is one. It does not count as an option then.
    case extendedError(UInt16?)
    /// A cookie of the client alone, or with the server's. It does not count as an option then.
    case clientCookie, serverCookie
    /// What it came over.
    case transport(ScenarioTransport)
    /// Whatever it is.
    case anything
}

/// Something that is changed in a reply (a word of ADJUST).
package enum Adjustment: Hashable, Sendable {
    /// The query's id.
    case copyID
    /// The query's question.
    case copyQuery
    /// The question's letters stay as the entry has them; else they become the query's.
    case keepCase
    /// The query's id in bytes that are given as they are.
    case rawID
    /// No reply is sent.
    case doNotAnswer
    /// The reply is sent so much later.
    case sleep(Duration)
}

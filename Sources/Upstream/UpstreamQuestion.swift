package import DNSWire

/// A question as it goes upstream: the query's bytes, made once, from which each try is written with its own id and
/// letters. What a client said in EDNS options is not in it.
package struct UpstreamQuestion: Sendable {
    /// The query with OPT, id 0, name in lower case.
    private let template: [UInt8]
    /// The first byte after the question.
    let questionEnd: Int

    /// EDNS's payload size in queries (RFC 9715 recommends at most 1400; the DNS flag day of 2020 says 1232).
    package static let payloadSize: UInt16 = 1232

    /// The query for a name, type and class with the client's DO and CD. Upstream is asked with AD set, so that it
    /// says whether it validated (RFC 6840 5.7).
    package init(_ name: borrowing FixedName, _ type: RecordType, _ class: RecordClass, flags: KeyFlags) {
        var header = HeaderFlags()
        header.recursionDesired = true
        header.authenticData = true
        header.checkingDisabled = flags.checkingDisabled
        var bytes = [UInt8]()
        bytes.reserveCapacity(12 + name.count + 4 + 11)
        for word: UInt16 in [0, header.rawValue, 1, 0, 0, 1] { bytes.append(word: word) }
        let wire = name.span
        for index in wire.indices { bytes.append(wire[index]) }
        bytes.append(word: type.rawValue)
        bytes.append(word: `class`.rawValue)
        questionEnd = bytes.count
        bytes.append(0)
        for word: UInt16 in [RecordType.opt.rawValue, Self.payloadSize, 0, flags.dnssecOK ? 0x8000 : 0, 0] {
            bytes.append(word: word)
        }
        template = bytes
    }

    /// How one try is written.
    struct Form: Hashable, Sendable {
        /// The message's id.
        var id: UInt16
        /// One bit for each letter of the name, used over and over: set means upper case. 0 leaves the name in lower
        /// case, and takes the answer in any.
        var letters: UInt64
        /// Whether the query has an OPT record.
        var hasEDNS: Bool
    }

    /// How long the query is in that form.
    func length(_ form: Form) -> Int { form.hasEDNS ? template.count : questionEnd }

    /// Writes the query to the front of `buffer`, which has room for it: its length.
    func write(_ form: Form, into buffer: inout MutableSpan<UInt8>, at offset: Int = 0) -> Int {
        let length = length(form)
        for index in 0..<length { buffer[offset + index] = template[index] }
        buffer[offset] = UInt8(form.id >> 8)
        buffer[offset + 1] = UInt8(truncatingIfNeeded: form.id)
        if !form.hasEDNS { buffer[offset + 11] = 0 }
        if form.letters != 0 {
            for index in 12..<questionEnd - 5 { buffer[offset + index] = cased(index, form.letters) }
        }
        return length
    }

    /// A byte of the name in the case that its bit says. Label lengths are under 64 and so no letters.
    @inline(__always)
    private func cased(_ index: Int, _ letters: UInt64) -> UInt8 {
        let byte = template[index]
        let isLetter = byte >= 0x61 && byte <= 0x7A
        return isLetter && letters >> UInt64(index & 63) & 1 == 1 ? byte ^ 0x20 : byte
    }

    /// What a message is that came back from the peer that was asked.
    enum Match: Hashable, Sendable {
        /// The answer to this try, with the letters as sent.
        case answer
        /// The answer to this question, but its letters are not those that were sent.
        case otherLetters
        /// A failure that leaves the question out, as old servers send it; only its rcode means anything.
        case bareFailure
        /// Not an answer to this try.
        case stray
    }

    /// Compares a reply to what was sent.
    func match(_ reply: Span<UInt8>, _ form: Form) -> Match {
        guard let view = try? MessageView(reply), view.id == form.id, view.flags.isResponse, view.flags.opcode == .query
        else { return .stray }
        // Some old servers send the header alone, and leave the counts as they were.
        if reply.count == MessageView.headerLength {
            switch view.flags.responseCode {
            case .formErr, .servFail, .notImp, .refused: return .bareFailure
            default: return .stray
            }
        }
        guard view.questionCount == 1, reply.count >= questionEnd else { return .stray }
        var sameLetters = true
        for index in 12..<questionEnd {
            let isName = index < questionEnd - 5
            let expected = isName ? cased(index, form.letters) : template[index]
            if reply[index] == expected { continue }
            guard isName, lowered(reply[index]) == template[index] else { return .stray }
            sameLetters = false
        }
        return sameLetters || form.letters == 0 ? .answer : .otherLetters
    }

    private func lowered(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
    }
}

extension [UInt8] {
    /// Appends a 16-bit number in network order.
    fileprivate mutating func append(word: UInt16) {
        append(UInt8(word >> 8))
        append(UInt8(truncatingIfNeeded: word))
    }
}

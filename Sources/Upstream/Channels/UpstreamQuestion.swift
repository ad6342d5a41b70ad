package import Belief
package import DNSWire

/// A question as it goes upstream, written anew for each try with an id and letters of its own. What a client said in EDNS
/// options is not in it.
package struct UpstreamQuestion: Sendable {
    /// What is asked.
    let asked: Asked

    /// The name's wire form, lower-cased.
    package var name: [UInt8] { asked.name }
    package var type: RecordType { asked.type }
    var `class`: RecordClass { asked.class }
    private var flags: KeyFlags { asked.flags }

    /// EDNS's payload size in queries (RFC 9715 recommends at most 1400; the DNS flag day of 2020 says 1232).
    package static let payloadSize: UInt16 = 1232
    /// The length of an OPT record without options (RFC 6891 6.1.2).
    private static let optLength = 11

    /// The query for a name (its wire form, lower-cased, without pointers), type and class with the client's DO and CD.
    /// Upstream is asked with AD set, so that it says whether it validated (RFC 6840 5.7).
    package init(_ name: [UInt8], _ type: RecordType, _ class: RecordClass, flags: KeyFlags) {
        self.init(Asked(name, type, `class`, flags: flags))
    }

    /// The query for a question.
    package init(_ asked: Asked) { self.asked = asked }

    /// The question for the root's name servers, which every server knows the answer to.
    static let root = UpstreamQuestion(
        [0], .ns, .internet, flags: KeyFlags(dnssecOK: false, checkingDisabled: false))

    /// Where the name ends, and type and class begin.
    var nameEnd: Int { MessageView.headerLength + name.count }
    /// The first byte after the question.
    var questionEnd: Int { nameEnd + 4 }

    /// Whether both ask about the same name.
    func hasName(of other: UpstreamQuestion) -> Bool { name == other.name }

    /// How one try is written.
    struct Form: Hashable, Sendable {
        /// The message's id.
        var id: UInt16
        /// One bit for each letter of the name, used over and over: set means upper case. 0 leaves the name in lower
        /// case, and takes the answer in any.
        var letters: UInt64
        /// Whether the query has an OPT record.
        var hasEDNS: Bool
        /// What stands in that record.
        var options = Options()
    }

    /// The options of a query over a connection; over UDP there are none.
    struct Options: OptionSet, Hashable, Sendable {
        let rawValue: UInt8
        /// Whether the server is asked how long the connection may idle (RFC 7828 3.1).
        static let keepalive = Options(rawValue: 1)
        /// Whether the query is filled up, so that its length says little of the name (RFC 8467 4.1).
        static let padding = Options(rawValue: 2)
    }

    /// Padded queries are as long as a multiple of this.
    static let paddingBlock = 128
    /// The code and the length before an option's data.
    private static let optionHead = 4

    /// How long the query is in that form.
    @inline(__always)
    func length(_ form: Form) -> Int {
        let plain = questionEnd + (form.hasEDNS ? Self.optLength : 0)
        return form.options.isEmpty || !form.hasEDNS ? plain : optionsEnd(form.options, from: plain)
    }

    /// Where the options end that begin at an offset.
    private func optionsEnd(_ options: Options, from start: Int) -> Int {
        var end = start
        if options.contains(.keepalive) { end += Self.optionHead }
        if options.contains(.padding) {
            end = (end + Self.optionHead + Self.paddingBlock - 1) / Self.paddingBlock * Self.paddingBlock
        }
        return end
    }

    /// Writes the query as nobody else sees it, with id 0 and an OPT record, to the front of `buffer`: its length.
    package func write(into buffer: inout MutableSpan<UInt8>) -> Int {
        write(Form(id: 0, letters: 0, hasEDNS: true), into: &buffer)
    }

    /// Writes the query to `buffer` from `offset` on, where there is room for it: its length.
    func write(_ form: Form, into buffer: inout MutableSpan<UInt8>, at offset: Int = 0) -> Int {
        let length = length(form)
        var message = buffer._mutatingExtracting(offset..<offset + length)
        var header = HeaderFlags()
        header.recursionDesired = true
        header.authenticData = true
        header.checkingDisabled = flags.checkingDisabled
        MessagePatch.setID(form.id, in: &message)
        MessagePatch.setFlags(header, in: &message)
        MessagePatch.setQuestionCount(1, in: &message)
        MessagePatch.setRecordCount(0, of: .answer, in: &message)
        MessagePatch.setRecordCount(0, of: .authority, in: &message)
        MessagePatch.setRecordCount(form.hasEDNS ? 1 : 0, of: .additional, in: &message)
        writeName(form.letters, into: &message)
        message.storeUInt16(type.rawValue, at: nameEnd)
        message.storeUInt16(`class`.rawValue, at: nameEnd + 2)
        if form.hasEDNS {
            let opt = OPTReply(udpPayloadSize: Self.payloadSize, dnssecOK: flags.dnssecOK)
            opt.write(to: &message, at: questionEnd)
            if !form.options.isEmpty { write(form.options, into: &message) }
        }
        return length
    }

    /// Writes what stands in the OPT record, which ends the message.
    private func write(_ options: Options, into message: inout MutableSpan<UInt8>) {
        var position = questionEnd + Self.optLength
        message.storeUInt16(UInt16(truncatingIfNeeded: message.count - position), at: position - 2)
        if options.contains(.keepalive) {
            message.storeUInt16(EDNSOptionCode.tcpKeepalive.rawValue, at: position)
            message.storeUInt16(0, at: position + 2)
            position += Self.optionHead
        }
        guard options.contains(.padding) else { return }
        message.storeUInt16(EDNSOptionCode.padding.rawValue, at: position)
        message.storeUInt16(UInt16(truncatingIfNeeded: message.count - position - Self.optionHead), at: position + 2)
        for index in position + Self.optionHead..<message.count { message[index] = 0 }
    }

    private func writeName(_ letters: UInt64, into message: inout MutableSpan<UInt8>) {
        let name = name.span
        var index = 0
        while index < name.count {
            var word = cased(name, at: index, letters)
            let place = MessageView.headerLength + index
            if place + 8 <= message.count {
                message.storeWord(word, at: place)
            } else {
                for byte in place..<message.count {
                    message[byte] = UInt8(truncatingIfNeeded: word)
                    word >>= 8
                }
            }
            index += 8
        }
    }

    /// Up to eight bytes of the name, in the case that the letters' bits say; zeros after its end.
    @inline(__always)
    func cased(_ name: Span<UInt8>, at index: Int, _ letters: UInt64) -> UInt64 {
        LetterBits.apply(letters, to: name.loadWord(at: index, count: name.count - index), at: index)
    }
}

/// A whole message, owned and typed.
public struct Message: Hashable, Sendable {
    /// The id.
    public var id: UInt16
    /// Flags, opcode and the low four bits of the rcode.
    public var flags: HeaderFlags
    /// The questions; one in all but odd messages.
    public var questions: [Question] = []
    /// The answer section.
    public var answers: [ResourceRecord] = []
    /// The authority section.
    public var authorities: [ResourceRecord] = []
    /// The additional section without OPT.
    public var additionals: [ResourceRecord] = []
    /// What OPT says, where there is one.
    public var edns: EDNS?

    /// Starts a message.
    public init(id: UInt16 = 0, flags: HeaderFlags = HeaderFlags()) {
        self.id = id
        self.flags = flags
    }

    /// Starts the reply to a query: its id, opcode, RD, CD and question; an OPT where the query has one, with its DO (RFC 1035 4.1.1,
    /// RFC 3225 3, RFC 4035 3.2.2, RFC 6891 6.1.1).
    public init(replyTo query: Message, _ code: ResponseCode = .noError) {
        self.init(id: query.id)
        flags.isResponse = true
        flags.opcode = query.flags.opcode
        flags.recursionDesired = query.flags.recursionDesired
        flags.checkingDisabled = query.flags.checkingDisabled
        questions = query.questions
        edns = query.edns.map { EDNS(dnssecOK: $0.dnssecOK) }
        responseCode = code
    }

    /// The whole rcode. A code above 15 needs `edns`; without it the high bits are lost.
    public var responseCode: ResponseCode {
        get { ResponseCode(low: flags.responseCode, extendedHigh: edns?.extendedHigh ?? 0) }
        set {
            flags.responseCode = newValue
            edns?.extendedHigh = newValue.extendedHigh
        }
    }

    /// Reads a message, all of it: strict about counts, names, rdata, OPT and bytes after the end.
    public init(_ bytes: Span<UInt8>) throws(WireError) {
        let view = try MessageView(bytes)
        self.init(id: view.id, flags: view.flags)
        var offset = MessageView.headerLength
        for _ in 0..<view.questionCount {
            let question = try QuestionView(bytes, at: offset)
            questions.append(Question(question))
            offset = question.endOffset
        }
        var records = RecordCursor(view, at: offset)
        while let record = try records.next() { try add(record) }
        guard !records.hasMoreBytes else { throw .badMessage }
    }

    /// Adds a record that was read to its section; OPT may stand only in the additional one, and once.
    private mutating func add(_ record: borrowing RecordView) throws(WireError) {
        if record.type == .opt {
            guard edns == nil, record.section == .additional else { throw .badMessage }
            edns = try EDNS(record)
            return
        }
        let owned = try ResourceRecord(record)
        switch record.section {
        case .answer: answers.append(owned)
        case .authority: authorities.append(owned)
        case .additional: additionals.append(owned)
        }
    }

    /// Writes all of the message into a builder that has nothing but its header.
    public func write(to builder: inout MessageBuilder) throws(WireError) {
        for question in questions { try builder.appendQuestion(question.name.view, question.type, question.class) }
        for record in answers { try builder.append(record, to: .answer) }
        for record in authorities { try builder.append(record, to: .authority) }
        // A signature over the message stays last (RFC 8945 5.1, RFC 2931 3).
        let isSigned = additionals.last.map { $0.type == .tsig || $0.type == .sig } ?? false
        for record in isSigned ? additionals.dropLast() : additionals[...] { try builder.append(record, to: .additional) }
        if let edns { try builder.appendOPT(edns) }
        if isSigned, let last = additionals.last { try builder.append(last, to: .additional) }
    }

    /// The message's bytes; throws `.doesNotFit` when they would be more than the limit.
    public func encoded(limit: Int = 65_535) throws(WireError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(MessageView.headerLength, limit))
        let count = try Self.encode(self, into: &bytes)
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Writes a message to the start of an array; returns how many bytes it took.
    private static func encode(_ message: Message, into bytes: inout [UInt8]) throws(WireError) -> Int {
        var builder = MessageBuilder(bytes.mutableSpan, id: message.id, flags: message.flags)
        try message.write(to: &builder)
        return builder.count
    }
}

extension Message: CustomStringConvertible {
    /// The message as dig prints it, in short.
    public var description: String {
        var lines = [";; opcode: \(flags.opcode), status: \(responseCode), id: \(id)", ";; flags: \(flags)"]
        if let edns { lines.append(edns.description) }
        lines += questions.map { ";\($0)" }
        for section in [answers, authorities, additionals] where !section.isEmpty {
            lines.append("")
            lines += section.map(\.description)
        }
        return lines.joined(separator: "\n")
    }
}

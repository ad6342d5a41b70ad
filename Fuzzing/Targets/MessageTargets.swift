import DNSWire

/// Readers and writers of messages.
enum MessageTargets {
    /// Any bytes are read or refused, by all readers, and what is read can be walked, copied and shown.
    static func message(_ bytes: [UInt8]) {
        var query = QueryView()
        _ = query.read(bytes.span, seed: 1)
        var buffer = [UInt8](repeating: 0, count: 8192)
        try? copy(bytes, into: &buffer)
        guard let message = try? Message(bytes.span) else { return }
        promise(!message.description.isEmpty, "a message is shown")
    }

    /// Walks a message in place as a cache would, and copies every record that it reaches.
    private static func copy(_ bytes: [UInt8], into buffer: inout [UInt8]) throws(WireError) {
        let view = try MessageView(bytes.span)
        var records = try view.records()
        var builder = MessageBuilder(buffer.mutableSpan, id: view.id, flags: view.flags)
        while let record = try records.next() { try builder.append(record, to: record.section) }
    }

    /// A name at any place of any bytes is read or refused; what is read is the same name in each of its forms.
    static func name(_ bytes: [UInt8]) {
        text(bytes)
        guard let first = bytes.first else { return }
        let message = Array(bytes.dropFirst())
        guard let view = try? NameView(message.span, at: min(Int(first), message.count)) else { return }
        let name = Name(view)
        promise(name.wire.count == view.wireLength && name.labels.count == view.labelCount, "a copy has the same shape")
        promise(name.view.isEqual(to: view) && name.view.isIdentical(to: view), "a copy is the same name")
        promise(view.isSubdomain(of: name.view), "a name is below itself")
        promise(name.lowercased == name, "the case of letters makes no other name")
        promise(Name("\(name)")?.wire == name.wire, "what is shown is read as the same name")
        if let parent = name.parent { promise(name.isSubdomain(of: parent) && parent != name, "a name is below its parent") }
        let fixed = FixedName(view)
        promise(Name(fixed).wire == name.lowercased.wire, "the fixed form is the same in lower case")
    }

    /// Any text is a name or none.
    private static func text(_ bytes: [UInt8]) {
        guard let name = Name(String(decoding: bytes, as: UTF8.self)) else { return }
        promise(name.wire.count <= NameView.maximumLength, "no name is longer than 255 bytes")
        promise(Name("\(name)")?.wire == name.wire, "what is shown is read as the same name")
    }

    /// What is read is written so that it is read as the same, and each record's text is read as the same record.
    static func roundTrip(_ bytes: [UInt8]) {
        guard let message = try? Message(bytes.span) else { return }
        guard let written = try? message.encoded() else {
            // Names may be compressed where a writer must not; only what is nearly full grows beyond its bound.
            return promise(bytes.count > 1000, "a message that was read can be written")
        }
        promise((try? Message(written.span)) == message, "what was written is read as the same message")
        for record in message.answers + message.authorities + message.additionals {
            guard let again = try? ResourceRecord(text: "\(record)") else { continue }
            promise(again == record, "a record's text is read as the same record")
        }
    }

    /// The query reader and the reader of whole messages say the same of the same bytes.
    static func query(_ bytes: [UInt8]) {
        var query = QueryView()
        let verdict = query.read(bytes.span, seed: 1)
        if verdict == .query { checkQuestion(&query, bytes) }
        guard let message = try? Message(bytes.span) else { return }
        let isPlain =
            !message.flags.isResponse && message.flags.opcode == .query && message.questions.count == 1
            && message.answers.isEmpty && message.authorities.isEmpty && message.additionals.count < 8
            && message.edns?.version ?? 0 == 0
        promise(!isPlain || verdict == .query, "what is a plain query to one reader is one to the other")
        guard verdict == .query else { return }
        promise((message.edns == nil) == (query.edns == nil), "both find EDNS or neither")
        guard let edns = message.edns, let summary = query.edns else { return }
        promise(edns.udpPayloadSize == summary.udpPayloadSize && edns.dnssecOK == summary.dnssecOK, "both read the same EDNS")
        promise(edns.options.contains { $0.code == .cookie } == summary.hasCookie, "both find the cookie or neither")
    }

    /// A question that was read in place is the one that stands there.
    private static func checkQuestion(_ query: inout QueryView, _ bytes: [UInt8]) {
        guard let view = try? MessageView(bytes.span), let question = try? view.question() else {
            return promise(false, "a query is a message with a question")
        }
        promise(view.questionCount == 1, "a query has one question")
        promise(question.name.isEqual(to: query.name.view), "both read the same name")
        promise(question.type == query.type && question.class == query.class, "both read the same type and class")
        promise(question.endOffset == MessageView.headerLength + query.questionLength, "both find the same end")
    }
}

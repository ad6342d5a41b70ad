internal import DNSWire

/// Whether a message answers a question.
extension UpstreamQuestion {
    /// What a message is that came back from the peer that was asked.
    enum Match: Hashable, Sendable {
        /// The answer to this try, with the letters as sent.
        case answer
        /// The answer to this question, but its letters are not those that were sent.
        case otherLetters
        /// A reply that leaves the question out, is cut within it, or has one that cannot be read: only the id tells whose
        /// it is, and only its flags mean anything.
        case withoutQuestion
        /// Not an answer to this try.
        case stray
    }

    /// Compares a reply to what was sent.
    func match(_ reply: Span<UInt8>, _ form: Form) -> Match {
        guard let view = try? MessageView(reply), view.id == form.id, view.flags.isResponse, view.flags.opcode == .query
        else { return .stray }
        guard view.questionCount == 1, reply.count >= questionEnd, reply.loadUInt16(at: nameEnd) == type.rawValue,
            reply.loadUInt16(at: nameEnd + 2) == `class`.rawValue
        else { return matchOther(view) }
        let name = name.span
        var sameLetters = true
        var index = 0
        while index < name.count {
            let word = reply.loadWord(at: MessageView.headerLength + index, count: name.count - index)
            if word != cased(name, at: index, form.letters) {
                guard lowercased(word) == name.loadWord(at: index, count: name.count - index) else { return matchOther(view) }
                sameLetters = false
            }
            index += 8
        }
        return sameLetters || form.letters == 0 ? .answer : .otherLetters
    }

    /// A reply that does not repeat the question: servers leave it out in failures, and middleboxes cut replies short or
    /// send the header alone, with any counts. One other question that can be read is another question's answer.
    private func matchOther(_ view: borrowing MessageView) -> Match {
        guard view.questionCount == 1, view.bytes.count > MessageView.headerLength else { return .withoutQuestion }
        do throws(WireError) {
            return try view.question() == nil ? .withoutQuestion : .stray
        } catch {
            return .withoutQuestion
        }
    }

    /// Whether `quoted`, which may be cut after the question, is this query as it was sent: id, letters and all.
    func isQuoted(_ quoted: [UInt8], _ form: Form) -> Bool {
        guard quoted.count >= questionEnd else { return false }
        var written = [UInt8](repeating: 0, count: length(form))
        var span = written.mutableSpan
        _ = write(form, into: &span)
        let count = min(quoted.count, written.count)
        return quoted.count <= written.count && quoted[..<count].elementsEqual(written[..<count])
    }
}

package import DNSWire

extension Message {
    /// A query as a stub resolver sends it.
    package static func query(
        _ name: String, _ type: RecordType = .a, class: RecordClass = .internet, edns: EDNS? = nil, id: UInt16 = 4711
    ) -> Message {
        var message = Message(id: id)
        message.flags.recursionDesired = true
        message.questions = [Question(Name(name)!, type, `class`)]
        message.edns = edns
        return message
    }

    /// A reply to `query` with an rcode and records as a master file writes them, for each section.
    package static func reply(
        to query: Message, _ code: ResponseCode = .noError, _ answers: [String] = [], authority: [String] = [],
        additional: [String] = [], extendedError: ExtendedErrorCode? = nil
    ) -> Message {
        var reply = Message(id: query.id, flags: query.flags)
        reply.flags.isResponse = true
        reply.flags.recursionAvailable = true
        reply.flags.authenticData = false
        reply.questions = query.questions
        reply.answers = answers.map { try! ResourceRecord(text: $0) }
        reply.authorities = authority.map { try! ResourceRecord(text: $0) }
        reply.additionals = additional.map { try! ResourceRecord(text: $0) }
        if query.edns != nil {
            reply.edns = EDNS(options: extendedError.map { [.extendedError($0)] } ?? [])
        }
        reply.responseCode = code
        return reply
    }

    /// A reply with as many addresses, none twice, at the question's name, letters as asked.
    package static func address(_ query: Message, ttl: UInt32 = 300, count: Int = 1) -> Message {
        var answer = reply(to: query)
        // Some tests want thousands: made without text.
        answer.answers = (0..<UInt32(count)).map { number in
            let address = 0xC000_0000 | (number / 250 + 2) << 8 | (number % 250 + 1)
            return ResourceRecord(query.questions[0].name, ttl: ttl, .a(.init(address: address)))
        }
        return answer
    }

    /// The first extended error.
    package var extendedError: ExtendedErrorCode? { edns?.extendedError?.code }

    /// The bytes on the wire.
    package var wire: [UInt8] { try! encoded() }
}

internal import DNSWire

/// Takes the letters of an upstream's question out of its reply. A question is sent in random case (0x20), and a server may
/// repeat these letters anywhere: in owners, in a zone's name, in a CNAME that it made from a DNAME. They are nobody's
/// business but this exchange's.
package enum LetterCase {
    /// A copy of a reply in which every name, as far as it equals the end of the question's name, is in lower case. What is
    /// malformed stays as it is, for the reader to find.
    package static func normalized(_ reply: Span<UInt8>) -> [UInt8] {
        var copy = [UInt8](capacity: reply.count) { output in
            for index in reply.indices { output.append(reply[index]) }
        }
        var places: [Range<Int>] = []
        do throws(WireError) {
            let message = try MessageView(reply)
            guard let question = try message.question() else { return copy }
            let name = question.offset..<question.offset + question.name.wireLength
            // What was asked in lower case comes back in it, or the exchange was not accepted.
            guard name.contains(where: { isUpper(reply[$0]) }) else { return copy }
            places.append(name)
            try find(in: message, question.name, &places)
        } catch {
            places.removeAll(where: { $0.lowerBound > MessageView.headerLength })
        }
        for place in places {
            for index in place where isUpper(copy[index]) { copy[index] |= 0x20 }
        }
        return copy
    }

    /// Whether a byte is a capital letter.
    private static func isUpper(_ byte: UInt8) -> Bool { byte &- 0x41 < 26 }

    /// Finds the places in all names of all records.
    private static func find(in message: MessageView, _ asked: NameView, _ places: inout [Range<Int>]) throws(WireError) {
        var records = try message.records()
        var hasDNAME = false
        while let record = try records.next() {
            addPlace(of: record.owner, asked, &places)
            if record.type == .dname { hasDNAME = true }
            guard let layout = RDataLayout(record.type), record.rdataLength > 0 else { continue }
            var position = record.rdataOffset + layout.fixedBytes
            for _ in 0..<layout.characterStrings {
                guard position < record.endOffset else { throw .badRData }
                position += 1 + Int(message.bytes[position])
            }
            for _ in 0..<layout.names {
                let name = try NameView(message.bytes, at: position, limit: record.endOffset)
                // The labels before a DNAME's target are the question's own (RFC 6672 2.2).
                if hasDNAME, record.type == .cname {
                    places.append(position..<name.endOffset)
                } else {
                    addPlace(of: name, asked, &places)
                }
                position = name.endOffset
            }
        }
    }

    /// Adds the bytes of a name's longest end that the question's name has too, as far as they stand here.
    private static func addPlace(of name: NameView, _ asked: NameView, _ places: inout [Range<Int>]) {
        var position = name.offset
        while position < name.endOffset, name.message[position] < 0xC0, name.message[position] != 0 {
            guard let suffix = try? NameView(name.message, at: position) else { return }
            if asked.isSubdomain(of: suffix) {
                places.append(position..<name.endOffset)
                return
            }
            position += Int(name.message[position]) + 1
        }
    }
}

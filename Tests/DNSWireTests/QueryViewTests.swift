import DNSWire
import Testing

@Suite struct QueryViewTests {
    /// A query for WWW.example.com A with RD and, after it, what is given.
    static func query(counts: String = "0001 0000 0000 0001", tail: String = "00 0029 04d0 00 00 8000 0000") -> [UInt8] {
        bytes(hex: "1234 0120" + counts + "03575757 076578616d706c65 03636f6d 00 0001 0001" + tail)
    }

    /// Reads a message and returns what a server should do.
    static func verdict(_ message: [UInt8]) -> QueryView.Verdict {
        var query = QueryView()
        return query.read(message.span, seed: 42)
    }

    @Test func `header, question and EDNS are read`() {
        var query = QueryView()
        let message = Self.query()
        #expect(query.read(message.span, seed: 42) == .query)
        #expect(query.id == 0x1234)
        #expect(query.flags.recursionDesired && query.flags.authenticData && !query.flags.checkingDisabled)
        #expect(query.type == .a && query.class == .internet)
        #expect(query.questionLength == 21)
        #expect(query.edns?.dnssecOK == true && query.payloadSize == 1232)
        #expect(query.name.count == 17 && query.name.labelCount == 3 && query.name.span[1] == 0x77)
        #expect(query.hash == QuestionHash.hash(query.name, .a, .internet, flags: query.keyFlags, seed: 42))
    }

    @Test func `a name of any length and any bytes is read in lower case`() {
        for length in 1...253 {
            // Labels of up to 63 bytes, every byte value among them, so that the wire form has `length` + 2 bytes or more.
            var name: [UInt8] = []
            var left = length
            while left > 0 {
                let label = min(left, 63, 254 - name.count - 1)
                if label <= 0 { break }
                name.append(UInt8(label))
                for index in 0..<label { name.append(UInt8(truncatingIfNeeded: index &* 37 &+ length &* 11)) }
                left -= label
            }
            name.append(0)
            let message = bytes(hex: "1234 0100 0001 0000 0000 0000") + name + [0, 1, 0, 1]
            var query = QueryView()
            #expect(query.read(message.span, seed: 42) == .query)
            var position = 0
            var expected = name
            while name[position] != 0 {
                for index in position + 1...position + Int(name[position]) where (0x41...0x5A).contains(name[index]) {
                    expected[index] |= 0x20
                }
                position += Int(name[position]) + 1
            }
            #expect([UInt8](copying: query.name.span) == expected)
            #expect(query.questionLength == name.count + 4)
            let other = FixedName(try! NameView(name.span, at: 0))
            #expect(query.hash == QuestionHash.hash(other, .a, .internet, flags: query.keyFlags, seed: 42))
        }
    }

    @Test func `messages that deserve no answer are dropped`() {
        #expect(Self.verdict([1, 2, 3]) == .drop)
        var response = Self.query()
        response[2] |= 0x80
        #expect(Self.verdict(response) == .drop)
    }

    @Test func `two OPT records, two questions and bytes after the end are FORMERR`() {
        let opt = "00 0029 04d0 00 00 8000 0000"
        #expect(Self.verdict(Self.query(counts: "0001 0000 0000 0002", tail: opt + opt)) == .refuse(.formErr))
        #expect(Self.verdict(Self.query(tail: opt + "00")) == .refuse(.formErr))
        let second = "c00c 0001 0001"
        #expect(Self.verdict(Self.query(counts: "0002 0000 0000 0000", tail: second)) == .refuse(.formErr))
    }

    @Test func `counts that no query has are FORMERR before what they count is read`() {
        let record = "c00c 0001 0001 00000000 0004 c0000201"
        #expect(Self.verdict(Self.query(counts: "0001 0001 0000 0000", tail: record)) == .refuse(.formErr))
        #expect(Self.verdict(Self.query(counts: "0001 0000 0001 0000", tail: record)) == .refuse(.formErr))
        let signature = "00 00fa 00ff 00000000 0000"
        #expect(Self.verdict(Self.query(counts: "0001 0000 0000 0001", tail: signature)) == .query)
        let crowd = String(repeating: signature, count: 9)
        #expect(Self.verdict(Self.query(counts: "0001 0000 0000 0009", tail: crowd)) == .refuse(.formErr))
        // With several questions none is read, not even the first.
        var query = QueryView()
        #expect(query.read(Self.query(counts: "00f0 0000 0000 0000", tail: "").span, seed: 42) == .refuse(.formErr))
        #expect(query.questionLength == 0)
        #expect(query.read(Self.query(counts: "0001 0001 0000 0000", tail: record).span, seed: 42) == .refuse(.formErr))
        #expect(query.questionLength == 21)
    }

    @Test func `another EDNS version is BADVERS`() {
        #expect(Self.verdict(Self.query(tail: "00 0029 04d0 00 01 8000 0000")) == .refuse(.badVers))
    }

    @Test func `another opcode is NOTIMP even when the rest cannot be read`() {
        #expect(Self.verdict(bytes(hex: "1234 2800 0001 0000 0000 0000 ff")) == .refuse(.notImp))
    }

    @Test func `no question is legal only with a cookie`() {
        let cookie = "00 0029 04d0 00 00 0000 000c 000a 0008 0102030405060708"
        #expect(Self.verdict(bytes(hex: "1234 0000 0000 0000 0000 0001" + cookie)) == .cookieOnly)
        #expect(Self.verdict(bytes(hex: "1234 0000 0000 0000 0000 0000")) == .refuse(.formErr))
    }
}

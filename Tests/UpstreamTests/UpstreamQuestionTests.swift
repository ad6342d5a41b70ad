import DNSWire
import Testing

@testable import Upstream

@Suite struct `Questions` {
    /// A random name that is not the root, lower case, and its question.
    static func random(_ numbers: inout SeededNumbers) -> (name: [UInt8], question: UpstreamQuestion, type: RecordType) {
        var name: [UInt8] = []
        let labels = Int.random(in: 1...8, using: &numbers)
        for _ in 0..<labels {
            let length = Int.random(in: 1...min(63, max(1, 250 - name.count) / labels), using: &numbers)
            name.append(UInt8(length))
            for _ in 0..<length {
                // Letters mostly, any byte at times.
                let any = UInt8.random(in: 0...255, using: &numbers)
                let letter = UInt8.random(in: 0x61...0x7A, using: &numbers)
                let isUpper = (0x41...0x5A).contains(any)
                name.append(Int.random(in: 0..<4, using: &numbers) == 0 && !isUpper ? any : letter)
            }
        }
        name.append(0)
        let type = RecordType(rawValue: .random(in: 1...300, using: &numbers))
        let flags = KeyFlags(dnssecOK: .random(using: &numbers), checkingDisabled: .random(using: &numbers))
        let fixed = FixedName(try! NameView(name.span, at: 0))
        return (name, UpstreamQuestion([UInt8](copying: fixed.span), type, .internet, flags: flags), type)
    }

    static func written(_ question: UpstreamQuestion, _ form: UpstreamQuestion.Form) -> [UInt8] {
        var buffer = [UInt8](repeating: 0xEE, count: 512)
        var span = buffer.mutableSpan
        let count = question.write(form, into: &span)
        return Array(buffer.prefix(count))
    }

    static func form(_ numbers: inout SeededNumbers) -> UpstreamQuestion.Form {
        .init(id: .random(in: 0...(.max), using: &numbers), letters: max(1, numbers.next()), hasEDNS: .random(using: &numbers))
    }

    /// The query as its own answer.
    static func echo(_ query: [UInt8]) -> [UInt8] {
        var reply = query
        reply[2] |= 0x80
        return reply
    }

    static func match(
        _ question: UpstreamQuestion, _ reply: some Sequence<UInt8>, _ form: UpstreamQuestion.Form
    ) -> UpstreamQuestion.Match {
        question.match(Array(reply).span, form)
    }

    @Test func `what is written reads as the question, with any letters`() throws {
        var numbers = SeededNumbers(seed: 1)
        for _ in 0..<2000 {
            let (name, question, type) = Self.random(&numbers)
            let form = Self.form(&numbers)
            let bytes = Self.written(question, form)
            #expect(bytes.count == question.length(form))
            let message = try MessageView(bytes.span)
            #expect(message.id == form.id)
            let asked = try message.question()!
            #expect(asked.type == type)
            #expect(asked.class == .internet)
            let fixed = FixedName(asked.name)
            #expect([UInt8](copying: fixed.span) == name)
            var records = try message.records()
            var hasOPT = false
            while let record = try records.next() { hasOPT = record.type == .opt }
            #expect(hasOPT == form.hasEDNS)
            let hasTail = records.hasMoreBytes
            #expect(!hasTail)
        }
    }

    @Test func `letters vary over the whole name, and only letters do`() {
        var numbers = SeededNumbers(seed: 2)
        for _ in 0..<500 {
            let (name, question, _) = Self.random(&numbers)
            var seen = [Set<UInt8>](repeating: [], count: name.count)
            for _ in 0..<40 {
                let bytes = Self.written(question, Self.form(&numbers))
                for index in name.indices { seen[index].insert(bytes[12 + index]) }
            }
            for index in name.indices {
                let isLetter = (0x61...0x7A).contains(name[index])
                #expect(seen[index] == (isLetter ? [name[index], name[index] & 0xDF] : [name[index]]))
            }
        }
    }

    @Test func `without letters the name goes out in lower case`() {
        var numbers = SeededNumbers(seed: 3)
        let (name, question, _) = Self.random(&numbers)
        let bytes = Self.written(question, .init(id: 1, letters: 0, hasEDNS: true))
        #expect(bytes[12...].starts(with: name))
    }

    @Test func `the reply to one form answers no other`() {
        var numbers = SeededNumbers(seed: 4)
        for _ in 0..<2000 {
            let (name, question, _) = Self.random(&numbers)
            let form = Self.form(&numbers)
            let reply = Self.echo(Self.written(question, form))
            #expect(Self.match(question, reply, form) == .answer)
            var other = form
            other.id ^= 1 << UInt16.random(in: 0..<16, using: &numbers)
            #expect(Self.match(question, reply, other) == .stray)
            other = form
            other.letters = ~form.letters
            let hasLetters = name.contains { (0x61...0x7A).contains($0) }
            #expect(Self.match(question, reply, other) == (hasLetters ? .otherLetters : .answer))
            other.letters = 0
            #expect(Self.match(question, reply, other) == .answer)
        }
    }

    @Test func `a changed byte of the question is another question, or other letters`() {
        var numbers = SeededNumbers(seed: 5)
        for _ in 0..<2000 {
            let (_, question, _) = Self.random(&numbers)
            let form = Self.form(&numbers)
            var reply = Self.echo(Self.written(question, form))
            let place = Int.random(in: 12..<question.questionEnd, using: &numbers)
            let before = reply[place]
            reply[place] ^= UInt8.random(in: 1...255, using: &numbers)
            let isCase =
                before ^ reply[place] == 0x20 && (0x61...0x7A).contains(before | 0x20) && place < question.questionEnd - 5
            let match = Self.match(question, reply, form)
            // A length that leads past the end makes a name that cannot be read.
            #expect(isCase ? match == .otherLetters : match == .stray || match == .withoutQuestion)
        }
    }

    @Test func `a question or another opcode is no answer, and two questions or none are none to this one`() {
        let asked = question("www.example.com")
        let form = UpstreamQuestion.Form(id: 1, letters: 0, hasEDNS: true)
        let query = Self.written(asked, form)
        #expect(Self.match(asked, query, form) == .stray)
        var reply = Self.echo(query)
        reply[2] = 0xA0
        #expect(Self.match(asked, reply, form) == .stray)
        for (index, value) in [(5, 2), (5, 0), (4, 1)] as [(Int, UInt8)] {
            var reply = Self.echo(query)
            reply[index] = value
            #expect(Self.match(asked, reply, form) == .withoutQuestion)
        }
    }

    @Test func `a reply cut within its question has none`() {
        let asked = question("www.example.com")
        let form = UpstreamQuestion.Form(id: 1, letters: 5, hasEDNS: true)
        let reply = Self.echo(Self.written(asked, form))
        for count in 0..<asked.questionEnd {
            #expect(Self.match(asked, reply.prefix(count), form) == (count < 12 ? .stray : .withoutQuestion))
        }
        #expect(Self.match(asked, reply.prefix(asked.questionEnd), form) == .answer)
    }

    @Test(
        arguments: [[0, 1, 0, 40, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0], [255, 255, 255, 255, 255, 255, 255, 255]] as [[UInt8]])
    func `a header alone has no question, whatever it counts`(_ counts: [UInt8]) {
        let asked = question("www.example.com")
        let form = UpstreamQuestion.Form(id: 1, letters: 5, hasEDNS: true)
        var reply = Array(Self.echo(Self.written(asked, form)).prefix(4)) + counts
        for code in 0..<16 as Range<UInt8> {
            reply[3] = 0x80 | code
            #expect(Self.match(asked, reply, form) == .withoutQuestion)
        }
    }

    @Test(arguments: [[0xC0, 12], [0xC0, 13], [0xFF, 0xFF], [0x41, 1], [3, 0x77, 0x77, 0x77, 0xC0, 12]] as [[UInt8]])
    func `a question whose name cannot be read is none`(_ name: [UInt8]) {
        let asked = question("www.example.com")
        let form = UpstreamQuestion.Form(id: 1, letters: 5, hasEDNS: true)
        let reply =
            Array(Self.echo(Self.written(asked, form)).prefix(12)) + name + [0, 1, 0, 1] + [UInt8](repeating: 0, count: 40)
        #expect(Self.match(asked, reply, form) == .withoutQuestion)
    }

    @Test func `a query is known by what is quoted of it, to the letter, once the whole question is there`() {
        var numbers = SeededNumbers(seed: 6)
        for _ in 0..<500 {
            let (_, question, _) = Self.random(&numbers)
            let form = Self.form(&numbers)
            let query = Self.written(question, form)
            for count in 0...query.count {
                #expect(question.isQuoted(Array(query.prefix(count)), form) == (count >= question.questionEnd))
            }
            var other = query
            other[Int.random(in: query.indices, using: &numbers)] ^= .random(in: 1...255, using: &numbers)
            #expect(!question.isQuoted(other, form))
            #expect(!question.isQuoted(query + [0], form))
        }
    }

    @Test func `the root and the longest name are asked for`() {
        for name in [
            "",
            (0..<3).map { _ in String(repeating: "a", count: 63) }.joined(separator: ".") + "."
                + String(repeating: "b", count: 61),
        ] {
            let asked = question(name, .ns)
            let form = UpstreamQuestion.Form(id: 1, letters: .max, hasEDNS: true)
            let query = Self.written(asked, form)
            #expect(query.count == 12 + wire(name).count + 4 + 11)
            #expect(Self.match(asked, Self.echo(query), form) == .answer)
        }
    }
}

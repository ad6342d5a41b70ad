import Belief
import DNSWire
import TestSupport
import Testing

/// The letters in which a question went upstream are in no answer, and all others stay.
@Suite struct `Letters of the question` {
    /// The wire form of a name, letters as they are.
    private func wire(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    private func record(_ owner: [UInt8], _ type: RecordType, _ rdata: [UInt8]) -> [UInt8] {
        owner + [0, UInt8(type.rawValue), 0, 1, 0, 0, 1, 44, 0, UInt8(rdata.count)] + rdata
    }

    /// A DNAME and the alias made from it as servers write them: compressed, each pointer wherever it comes to lie.
    private func dname(_ label: String) -> (query: Message, bytes: [UInt8]) {
        let name = "\(label).dn.eXam.lAb"
        let query = Message.query(name + ".")
        var bytes: [UInt8] = [0, 1, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0] + wire(name) + [0, 1, 0, 1]
        let zone = 12 + 1 + label.utf8.count
        bytes += record([0xC0, UInt8(zone)], .dname, wire("target.example.net"))
        let target = bytes.count - wire("target.example.net").count
        let pointer = [0xC0 | UInt8(target >> 8), UInt8(target & 255)]
        bytes += record([0xC0, 12], .cname, [UInt8(label.utf8.count)] + Array(label.utf8) + pointer)
        let alias = bytes.count - 2 - 1 - label.utf8.count
        bytes += record([0xC0 | UInt8(alias >> 8), UInt8(alias & 255)], .a, [192, 0, 2, 1])
        return (query, bytes)
    }

    @Test(arguments: 1...60) func `a DNAME's alias is the same name for each length, in lower case`(_ length: Int) throws {
        let label = String(String(repeating: "aB", count: 30).prefix(length))
        let (query, bytes) = dname(label)
        guard case .answer(.positive, let records) = try outcome(bytes, to: query) else {
            Issue.record("no answer for \(length)")
            return
        }
        let low = label.lowercased()
        #expect(
            records == [
                "dn.exam.lab. 300 IN DNAME target.example.net.", "\(low).dn.exam.lab. 300 IN CNAME \(low).target.example.net.",
                "\(low).target.example.net. 300 IN A 192.0.2.1",
            ])
    }

    @Test func `names that end like the question are in its letters, others keep theirs`() throws {
        let query = Message.query("wWw.eXample.", .mx)
        let reply = Message.reply(
            to: query, .noError, ["wWw.eXample. 60 IN MX 1 Mail.eXample.", "wWw.eXample. 60 IN MX 2 Mail.Other.Test."])
        #expect(
            try outcome(reply, to: query)
                == .answer(.positive, ["www.example. 60 IN MX 1 Mail.example.", "www.example. 60 IN MX 2 Mail.Other.Test."]))
        let service = Message.query("_sIp.eXample.", .srv)
        let target = Message.reply(to: service, .noError, ["_sIp.eXample. 60 IN SRV 0 1 53 Host.eXample."])
        #expect(try outcome(target, to: service) == .answer(.positive, ["_sip.example. 60 IN SRV 0 1 53 Host.example."]))
    }

    @Test func `of thousands of random replies every name is the same before and after, letters aside`() throws {
        var numbers = SeededNumbers(seed: 31)
        let labels = ["a", "Bb", "ccc", "dN", "EXAMPLE", "lab", String(repeating: "Xy", count: 20)]
        func name(_ count: Int) -> String {
            (0..<count).map { _ in labels.randomElement(using: &numbers)! }.joined(separator: ".") + "."
        }
        for _ in 0..<Sanitizer.rounds(20_000) {
            let asked = name(Int.random(in: 1...5, using: &numbers))
            let tail = asked.split(separator: ".").suffix(Int.random(in: 0...2, using: &numbers)).joined(separator: ".")
            let type = [RecordType.ns, .mx, .srv, .ptr].randomElement(using: &numbers)!
            let query = Message.query(asked, type)
            let head = [.mx: "MX 1 ", .srv: "SRV 0 1 53 ", .ns: "NS ", .ptr: "PTR "][type]!
            let records = (0..<Int.random(in: 1...6, using: &numbers)).map { _ in
                "\(asked) 60 IN \(head)\(name(Int.random(in: 1...3, using: &numbers)))\(tail)\(tail.isEmpty ? "" : ".")"
            }
            let reply = Message.reply(to: query, .noError, records)
            guard case .answer(.positive, let kept) = try outcome(reply, to: query) else {
                Issue.record("no answer to \(asked)")
                return
            }
            #expect(kept.map { $0.lowercased() } == records.map { $0.lowercased() })
        }
    }
}

import DNSWire
import TestSupport
import Testing

@testable import Resolver

@Suite struct HostsTableTests {
    /// The wire form of a name, letters as given.
    private func wire(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    /// The rdata of all records at a name; nil when the table does not know the name.
    private func records(_ table: HostsTable, _ name: String, _ type: RecordType) -> [[UInt8]]? {
        let name = wire(name)
        switch table.find(name.span, type: type) {
        case .unknown: return nil
        case .noData: return []
        case .records(let range):
            return range.map { record in
                let rdata = table.rdata(of: record)
                return rdata.indices.map { rdata[$0] }
            }
        }
    }

    /// The table of a text.
    private func load(_ text: String) -> HostsTable {
        HostsTable.load(Array(text.utf8))
    }

    private let common = """
        127.0.0.1\tlocalhost
        127.0.1.1  Box.example.org box   # this machine
        ::1        localhost ip6-localhost
        192.0.2.7  multi.example.org
        192.0.2.8  multi.example.org.
        192.0.2.8  Multi.Example.org
        2001:db8::7 multi.example.org
        """

    @Test func `a name has the addresses of all its lines in their order`() {
        let table = load(common)
        #expect(table.problems.isEmpty)
        #expect(records(table, "multi.example.org", .a) == [[192, 0, 2, 7], [192, 0, 2, 8]])
        #expect(records(table, "localhost", .a) == [[127, 0, 0, 1]])
        #expect(records(table, "localhost", .aaaa) == [[UInt8](repeating: 0, count: 15) + [1]])
        #expect(records(table, "box", .a) == [[127, 0, 1, 1]])
        #expect(records(table, "multi.example.org", .any)?.count == 3)
    }

    @Test func `a name with another type has no data, another name is unknown`() {
        let table = load(common)
        #expect(records(table, "box.example.org", .aaaa) == [])
        #expect(records(table, "box.example.org", .mx) == [])
        #expect(records(table, "example.org", .a) == nil)
        #expect(records(table, "www.box.example.org", .a) == nil)
    }

    @Test func `an address leads back to the host's name, in the letters of the file`() {
        let table = load(common)
        #expect(records(table, "1.1.0.127.in-addr.arpa", .ptr) == [wire("Box.example.org")])
        let loopback = "1." + String(repeating: "0.", count: 31) + "ip6.arpa"
        #expect(records(table, loopback, .ptr) == [wire("localhost")])
        #expect(records(table, "8.2.0.192.in-addr.arpa", .ptr)?.count == 2)
        #expect(records(table, "8.2.0.192.in-addr.arpa", .a) == [])
    }

    @Test func `bad lines are counted and named, the rest is used`() {
        let table = load(
            "bogus name\n192.0.2.1\n192.0.2.2 good.example bad..example *.example\n\n# remark\nfe80::1%lo scoped\n"
                + "192.0.2.3 \(String(repeating: "a", count: 64)) z\u{fc}rich.example\n192.0.2.4 last")
        #expect(table.problems.count == 7)
        #expect(table.problems.lines.map(\.number) == [1, 2, 3, 3, 6, 7, 7])
        #expect(table.problems.lines[0].description == "line 1: \"bogus\" is not an address")
        #expect(table.problems.lines[2].description == "line 3: \"bad..example\" is not a host name")
        #expect(records(table, "good.example", .a) == [[192, 0, 2, 2]])
        #expect(records(table, "last", .a) == [[192, 0, 2, 4]])
    }

    @Test func `only the first bad lines are kept`() {
        let table = load(String(repeating: "x\n", count: 1_000))
        #expect(table.problems.count == 1_000)
        #expect(table.problems.lines.count == HostsProblems.maximumKept)
        #expect(table.problems.description.hasSuffix("; and 990 more"))
    }

    @Test func `a list of blocked names gives addresses but no PTR for nowhere`() {
        let table = load((0..<20_000).map { "0.0.0.0 blocked\($0).example" }.joined(separator: "\r\n"))
        #expect(table.count == 20_000)
        for number in stride(from: 0, to: 20_000, by: 997) {
            #expect(records(table, "blocked\(number).example", .a) == [[0, 0, 0, 0]])
        }
        #expect(records(table, "0.0.0.0.in-addr.arpa", .ptr) == nil)
    }

    @Test func `a name keeps all addresses that an answer has room for, and each once`() {
        let lines = (0..<2_000).map { "10.0.\($0 / 250).\($0 % 250) big.example" }
        let table = load((lines + lines).joined(separator: "\n"))
        #expect(records(table, "big.example", .a)?.count == 2_000)
        #expect(table.problems.isEmpty)
    }

    @Test func `addresses that an answer has no room for are said to be left out, once for a name`() {
        let table = load((0..<5_000).map { "10.0.\($0 / 250).\($0 % 250) Big.example" }.joined(separator: "\n"))
        let kept = records(table, "big.example", .a)?.count ?? 0
        #expect(kept > 4_000 && kept * 16 + 259 + 12 + 64 <= 65_535)
        #expect(table.problems.count == 1)
        #expect(
            table.problems.lines.first?.description
                == "line \(kept + 1): \"big.example\" has more records than an answer holds; from here on they are left out")
    }

    @Test func `names that are chosen for one hash do not make searches long`() {
        // FNV-1a, whose slots anybody can work out.
        func slot(_ name: [UInt8]) -> Int {
            let hash = name.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
            return Int((hash ^ hash >> 32) & 0x1FFF)
        }
        let chosen = (0..<400_000).lazy.map { "n\($0)" }.filter { slot(self.wire($0)) < 48 }.prefix(2_000)
        let table = HostsTable.load(Array(chosen.map { "0.0.0.0 \($0)" }.joined(separator: "\n").utf8), seed: 42)
        #expect(table.count == 2_000)
        #expect(table.longestSearch < 64)
    }

    @Test func `tables with other seeds have other searches`() {
        let text = Array((0..<500).map { "192.0.2.1 n\($0).example" }.joined(separator: "\n").utf8)
        #expect(HostsTable.load(text, seed: 1).slots != HostsTable.load(text, seed: 2).slots)
        #expect(HostsTable.load(text).slots != HostsTable.load(text).slots)
    }

    @Test func `a byte order mark hides no line, and a line ends with CR alone too`() {
        let table = HostsTable.load(
            [0xEF, 0xBB, 0xBF] + Array("192.0.2.1 one\r192.0.2.2 two\r\n192.0.2.3 three\n\r\nbad\r".utf8))
        #expect(records(table, "one", .a) == [[192, 0, 2, 1]])
        #expect(records(table, "two", .a) == [[192, 0, 2, 2]])
        #expect(records(table, "three", .a) == [[192, 0, 2, 3]])
        #expect(table.problems.lines.map(\.number) == [5])
    }

    @Test func `an address where a name belongs is refused`() {
        let table = load("192.0.2.1 192.0.2.2 good ::1 1.2.3")
        #expect(
            table.problems.lines.map(\.reason) == [
                "\"192.0.2.2\" is an address; a host name was expected", "\"::1\" is not a host name",
            ])
        #expect(records(table, "192.0.2.2", .a) == nil)
        #expect(records(table, "good", .a) == [[192, 0, 2, 1]])
        #expect(records(table, "1.2.0.192.in-addr.arpa", .ptr) == [wire("good")])
    }

    @Test func `what a name lies in is an empty non-terminal, unless it is something itself`() {
        let table = load("192.0.2.1 a.b.c.example x.b.c.example c.example\n0.0.0.0 ads.blocked.example")
        func isEmpty(_ name: String) -> Bool {
            let name = wire(name)
            return table.isEmptyNonTerminal(name.span)
        }
        #expect(isEmpty("b.c.example") && isEmpty("example") && isEmpty("2.0.192.in-addr.arpa") && isEmpty("arpa"))
        #expect(!isEmpty("c.example") && !isEmpty("a.b.c.example") && !isEmpty("d.c.example") && !isEmpty("blocked.example"))
        #expect(records(table, "b.c.example", .a) == nil && records(table, "b.c.example", .any) == nil)
    }

    @Test func `any bytes at all make a table`() {
        var random = SeededNumbers(seed: 7)
        for _ in 0..<300 {
            let alphabet: [UInt8] = Array("0123.:abc#\n \t%\\".utf8) + [0, 0xFF, 0x80]
            let text = (0..<Int.random(in: 0...400, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
            let table = HostsTable.load(text)
            #expect(records(table, "a", .a) != [[1]])
        }
    }

    @Test func `an empty file knows nothing`() {
        #expect(records(load(""), "localhost", .a) == nil)
    }
}

import DNSWire
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

    @Test func `a name with very many addresses keeps as many as an answer can hold`() {
        let table = load((0..<200).map { "192.0.2.\($0) big.example" }.joined(separator: "\n"))
        #expect(records(table, "big.example", .a)?.count == 32)
    }

    @Test func `any bytes at all make a table`() {
        var random = SeededGenerator(seed: 7)
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

/// A small generator whose runs repeat (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

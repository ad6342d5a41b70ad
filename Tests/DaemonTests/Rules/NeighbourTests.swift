import AnswerCache
import DNSWire
import Green
import NameRules
import Observation
import Resolver
import Testing

@testable import Daemon

/// Groups whose clients are known by their hardware addresses.
@Suite struct NeighbourTests {
    private static let table = """
        IP address       HW type     Flags       HW address            Mask     Device
        192.0.2.177        0x1         0x2         52:54:00:12:34:56     *        eth0
        192.0.2.8        0x1         0x0         00:00:00:00:00:00     *        eth0
        192.0.2.9        0x1         0x2         52:54:00:12:34:57     *        eth0
        broken line

        """

    /// A message of the kernel's about an address of IPv6 and its machine, which ends in these bytes.
    private static func message(_ address: UInt8, _ machine: UInt8, kind: UInt8 = 28) -> [UInt8] {
        let attributes: [UInt8] =
            [20, 0, 1, 0, 0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [address]
            + [10, 0, 2, 0, 0x52, 0x54, 0, 0x12, 0x34, machine, 0, 0]
        return [UInt8(28 + attributes.count), 0, 0, 0, kind, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
            + [10] + [UInt8](repeating: 0, count: 11) + attributes
    }

    @Test func `hardware addresses are read in both forms, and nothing else is`() {
        for text in ["52:54:00:12:34:56", "52-54-00-12-34-56", "52:54:00:12:34:5A"] {
            #expect(HardwareAddress(text)?.description.count == 17)
        }
        for text in ["52:54:00:12:34", "52:54:00:12:34:56:78", "5:54:00:12:34:56", "52:54:00:12:34:5g", "", "::1", "192.0.2.1"] {
            #expect(HardwareAddress(text) == nil, "\(text)")
        }
    }

    @Test func `the kernel's table and messages are read, whatever else stands there`() {
        let four = Neighbours.ofTable(Array(Self.table.utf8))
        #expect(four.map(\.machine.description) == ["52:54:00:12:34:56", "52:54:00:12:34:57"])
        let bytes = Self.message(1, 0x56) + Self.message(2, 0x57, kind: 3) + Self.message(3, 0x58)
        #expect(Neighbours.ofMessages(bytes).map(\.machine.description) == ["52:54:00:12:34:56", "52:54:00:12:34:58"])
        for length in 0..<bytes.count { #expect(Neighbours.ofMessages(Array(bytes.prefix(length))).count <= 2) }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            var broken = bytes
            for _ in 0..<8 { broken[Int.random(in: 0..<broken.count, using: &random)] = .random(in: 0...255, using: &random) }
            _ = Neighbours.ofMessages(broken)
        }
        // What this machine's kernel says.
        _ = Neighbours.ofMessages(Neighbours.messages())
    }

    @Test func `what a machine had is remembered until another has it, as far as there is room`() throws {
        let (one, two) = (try #require(HardwareAddress("52:54:00:12:34:56")), try #require(HardwareAddress("52:54:00:12:34:57")))
        var neighbours = Neighbours()
        neighbours.take((0..<200).map { (NameRules.IPAddress(ipv4: UInt32($0)), one) }, [one, two])
        #expect(neighbours.machines.count == Neighbours.mostOfMachine)
        neighbours.take([], [one, two])
        #expect(neighbours.machines.count == Neighbours.mostOfMachine)
        neighbours.take([(NameRules.IPAddress(ipv4: 3), two)], [one, two])
        #expect(neighbours.machines[NameRules.IPAddress(ipv4: 3)] == two && neighbours.machines.count == Neighbours.mostOfMachine)
        neighbours.take([], [two])
        #expect(neighbours.machines.count == 1)
    }

    @Test func `a client is in its machine's group wherever it is, unless the settings say its address`() throws {
        let world = VirtualWorld(seed: 5)
        try world.run { hub in
            world.host.files.write(Neighbours.path, Self.table)
            world.host.files.write("/list", "ads.example\n")
            let yaml = """
                lists: {ads: {from: /list}}
                groups:
                  - {name: kids, clients: ["52:54:00:12:34:56", 52-54-00-12-34-57], block: [ads]}
                  - {name: server, clients: [192.0.2.9]}
                """
            let part = NameRulesPart(try read(yaml), try MemoryCache(sizeBytes: 0, seed: 1), NameRulesPartTests.logger)
            part.messages = { Self.message(1, 0x56) }
            try part.start()
            let group = { (address: String) in
                part.book?.content.groups.group(of: NameRules.IPAddress(Substring(address)))
            }
            #expect(
                group("192.0.2.177") == 0 && group("2001:db8::1") == 0 && group("192.0.2.9") == 1 && group("192.0.2.210") == nil)
            let mark = part.book?.mark
            try sleep(.seconds(60))
            #expect(part.book?.mark == mark)
            world.host.files.write(Neighbours.path, Self.table.replacing("192.0.2.177 ", with: "192.0.2.210"))
            try sleep(.seconds(12))
            #expect(group("192.0.2.210") == 0 && group("192.0.2.177") == 0 && part.book?.mark != mark)
            // Who watches is shown the machine.
            func shown(_ address: String) -> String { ClientIdentity(Green.IPAddress(address)!.number).text }
            #expect(shown("192.0.2.210") == "192.0.2.210 (52:54:00:12:34:56)")
            #expect(shown("2001:db8::1") == "2001:db8::1 (52:54:00:12:34:56)" && shown("192.0.2.11") == "192.0.2.11")
            try part.adopt(try read("lists: {ads: {from: /list}}\n"))
            try sleep(.seconds(12))
            #expect(shown("192.0.2.210") == "192.0.2.210")
            try part.stop()
        }
    }

    @Test func `a machine is in one group`() {
        let yaml = "groups: [{name: a, clients: \"52:54:00:12:34:56\"}, {name: b, clients: [\"52-54-00-12-34-56\"]}]"
        #expect { _ = try read(yaml) } throws: { "\($0)".contains("52:54:00:12:34:56 is in two groups") }
    }
}

import DNSWire
import NaiveRules
import NameRules
import Testing

/// Groups of clients, schedules, and what they make of verdicts.
@Suite struct GroupTests {
    /// A group of clients at addresses.
    private func group(_ name: String, _ clients: [String], blocks: UInt64 = 0, allows: UInt64 = 0) -> Group {
        var group = Group(name: name)
        group.prefixes = clients.map { AddressPrefix(Substring($0))! }
        (group.blocks, group.allows) = (blocks, allows)
        return group
    }

    @Test func `the longest prefix says which group a client is in, else it is the default one`() throws {
        let table = try GroupTable([
            group("wide", ["192.0.2.0/24", "2001:db8::/32"]), group("default", []),
            group("narrow", ["192.0.2.64/26", "2001:db8:1::/48"]), group("one", ["192.0.2.70"]), group("all-six", ["::/0"]),
        ])
        for (client, name) in [
            ("192.0.2.1", "wide"), ("192.0.2.64", "narrow"), ("192.0.2.127", "narrow"), ("192.0.2.128", "wide"),
            ("192.0.2.70", "one"), ("192.0.3.1", "all-six"), ("2001:db8::1", "wide"), ("2001:db8:1::1", "narrow"),
            ("2001:db9::1", "all-six"),
        ] {
            let number = try #require(table.group(of: IPAddress(Substring(client))!))
            #expect(table.groups[number].name == name, "\(client)")
        }
        #expect(table.group(of: nil) == 1)
        #expect(try GroupTable([group("a", ["192.0.2.1"])]).group(of: IPAddress("192.0.2.2")!) == nil)
    }

    @Test func `nobody leaves the group of his address by a name of his choice, but by one that a certificate proves`() throws {
        var kids = group("kids", ["192.0.2.50"])
        kids.clientNames = ["kid-tablet"]
        var grown = group("grown", [])
        grown.clientNames = ["dad-phone"]
        let table = try GroupTable([kids, grown, group("default", [])])
        let (own, other) = (IPAddress("192.0.2.50")!, IPAddress("198.51.100.7")!)
        #expect(table.group(of: own, named: ClientName("dad-phone")) == 0)
        #expect(table.group(of: own, named: ClientName("dad-phone").proven) == 1)
        #expect(
            table.group(of: other, named: ClientName("dad-phone")) == 1 && table.group(of: other, named: ClientName("x")) == 2)
        #expect(
            table.group(of: own, named: ClientName("stranger").proven) == 0
                && table.group(of: nil, named: ClientName("kid-tablet")) == 0)
    }

    @Test func `the table finds what a look at every prefix finds`() throws {
        var random = SeededGenerator(state: 8)
        var seen: Set<AddressPrefix> = []
        var groups = (0..<64).map { Group(name: "g\($0)") }
        for _ in 0..<2000 {
            let address = IPAddress(ipv4: UInt32(truncatingIfNeeded: random.next()) & 0x3FF)
            let prefix = AddressPrefix(address, length: 96 + 20 + random.below(13))
            if seen.insert(prefix).inserted { groups[random.below(64)].prefixes.append(prefix) }
        }
        let table = try GroupTable(groups)
        for number in UInt32(0)..<1024 {
            let address = IPAddress(ipv4: number)
            let best = groups.indices.flatMap { index in groups[index].prefixes.map { (index, $0) } }
                .filter { $0.1.contains(address) }.max { $0.1.length < $1.1.length }
            #expect(table.group(of: address) == best?.0)
        }
    }

    @Test func `groups that cannot be told apart are refused`() {
        #expect(throws: GroupTable.Fault.sameName("a")) { _ = try GroupTable([group("a", []), group("a", [])]) }
        #expect(throws: GroupTable.Fault.self) {
            _ = try GroupTable([group("a", ["192.0.2.0/24"]), group("b", ["192.0.2.7/24"])])
        }
        #expect(throws: GroupTable.Fault.tooManyGroups) { _ = try GroupTable((0...64).map { group("g\($0)", []) }) }
    }

    @Test func `important rules go before others, and what lets pass before what denies`() {
        let lists = ActiveLists(blocks: 0b0011, allows: 0b1000)
        for (denied, allowed, important, passing, decision) in [
            (UInt64(0b0001), UInt64(0), UInt64(0), UInt64(0), GroupDecision.deny(list: 0)), (0b0100, 0, 0, 0, .none),
            (0b0001, 0b0010, 0, 0, .allow(list: 1)), (0b0001, 0b0100, 0, 0, .deny(list: 0)),
            (0b0001, 0b0010, 0b0010, 0, .deny(list: 1)), (0b0001, 0, 0b0010, 0b0001, .allow(list: 0)),
            (0b1001, 0, 0, 0, .allow(list: 3)), (0b0010, 0, 0b1000, 0, .allow(list: 3)), (0, 0, 0, 0, .none),
        ] {
            var verdicts = ListVerdicts()
            (verdicts.denied, verdicts.allowed) = (denied, allowed)
            (verdicts.deniedImportantly, verdicts.allowedImportantly) = (important, passing)
            #expect(lists.decide(verdicts) == decision)
            var isDenied = false
            if case .deny = decision { isDenied = true }
            #expect(lists.denies(verdicts) == isDenied)
            #expect(GroupTable.denials(verdicts, [ActiveLists(blocks: 0, allows: 0), lists]) == (isDenied ? 0b10 : 0))
        }
    }

    @Test func `lists with a schedule hold in its hours alone`() {
        var own = group("kids", [], blocks: 0b11, allows: 0b100)
        own.schedules = [1: Schedule("mon-fri 07:00-20:00")!, 2: Schedule("sat 09:00-10:00")!]
        // 2026-11-27 was a Friday.
        let friday: Int64 = 1_795_737_600
        #expect(own.active(at: friday + 6 * 3600) { _ in 0 } == ActiveLists(blocks: 0b01, allows: 0))
        #expect(own.active(at: friday + 7 * 3600) { _ in 0 } == ActiveLists(blocks: 0b11, allows: 0))
        #expect(own.active(at: friday + 33 * 3600) { _ in 0 } == ActiveLists(blocks: 0b01, allows: 0b100))
        #expect(own.active(at: friday + 6 * 3600) { _ in 3600 } == ActiveLists(blocks: 0b11, allows: 0))
    }

    @Test func `schedules have several ranges a day, go over midnight and round the week`() throws {
        // 1970-01-05 was a Monday.
        let monday: Int64 = 4 * 86_400
        func holds(_ schedule: Schedule, _ day: Int64, _ hour: Int64, _ minute: Int64 = 0) -> Bool {
            schedule.contains(monday + day * 86_400 + hour * 3600 + minute * 60) { _ in 0 }
        }
        let day = try #require(Schedule("mon-fri 07:00-09:30 12:00-13:00, sat+sun 10:00-24:00"))
        #expect(holds(day, 0, 7) && holds(day, 4, 9, 29) && !holds(day, 4, 9, 30) && holds(day, 2, 12) && !holds(day, 2, 13))
        #expect(!holds(day, 5, 9) && holds(day, 6, 23, 59) && !holds(day, 7, 0))
        let night = try #require(Schedule("fri-mon 22:00-06:00"))
        #expect(holds(night, 4, 23) && holds(night, 5, 5) && holds(night, 7, 22) && holds(night, 1, 5) && !holds(night, 1, 22))
        #expect(!holds(night, 4, 5) && !holds(night, 4, 12))
        let whole = try #require(Schedule("daily"))
        #expect((0..<24).allSatisfy { holds(whole, 3, $0) })
        let tuesday = try #require(Schedule("tue"))
        #expect(holds(tuesday, 1, 0) && !holds(tuesday, 2, 0))
    }

    @Test(arguments: [
        "", "noon", "mon 7-9", "mon 07:00", "mon 24:00-25:00", "mon-fri-sat 07:00-08:00", "mon 07:60-08:00", ",", "mon 07:00-",
        "mon ٠٧:00-08:00", "mon 99999999999999999999:00-08:00",
    ])
    func `what is no schedule is not read as one`(_ text: String) { #expect(Schedule(text) == nil) }

    @Test func `no moment traps`() {
        let schedule = Schedule("mon-sun 00:00-24:00")!
        for moment in [Int64.min, -1, 0, .max] {
            for offset in [Int.min, 0, .max] { _ = schedule.contains(moment) { _ in offset } }
        }
    }
}

/// Records of our own, and names of search engines.
@Suite struct LocalDataTests {
    /// The data of an answer's records; nil for anything else.
    private func data(_ zone: LocalZone, _ name: String, _ type: RecordType = .a) -> [String]? {
        guard case .records(let records) = zone.find(Name(name)!.lowercased, type) else { return nil }
        return records.map { "\($0.owner) \($0.ttl) \($0.data)" }
    }

    /// Whether a zone may have something for a name.
    private func mayHave(_ zone: LocalZone, _ name: String) -> Bool {
        let wire = Name(name)!.wire
        return zone.mayHave(wire.span)
    }

    /// Where an engine's name leads to, by its wire form.
    private func wireTarget(_ name: String) -> Name? {
        let wire = Name(name)!.wire
        return SafeSearch.target(ofWire: wire.span)
    }

    @Test func `records are read as a zone file has them, and found by name, type and wildcard`() {
        let zone = LocalZone(
            """
            $ORIGIN home.
            $TTL 60
            nas      A    192.0.2.10   ; the box
                     A    192.0.2.11
                 300 AAAA 2001:db8::10
            www      CNAME nas
            a.b.deep TXT  ( "one"
                            "two" )
            *.wild   A    192.0.2.12
            printer: nxdomain
            tv.example.: nodata
            """)
        #expect(zone.faults.isEmpty && zone.recordCount == 6)
        #expect(data(zone, "NAS.home") == ["nas.home. 60 192.0.2.10", "nas.home. 60 192.0.2.11"])
        #expect(data(zone, "nas.home", .aaaa) == ["nas.home. 300 2001:db8::10"])
        #expect(data(zone, "www.home") == ["www.home. 60 nas.home."])
        #expect(data(zone, "x.wild.home") == ["x.wild.home. 60 192.0.2.12"])
        #expect(zone.find(Name("nas.home")!, .mx) == .noData && zone.find(Name("b.deep.home")!, .a) == .noData)
        #expect(zone.find(Name("x.printer.home")!, .a) == .action(.nxdomain))
        #expect(zone.find(Name("tv.example")!, .a) == .action(.nodata))
        #expect(zone.find(Name("other.home")!, .a) == .unknown && zone.find(Name("example")!, .a) == .unknown)
        for name in ["nas.home", "x.printer.home", "tv.example"] { #expect(mayHave(zone, name)) }
        #expect(!mayHave(LocalZone(""), "nas.home"))
    }

    @Test func `lines that cannot be read are told with their numbers, and the others hold`() {
        let zone = LocalZone(
            "a.home. A 192.0.2.1\nb.home. A nonsense\nc.home.: maybe\nd.home. CH A 192.0.2.1\ne.home. A 192.0.2.2 (")
        #expect(zone.faults.map(\.line) == [2, 3, 4, 5] && zone.recordCount == 1)
    }

    @Test func `a set's records are its own, once, with one TTL, and not too many`() {
        let zone = LocalZone("a.home. 300 A 192.0.2.1\na.home. 60 A 192.0.2.2\na.home. 60 A 192.0.2.1\n")
        #expect(data(zone, "a.home") == ["a.home. 60 192.0.2.1", "a.home. 60 192.0.2.2"])
        let many = LocalZone((0..<1100).map { "a.home. A 192.0.\($0 / 250).\($0 % 250)\n" }.joined())
        #expect(many.recordCount == 1000 && many.faults.count == 100)
    }

    @Test func `search engines' names lead to their safe ones, by text and by wire form, others to none`() {
        for (name, target) in [
            ("www.google.de", "forcesafesearch.google.com"), ("google.co.uk", "forcesafesearch.google.com"),
            ("www.bing.com", "strict.bing.com"), ("duckduckgo.com", "safe.duckduckgo.com"),
            ("m.youtube.com", "restrict.youtube.com"), ("yandex.ru", "familysearch.yandex.ru"),
        ] {
            #expect(SafeSearch.target(of: name) == target)
            #expect(wireTarget(name) == Name(target)!)
        }
        for name in ["mail.google.com", "google.example", "com", "forcesafesearch.google.com", "www.youtube.com.example"] {
            #expect(SafeSearch.target(of: name) == nil && wireTarget(name) == nil)
        }
        // What an engine's name leads to leads nowhere else.
        for entry in SafeSearch.entries {
            #expect(SafeSearch.target(of: entry.target) == nil && wireTarget(entry.name) == Name(entry.target))
        }
    }
}

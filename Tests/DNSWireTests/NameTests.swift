import DNSWire
import Testing

@Suite struct NameTests {
    @Test func `names print as they were written`() {
        for text in [".", "com.", "www.example.com.", "a\\.b.c.", "\\000\\255.x.", "\\@.\\$x.\\\"q\\\".\\(\\).\\;.", "*.w."] {
            #expect(Name(text)?.description == text)
        }
        #expect(Name("\\097.b")?.description == "a.b.")
    }

    @Test func `text that is no name is refused`() {
        let long = String(repeating: "a", count: 64)
        for text in ["", "..", ".a", "a..b", "\\256.", "\\25", "a\\", long] { #expect(Name(text) == nil, "\(text)") }
        #expect(Name(String(repeating: "abcdefg.", count: 32)) == nil)
    }

    @Test func `case does not count`() {
        let mixed = Name("wWw.ExAmple.COM")!
        #expect(mixed == Name("www.example.com"))
        #expect(Set([mixed]).contains(Name("WWW.EXAMPLE.com")!))
        #expect(mixed.lowercased.description == "www.example.com.")
        // Only letters have case: these bytes differ by the same bit.
        #expect(Name("@x[.") != Name("`x{."))
    }

    @Test func `subdomains are told by whole labels`() {
        let zone = Name("example.com")!
        #expect(Name("a.b.EXAMPLE.com")!.isSubdomain(of: zone) && zone.isSubdomain(of: zone))
        #expect(zone.isSubdomain(of: .root) && !Name("com")!.isSubdomain(of: zone))
        #expect(!Name("badexample.com")!.isSubdomain(of: zone))
        #expect(zone.parent == Name("com") && Name("com")!.parent == .root && Name.root.parent == nil)
    }

    @Test func `relative names get the origin`() throws {
        let origin = Name("example.com")!
        #expect(try Name("www", origin: origin) == Name("www.example.com"))
        #expect(try Name("www.", origin: origin) == Name("www"))
        #expect(try Name("@", origin: origin) == origin)
    }

    @Test func `a fixed name is the lower-cased name`() {
        let name = Name("MiXed.Case.")!
        let fixed = FixedName(name)
        #expect(Name(fixed).description == "mixed.case." && fixed.labelCount == 2)
        let isSame = fixed == FixedName(Name("mixed.CASE")!)
        #expect(isSame)
    }

    @Test func `hashes depend on every part of the question and on the seed`() {
        let names = ["a.test", "b.test", "a.b.test", "test", ".", "aaaaaaaa.test", "aaaaaaab.test"].map { Name($0)! }
        var hashes: Set<UInt64> = []
        var count = 0
        for name in names {
            let fixed = FixedName(name)
            for type in [RecordType.a, .aaaa] {
                for bits in 0..<4 {
                    for seed: UInt64 in [0, 1, 0x8000_0000_0000_0000] {
                        let flags = KeyFlags(dnssecOK: bits & 1 != 0, checkingDisabled: bits & 2 != 0)
                        hashes.insert(QuestionHash.hash(fixed, type, .internet, flags: flags, seed: seed))
                        count += 1
                    }
                }
            }
        }
        #expect(hashes.count == count)
    }
}

import AnswerCache
import DNSWire
import Foundation
import Green
import GreenRedis
import Observation
import Testing

@testable import Daemon

@Suite struct ControlPartsTests {
    @Test func `a stranger's words reach a terminal as plain text, and not all of a long one`() {
        #expect(ControlFormat.words(RedisError.refused("ERR \u{1B}[2J\u{9B}\r\n no")) == "ERR ?[2J??? no")
        #expect(ControlFormat.words(RedisError.refused(String(repeating: "x", count: 5_000))).count == 300)
    }

    @Test func `JSON has its commas and escapes`() throws {
        var writer = JSONWriter()
        let odd =
            "quote \" backslash \\ tab \t newline \n nul \0 umlaut ä bird \u{1F426} C1 \u{9B}2J left \u{202E} joined \u{200D}"
        writer.object { writer in
            writer.member("text", odd)
            writer.member("none", nil as String?)
            writer.member("number", -7)
            writer.member("truth", true)
            writer.key("empty")
            writer.array { _ in }
            writer.key("list")
            writer.array { writer in
                writer.value(1)
                writer.object { _ in }
                writer.value("two")
            }
        }
        let object = try #require(try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String: Any])
        #expect(object["text"] as? String == odd)
        // Printed to a terminal it is nothing but characters to see.
        let isPlain = String(decoding: writer.bytes, as: UTF8.self).unicodeScalars.allSatisfy { $0.isPlain }
        #expect(isPlain)
        #expect(object["none"] is NSNull)
        #expect(object["number"] as? Int == -7)
        #expect(object["truth"] as? Bool == true)
        #expect((object["empty"] as? [Any])?.count == 0)
        #expect((object["list"] as? [Any])?.count == 3)
    }

    @Test func `a pattern agrees with a plain search on random words`() {
        var random = SeededGenerator(seed: 11)
        func word(_ letters: [Character], _ count: Int) -> String {
            String((0..<count).map { _ in letters.randomElement(using: &random)! })
        }
        for _ in 0..<5_000 {
            let pattern = word(["a", "b", "*", "?"], Int.random(in: 1...6))
            let name = word(["a", "b"], Int.random(in: 1...7))
            let fits = NamePattern(pattern)!.matches(FixedName(Name(name)!))
            #expect(fits == Self.fits(Array(pattern), Array(name)), "\(pattern) \(name)")
        }
    }

    /// The definition of a pattern, letter by letter.
    private static func fits(_ pattern: [Character], _ text: [Character]) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        let rest = Array(pattern.dropFirst())
        switch first {
        case "*": return (0...text.count).contains { fits(rest, Array(text.dropFirst($0))) }
        case "?": return !text.isEmpty && fits(rest, Array(text.dropFirst()))
        default: return text.first == first && fits(rest, Array(text.dropFirst()))
        }
    }

    @Test func `a pattern needs no final dot and knows the root`() {
        #expect(NamePattern("WWW.example.")!.matches(FixedName(Name("www.Example")!)))
        #expect(NamePattern("*.example.")!.matches(FixedName(Name("www.example.")!)))
        #expect(NamePattern(".")!.matches(FixedName(.root)))
        #expect(!NamePattern("*.example")!.matches(FixedName(Name("example")!)))
        #expect(NamePattern("a\\.b.*")!.matches(FixedName(Name("A\\.b.example")!)))
        #expect(!NamePattern("a\\.b.*")!.matches(FixedName(Name("a.b.example")!)))
        #expect(NamePattern("*..example") == nil)
        #expect(NamePattern("") == nil)
    }
}

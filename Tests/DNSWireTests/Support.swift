import DNSWire
import Foundation

/// Random numbers that are the same in every run.
struct SeededGenerator: RandomNumberGenerator {
    /// The state.
    var state: UInt64

    /// The next number (SplitMix64).
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// A number below a bound.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// Some random bytes.
    mutating func bytes(_ range: ClosedRange<Int>) -> [UInt8] {
        (0..<(range.lowerBound + below(range.count))).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}

/// Bytes from hex text; spaces and line ends are skipped.
func bytes(hex: String) -> [UInt8] {
    var digits: [UInt8] = []
    for byte in hex.utf8 {
        switch byte {
        case 0x30...0x39: digits.append(byte - 0x30)
        case 0x61...0x66: digits.append(byte - 0x57)
        case 0x41...0x46: digits.append(byte - 0x37)
        default: break
        }
    }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// The text of a file below Tests/Resources.
func resource(_ path: String) throws -> String {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: folder.appending(path: "Resources/\(path)"), encoding: .utf8)
}

/// A question asked of a real server, its answer, and how dig prints that.
struct GoldenAnswer {
    /// What was asked, in words.
    var question = ""
    /// The query's bytes.
    var query: [UInt8] = []
    /// The answer's bytes.
    var answer: [UInt8] = []
    /// The answer's records as dig prints them.
    var records: [String] = []

    /// Everything in nsd-answers.txt.
    static func all() throws -> [GoldenAnswer] {
        var all: [GoldenAnswer] = []
        for line in try resource("wire/nsd-answers.txt").split(separator: "\n") where !line.hasPrefix("#") {
            let rest = String(line.dropFirst(2))
            switch line.first {
            case "?": all.append(GoldenAnswer(question: rest))
            case "<": all[all.count - 1].query = bytes(hex: rest)
            case ">": all[all.count - 1].answer = bytes(hex: rest)
            default: all[all.count - 1].records.append(rest)
            }
        }
        return all
    }
}

import Foundation
import Testing

extension EndToEnd {
    /// What a stranger's bytes can make each stage do grows no faster than the bytes: counted in instructions, which are the
    /// same on every machine.
    @Suite(.enabled(if: MeasureProgram.isThere, "the release build of Measure, valgrind and strip are needed"))
    struct WorkTests {
        /// A kind of bytes, and the most instructions for each of them.
        struct Walk: CustomTestStringConvertible {
            let name: String
            let most: Int
            var testDescription: String { name }
        }

        static let walks =
            ["many-questions", "long-query", "deep-query", "many-aliases", "store", "redis"].map { Walk(name: $0, most: 150) }
            + ["repeated-labels", "pointer-chains", "deep-owners", "many-dnames", "letters", "write"].map {
                Walk(name: $0, most: 550)
            }
            + [
                Walk(name: "hosts", most: 1_500), Walk(name: "long-line", most: 150), Walk(name: "deep-lines", most: 400),
                Walk(name: "nested", most: 900), Walk(name: "list-words", most: 1_500), Walk(name: "list-owner", most: 700),
                Walk(name: "list-wide", most: 2_500), Walk(name: "list-short", most: 800),
                Walk(name: "list-records", most: 3_000),
            ]
            + ["rule-links", "rule-addresses", "rule-long-addresses", "rule-wide-name"].map {
                Walk(name: $0, most: 300)
            }
            // Four bytes are an address of a policy zone, which is looked up, and its prefix once more.
            + [Walk(name: "rule-hints", most: 500)]
            // By lists that have rules with details for each of a name's labels; of an answer's aliases, for which two bytes may
            // stand, 20 are looked up.
            + [
                Walk(name: "rule-rebinding", most: 600), Walk(name: "rule-name", most: 2_600),
                Walk(name: "rule-services", most: 2_100), Walk(name: "rule-deep-links", most: 13_000),
            ]
            + ["redis-labels", "snapshot-labels", "snapshot-chains", "snapshot-owners", "snapshot-entries"].map {
                Walk(name: $0, most: 300)
            }
            + ["resp-lines", "resp-values", "resp-lines-in-bytes", "resp-values-in-bytes"].map { Walk(name: $0, most: 350) }
            + [
                Walk(name: "domains", most: 700), Walk(name: "http-fields", most: 1_000), Walk(name: "http-lines", most: 100),
                Walk(name: "http2-frames", most: 200), Walk(name: "http2-requests", most: 1_500),
                Walk(name: "http2-pieces", most: 200),
            ]
            + ["redis-owners", "resp-elements", "resp-nested", "resp-announced", "resp-elements-in-bytes"].map {
                Walk(name: $0, most: 750)
            }

        /// The bytes of a walk, and the instructions of a process that takes it once less than `times`.
        private func count(_ name: String, times: Int, _ program: String) throws -> (bytes: Int, instructions: Int) {
            let tool = try Tool(
                ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, "hostile", name, "\(times)"],
                within: .seconds(120))
            let bytes = try #require(Int(tool.output.split(separator: "\n").first ?? ""), "\(tool.errors)")
            let line = tool.errors.split(separator: "\n").last { $0.contains("Collected :") }
            return (bytes, try #require(line?.split(separator: " ").last.flatMap { Int($0) }, "\(tool.errors)"))
        }

        @Test func `of a million random names compiled lists say what sets of strings do`() throws {
            let told = try Tool([MeasureProgram.path, "compared-rules", "1000000"], within: .seconds(300))
            #expect(told.exit == .code(0) && told.output.hasPrefix("names 1000000 "), "\(told.output)\(told.errors)")
            #expect(told.output.hasSuffix(" differences 0\n"), "\(told.output)\(told.errors)")
        }

        @Test(arguments: walks) func `a stranger's bytes make no more work than their number allows`(_ walk: Walk) throws {
            let directory = try TestDirectory()
            // Debian's valgrind gives up on DWARF 5 as Swift writes it.
            let program = directory.file("measure")
            #expect(try Tool(["strip", "--strip-debug", "-o", program, MeasureProgram.path]).exit == .code(0))
            let none = try count(walk.name, times: 1, program)
            // What a process does now and then besides would count much beside few bytes.
            let rounds = none.bytes < 4_000 ? 16 : 1
            let all = try count(walk.name, times: 1 + rounds, program)
            let each = (all.instructions - none.instructions) / none.bytes / rounds
            #expect(each <= walk.most, "\(each) instructions for each of \(none.bytes) bytes")
        }
    }
}

/// The release build of `Measure`, which counts what single stages do.
private enum MeasureProgram {
    static let path = ProcessInfo.processInfo.environment["VIREO_MEASURE"] ?? ""
    static let isThere = FileManager.default.isExecutableFile(atPath: path)
}

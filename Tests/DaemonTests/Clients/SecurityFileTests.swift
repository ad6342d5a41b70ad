import Foundation
import TestSupport
import Testing

/// What SECURITY.md says of limits.
@Suite struct SecurityFileTests {
    @Test func `each limit names a test that exists`() throws {
        let text = try String(contentsOf: SourceTree.file("SECURITY.md"), encoding: .utf8)
        let paths = FileManager.default.enumerator(atPath: SourceTree.file("Tests").path)
        let files = (paths?.allObjects as? [String] ?? []).filter { $0.hasSuffix("Tests.swift") }
        let rows = text.split(separator: "\n").drop { !$0.hasPrefix("| what can grow") }.dropFirst(2).prefix { $0.hasPrefix("|") }
        #expect(rows.count > 15)
        for row in rows {
            // Between the quotes stands every second piece.
            let pieces = row.split(separator: "|").last?.split(separator: "`", omittingEmptySubsequences: false) ?? []
            let names = pieces.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
            #expect(!names.isEmpty, "\(row)")
            for name in names {
                // A suite, or a target and a suite; it may stand in a folder of its target's.
                let words = name.split(separator: ".")
                let isThere = files.contains { file in
                    file.hasSuffix("/\(words.last ?? "").swift") && (words.count == 1 || file.hasPrefix("\(words[0])/"))
                }
                #expect(isThere, "\(name)")
            }
        }
    }
}

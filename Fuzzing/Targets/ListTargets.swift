import DNSWire
import NameRules

/// Lists of names in each format, and local data.
enum ListTargets {
    /// A target for each format, and one that finds the format out.
    static var formats: [FuzzTarget] {
        ListFormat.allCases.map { format in FuzzTarget(name: "list-\(format.rawValue)") { list($0, format) } }
            + [FuzzTarget(name: "list-unknown") { list($0, nil) }]
    }

    /// A list is read to its end, the same whole and in pieces, and whatever it says can be looked up.
    private static func list(_ bytes: [UInt8], _ format: ListFormat?) {
        let (whole, table) = read(bytes, format, pieces: bytes.count)
        let (cut, other) = read(bytes, format, pieces: 7)
        promise(whole.lineCount <= bytes.count + 1, "a line takes a byte")
        promise(whole.ruleCount + whole.commentCount + whole.skippedCount <= bytes.count + 1, "a rule takes bytes")
        promise(table.ruleCount <= whole.ruleCount, "no rule comes of nothing")
        promise(whole.lineCount == cut.lineCount && whole.ruleCount == cut.ruleCount, "pieces make no difference")
        promise(whole.skippedCount == cut.skippedCount && table.ruleCount == other.ruleCount, "pieces make no difference")
    }

    private static func read(_ bytes: [UInt8], _ format: ListFormat?, pieces: Int) -> (ListReport, RuleTable) {
        var list = ListCompiler(format: format, key: RuleKey(seed: 1))
        for start in stride(from: 0, to: bytes.count, by: max(1, pieces)) {
            list.read(bytes.span.extracting(start..<min(bytes.count, start + max(1, pieces))))
        }
        list.end()
        return (list.report, list.finish())
    }

    /// Local data: each line makes a record or a fault.
    static func localZone(_ bytes: [UInt8]) {
        let zone = LocalZone(String(decoding: bytes, as: UTF8.self))
        promise(zone.recordCount + zone.faults.count <= bytes.count + 1, "a record takes bytes")
    }
}

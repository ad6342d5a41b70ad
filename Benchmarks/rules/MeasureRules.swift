internal import DNSWire
internal import Glibc
internal import NameRules

/// The program.
@main
struct MeasureRules {
    /// Measures.
    static func main() throws {
        let text = try read("Tests/Resources/names.txt")
        let count = Int(CommandLine.arguments[1])!
        let before = memory("VmRSS")
        var names = ListedNames(text, seed: 1)
        var tables: [RuleTable] = []
        var bytes = 0
        let clock = ContinuousClock()
        let start = clock.now
        var probe: [[UInt8]] = []
        for _ in 0..<5 {
            var builder = RuleTableBuilder(key: RuleKey(seed: 42))
            for _ in 0..<count / 5 {
                var line: [UInt8] = []
                names.append(to: &line)
                bytes += line.count
                let wire = ListedNames.wire(line)
                if names.random.below(count / 20000) == 0 { probe.append(wire) }
                _ = builder.add(try Name(wire: wire), Rule(.suffix))
            }
            tables.append(builder.finish())
        }
        var sets = try RuleSetBuilder(tables, number: 1)
        let middle = clock.now
        let set = sets.finish()
        print("avg length", Double(bytes) / Double(count), "rules", tables.reduce(0) { $0 + $1.ruleCount })
        print("built", middle - start, "filter", clock.now - middle)
        print("bytes", Double(set.byteCount) / Double(count), "rss", Double(memory("VmRSS") - before) * 1024 / Double(count))
        var misses: [[UInt8]] = []
        for _ in 0..<20000 { misses.append(ListedNames.wire(names.sites[names.random.below(names.sites.count)])) }
        var wwws = misses.map { [3, 0x77, 0x77, 0x77] + $0 }
        for (what, list) in [("hit", probe), ("miss", misses), ("miss www", wwws)] {
            var found = 0
            var best = Duration.seconds(1)
            for _ in 0..<40 {
                let start = clock.now
                for name in list { if !set.verdicts(of: name.span).isEmpty { found += 1 } }
                best = min(best, clock.now - start)
            }
            print(what, best / list.count, Double(found) / Double(40 * list.count), list.count)
        }
        wwws = []
    }

    /// A field of this process' status, in KiB.
    static func memory(_ field: String) -> Int {
        let text = String(decoding: (try? read("/proc/self/status")) ?? [], as: UTF8.self)
        for line in text.split(separator: "\n") where line.hasPrefix(field + ":") {
            return Int(line.split(separator: " ", omittingEmptySubsequences: true)[0].split(separator: "\t").last!) ?? 0
        }
        return 0
    }

    /// The bytes of a file.
    static func read(_ path: String) throws -> [UInt8] {
        let file = unsafe fopen(path, "r")
        guard let file = unsafe file else { return [] }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        unsafe fclose(file)
        return bytes
    }
}

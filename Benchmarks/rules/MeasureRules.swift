internal import DNSWire
internal import Glibc
internal import NameRules

/// What rules cost: `measure-rules 5000000` compiles so many names in five lists and looks names up, those that are listed
/// and those that are not.
@main
struct MeasureRules {
    /// Measures.
    static func main() throws {
        let text = try read("Tests/Resources/names.txt")
        guard CommandLine.arguments.count == 2, let count = Int(CommandLine.arguments[1]), count >= 5, text.count > 0 else {
            return print("usage: measure-rules NAMES (where Tests/Resources is)")
        }
        var names = ListedNames(text, seed: 1)
        var probe: [[UInt8]] = []
        let lists = (0..<5).map { _ in
            var lines: [UInt8] = []
            for _ in 0..<count / 5 {
                var line: [UInt8] = []
                names.append(to: &line)
                if names.random.below(max(1, count / 20000)) == 0 { probe.append(ListedNames.wire(line)) }
                lines += [0x7C, 0x7C] + line + [0x5E, 0x0A]
            }
            return lines
        }
        let bytes = lists.reduce(0) { $0 + $1.count }
        print("names", count, "average length", Double(bytes) / Double(count) - 4)
        let set = try load(lists, count)
        var misses: [[UInt8]] = []
        for _ in 0..<20000 { misses.append(ListedNames.wire(names.sites[names.random.below(names.sites.count)])) }
        let hosts = misses.map { [3, 0x77, 0x77, 0x77] + $0 }
        for (what, list) in [("listed", probe), ("not listed", misses), ("not listed, www", hosts)] { lookUp(what, list, set) }
    }

    /// Compiles the lists.
    static func load(_ lists: [[UInt8]], _ count: Int) throws -> RuleSet {
        let before = memory("VmRSS")
        let clock = ContinuousClock()
        let start = clock.now
        var (reading, sorting) = (Duration.zero, Duration.zero)
        var tables: [RuleTable] = []
        for list in lists {
            var compiler = ListCompiler(format: .adblock, key: RuleKey(seed: 42))
            let start = clock.now
            var position = 0
            while position < list.count {
                let end = min(position + 16384, list.count)
                compiler.read(list.span.extracting(position..<end))
                position = end
            }
            compiler.end()
            let read = clock.now
            tables.append(compiler.finish())
            reading += read - start
            sorting += clock.now - read
        }
        var sets = try RuleSetBuilder(tables, number: 1)
        let middle = clock.now
        let set = sets.finish()
        let whole = (clock.now - start) / .seconds(1)
        print("rules", tables.reduce(0) { $0 + $1.ruleCount }, "names a second", Int(Double(count) / whole))
        print("reading", reading, "sorting", sorting, "filter", clock.now - middle)
        print(
            "bytes a name", Double(set.byteCount) / Double(count), "resident",
            Double(memory("VmRSS") - before) * 1024 / Double(count))
        return set
    }

    /// Looks names up.
    static func lookUp(_ what: String, _ names: [[UInt8]], _ set: RuleSet) {
        let clock = ContinuousClock()
        var found = 0
        var best = Duration.seconds(1)
        for _ in 0..<40 {
            let start = clock.now
            for name in names where !set.verdicts(of: name.span).isEmpty { found += 1 }
            best = min(best, clock.now - start)
        }
        print(what, best / max(1, names.count), "found", Double(found) / Double(40 * max(1, names.count)))
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

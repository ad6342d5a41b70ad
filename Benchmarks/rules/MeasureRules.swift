internal import CGreen
internal import DNSWire
internal import Glibc
internal import NameRules

/// What rules cost: `measure-rules 5000000` compiles so many names in five lists and looks names up, those that are listed
/// and those that are not; `resident` says how the process grows; `lines` reads one list of so many lines,
/// and `names` writes the names, for other programs (`ruled.py peers --list`).
@main
struct MeasureRules {
    /// Measures.
    static func main() throws {
        let text = try read("Tests/Resources/names.txt")
        let words = CommandLine.arguments.dropFirst()
        guard let count = words.first.flatMap({ Int($0) }), count >= 5, text.count > 0 else {
            return print("usage: measure-rules NAMES [resident|lines|names] (where Tests/Resources is)")
        }
        var names = ListedNames(text, seed: 1)
        switch words.dropFirst().first {
        case "resident": return try measureMemory(&names, count)
        case "lines": return try measureLines(&names, count)
        case "names":
            for _ in 0..<count { print(String(decoding: line(&names).dropFirst(2).dropLast(2), as: UTF8.self)) }
            return
        default: break
        }
        var probe: [[UInt8]] = []
        let lists = (0..<5).map { _ in
            var lines: [UInt8] = []
            for _ in 0..<count / 5 {
                let line = line(&names)
                if names.random.below(max(1, count / 20000)) == 0 {
                    probe.append(ListedNames.wire(line.dropFirst(2).dropLast(2)))
                }
                lines += line
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

    /// A line of a filter list.
    static func line(_ names: inout ListedNames) -> [UInt8] {
        var line: [UInt8] = [0x7C, 0x7C]
        names.append(to: &line)
        return line + [0x5E, 0x0A]
    }

    /// Compiles lists of which no text is kept, and says how the process has grown, once for five lists and at its largest for
    /// one of them that is read again.
    static func measureMemory(_ names: inout ListedNames, _ count: Int) throws {
        green_give_memory_back()
        let (before, codeBefore) = (memory("VmRSS"), memory("RssFile"))
        func compiled(_ names: inout ListedNames) -> RuleTable {
            var compiler = ListCompiler(format: .adblock, key: RuleKey(seed: 42))
            for _ in 0..<count / 5 { compiler.read(line(&names).span) }
            compiler.end()
            let table = compiler.finish()
            // As the daemon does when lists have been read.
            green_give_memory_back()
            return table
        }
        var tables: [RuleTable] = []
        for _ in 0..<5 { tables.append(compiled(&names)) }
        var builder = try RuleSetBuilder(tables, number: 1)
        var set = builder.finish()
        let grown = memory("VmRSS") - before
        let peak = memory("VmHWM") - before
        // Of the program's own code some is read for the first time.
        let code = memory("RssFile") - codeBefore
        print(
            "bytes a name", Double(set.byteCount) / Double(count), "resident", Double(grown) * 1024 / Double(count),
            "without the program's code", Double(grown - code) * 1024 / Double(count))
        tables[0] = compiled(&names)
        builder = try RuleSetBuilder(tables, number: 2)
        set = builder.finish()
        print(
            "largest while compiling", Double(peak) / Double(grown), "with one of five read again",
            Double(memory("VmHWM") - before) / Double(grown))
        print("rules", set.tables.reduce(0) { $0 + $1.ruleCount })
    }

    /// Compiles one list of so many lines, of which a third are comments, nothing for DNS, or names that came before.
    static func measureLines(_ names: inout ListedNames, _ count: Int) throws {
        let before = memory("VmRSS")
        var compiler = ListCompiler(format: .adblock, key: RuleKey(seed: 42))
        var last = line(&names)
        var spent = Duration.zero
        for number in 0..<count {
            switch number % 9 {
            case 0: last = Array("! a comment\n".utf8)
            case 1: last = Array("example.com##.banner\n".utf8)
            case 2: last = Array("||ads.example.com^\n".utf8)
            default: last = line(&names)
            }
            let start = processorTime()
            compiler.read(last.span)
            spent += processorTime() - start
        }
        let start = processorTime()
        compiler.end()
        let table = compiler.finish()
        let report = compiler.report
        spent += processorTime() - start
        var builder = try RuleSetBuilder([table], number: 1)
        let set = builder.finish()
        let peak = memory("VmHWM") - before
        print(
            "lines", report.lineCount, "rules", report.ruleCount, "comments", report.commentCount, "skipped", report.skippedCount)
        print(
            "names", table.ruleCount, "processor time", spent, "MiB at its largest", peak / 1024, "MiB kept", set.byteCount >> 20)
    }

    /// The processor time of this process so far.
    static func processorTime() -> Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// Compiles the lists.
    static func load(_ lists: [[UInt8]], _ count: Int) throws -> RuleSet {
        let start = processorTime()
        var (reading, sorting) = (Duration.zero, Duration.zero)
        var tables: [RuleTable] = []
        for list in lists {
            var compiler = ListCompiler(format: .adblock, key: RuleKey(seed: 42))
            let start = processorTime()
            var position = 0
            while position < list.count {
                let end = min(position + 16384, list.count)
                compiler.read(list.span.extracting(position..<end))
                position = end
            }
            compiler.end()
            let read = processorTime()
            tables.append(compiler.finish())
            reading += read - start
            sorting += processorTime() - read
        }
        var sets = try RuleSetBuilder(tables, number: 1)
        let middle = processorTime()
        let set = sets.finish()
        let whole = (processorTime() - start) / .seconds(1)
        print("rules", tables.reduce(0) { $0 + $1.ruleCount }, "names a second", Int(Double(count) / whole))
        print("reading", reading, "sorting", sorting, "filter", processorTime() - middle)
        print("bytes a name", Double(set.byteCount) / Double(count))
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
            return Int(line.filter { ("0"..."9").contains($0) }) ?? 0
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

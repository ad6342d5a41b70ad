import AnswerCache
import DNSWire
import Foundation
import Green
import Logging
import NameRules
import Testing

@testable import Daemon

/// Keeps what is logged, a line each.
private struct LineKeeper: LogHandler {
    let lines: Locked<[String]>
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
}

/// Files of the machine, one of which is given piece by piece by the test, or touched while it is read.
private struct StagedFiles: FileAccess {
    let inner: any FileAccess = LibeventLoop().files
    /// Called before each piece is read, with its offset.
    var beforeRead: @Sendable (Int) -> Void = { _ in }
    /// What is read instead of the file.
    var piece: (@Sendable (Int, Int) -> [UInt8])?

    func read(_ path: String, limit: Int) throws(SocketError) -> [UInt8] { try inner.read(path, limit: limit) }

    func read(_ path: String, from offset: Int, count: Int) throws(SocketError) -> [UInt8] {
        beforeRead(offset)
        if let piece { return piece(offset, count) }
        return try inner.read(path, from: offset, count: count)
    }

    func replace(_ path: String, over judge: ([UInt8]) throws -> FileFate, _ nextPiece: () throws -> [UInt8]?) throws {
        try inner.replace(path, over: judge, nextPiece)
    }

    func checkPrivate(_ path: String) throws(SocketError) { try inner.checkPrivate(path) }

    func stamp(_ path: String) -> FileStamp? {
        inner.stamp(piece == nil ? path : "/")
    }
}

/// Lists that are long, or change while they are read, or may not be read; keys that are wrong; what the log says of it.
@Suite struct ListFaultTests {
    /// Reads the lists of a configuration once, as at some seconds.
    private func load(
        _ yaml: String, _ files: StagedFiles, after former: [LoadedList] = [], at seconds: Int64 = 1
    ) throws -> [LoadedList] {
        let loader = ListLoader(key: RuleKey(seed: 1), access: files, now: 0, uptime: seconds * 1_000_000_000)
        return try #require(loader.refreshed(former, read(yaml).rules))
    }

    /// Whether a list denies a name.
    private func denies(_ list: LoadedList, _ name: String) throws -> Bool {
        var builder = try RuleSetBuilder([list.table], number: 1)
        let (rules, wire) = (builder.finish(), Name(name)!.wire)
        return rules.verdicts(of: wire.span).denied != 0
    }

    /// Calls `body` with the path of a file that is not there yet, in a directory of its own that others may look into.
    private func withPath(_ body: (String) throws -> Void) throws {
        let directory = NSTemporaryDirectory() + "vireo-list-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try body(directory + "/list")
    }

    @Test(arguments: ["appended", "cut", "replaced"])
    func `a file that changes while it is read is not believed, and is read again`(_ change: String) throws {
        try withPath { path in
            try Data("first.example\n".utf8).write(to: URL(fileURLWithPath: path))
            let yaml = "lists: {ads: {from: \"\(path)\", format: domains}}"
            let first = try load(yaml, StagedFiles())
            #expect(try denies(first[0], "first.example") && first[0].problems.isEmpty)
            // More than one piece, so that it changes in the middle.
            let second = Data(String(repeating: "second.example\n", count: 30_000).utf8)
            try second.write(to: URL(fileURLWithPath: path))
            let touched = StagedFiles { offset in
                guard offset > 0 else { return }
                switch change {
                case "appended":
                    let file = FileHandle(forWritingAtPath: path)
                    _ = try? file?.seekToEnd()
                    try? file?.write(contentsOf: Data("third.example\n".utf8))
                case "cut": truncate(path, 15)
                default: try? Data("third.example\n".utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
                }
            }
            let half = try load(yaml, touched, after: first)
            #expect(half[0].problems == ["\(path): it changes while it is read"] && half[0].retryAt != nil)
            #expect(try denies(half[0], "first.example") && !denies(half[0], "second.example"))
            let last = try load(yaml, StagedFiles(), after: half, at: 2)
            #expect(last[0].problems.isEmpty && last[0].retryAt == nil)
            #expect(try denies(last[0], change == "replaced" ? "third.example" : "second.example"))
            #expect(try !denies(last[0], "first.example"))
        }
    }

    @Test func `own rules that cannot be read at the start are told, and none that are not there`() throws {
        for (error, count) in [(SocketError.system(errno: EACCES, call: "open"), 1), (.notFound, 0), (nil, 0)] {
            let world = VirtualWorld(seed: 5)
            let lines = Locked<[String]>([])
            let logger = Logger(label: "test") { _ in LineKeeper(lines: lines) }
            try world.run { _ in
                let settings = try read("upstreams: [192.0.2.1]")
                world.host.files.write(settings.rules.ownRulesPath, "deny bad.example. never\n")
                world.host.files.setFailure(error, of: settings.rules.ownRulesPath)
                let part = NameRulesPart(settings, try MemoryCache(sizeBytes: 0, seed: 1), logger)
                try part.start()
                #expect(part.own.rules.count == (error == nil ? 1 : 0))
                #expect(lines.withLock { $0.filter { $0.contains("rules that were added cannot be read") }.count } == count)
                try part.stop()
            }
        }
    }

    @Test func `a file that only others may read is said, and what was read of it stays`() throws {
        let world = VirtualWorld(seed: 5)
        let lines = Locked<[String]>([])
        let logger = Logger(label: "test") { _ in LineKeeper(lines: lines) }
        try world.run { _ in
            world.host.files.write("/a", "a.example\n")
            let part = NameRulesPart(try read("lists: {ads: {from: /a}}"), try MemoryCache(sizeBytes: 0, seed: 1), logger)
            try part.start()
            world.host.files.write("/a", "b.example\n")
            world.host.files.setFailure(.system(errno: EACCES, call: "open"), of: "/a")
            try sleep(.seconds(2))
            let list = try #require(part.lists.first)
            #expect(try self.denies(list, "a.example") && list.problems.count == 1)
            #expect(lines.withLock { $0.filter { $0.contains("a list cannot be read; its last content stays") }.count } == 1)
            try part.stop()
        }
        // In earnest, where this process is not root, who may read all.
        guard geteuid() != 0 else { return }
        try withPath { path in
            try Data("a.example\n".utf8).write(to: URL(fileURLWithPath: path))
            chmod(path, 0)
            let list = try load("lists: {ads: {from: \"\(path)\"}}", StagedFiles())
            #expect(list[0].problems.count == 1 && list[0].problems[0].hasPrefix(path) && list[0].table.ruleCount == 0)
        }
    }

    @Test func `a list of more lines than pieces is read to its end`() throws {
        let line = Array("name.example\n".utf8)
        let lineCount = 100_000
        var files = StagedFiles()
        files.piece = { offset, count in
            let end = min(offset + count, lineCount * line.count)
            return offset < end ? (offset..<end).map { line[$0 % line.count] } : []
        }
        let long = try load("lists: {ads: {from: /list, format: domains}}", files)
        #expect(long[0].report.lineCount == lineCount && long[0].table.ruleCount == 1 && long[0].problems.isEmpty)
    }

    @Test(arguments: ["hmac-sha256:transfer.:AAAAAAAAAAAAAAAA\n", "no key\n"])
    func `a reload with a wrong key says so at once, and changes nothing`(_ wrong: String) throws {
        let primary = ZoneTransferTests.Primary()
        primary.key = ZoneTransferTests.key
        let lines = Locked<[String]>([])
        let logger = Logger(label: "test") { _ in LineKeeper(lines: lines) }
        try primary.run { _ throws in
            let soa = ZoneTransferTests.soa(5)
            primary.answer = { type, _ in type == .soa ? [[soa]] : [[soa, "one.rpz.example. 60 IN CNAME .", soa]] }
            let files = primary.world.host.files
            let good = "hmac-sha256:transfer.:\(ZoneTransferTests.secret)\n"
            files.write("/key", good)
            let settings = try read("lists: {bad: {from: \"axfr://127.0.0.1/rpz.example\", tsig-key: /key}}")
            let downloads = ListDownloadsPart(settings, logger)
            let rules = NameRulesPart(settings, try MemoryCache(sizeBytes: 0, seed: 1), logger)
            try rules.start()
            try downloads.start()
            try sleep(.seconds(5))
            #expect(try self.denies(rules.lists[0], "one") && primary.asked.count == 2)
            try downloads.adopt(settings)
            try rules.adopt(settings)
            try sleep(.seconds(5))
            #expect(primary.asked.count == 2, "the same key is no occasion to ask")
            files.write("/key", wrong)
            try downloads.adopt(settings)
            try rules.adopt(settings)
            try sleep(.seconds(5))
            let told = lines.withLock { $0 }.filter { $0.contains("a list cannot be downloaded") }
            #expect(
                told.count == 1 && told[0].contains(wrong == "no key\n" ? "tsig-key: /key: no key there" : "(TSIG)"), "\(told)")
            #expect(told.allSatisfy { !$0.contains("AAAAAAAA") })
            #expect(try self.denies(rules.lists[0], "one") && downloads.states.values.first?.record.times?.serial == 5)
            files.write("/key", good)
            try downloads.adopt(settings)
            try sleep(.seconds(5))
            #expect(downloads.states.values.first?.problem == nil && rules.lists[0].problems.isEmpty)
            try downloads.stop()
            try rules.stop()
        }
    }

    @Test func `no line of the log has what a URL says of whose account it is`() throws {
        let world = ListDownloadTests.ListWorld()
        let lines = Locked<[String]>([])
        let logger = Logger(label: "test") { _ in LineKeeper(lines: lines) }
        try world.run { _ in
            world.answer = { head in
                let key = "key=secret"
                if head.contains("/moved") {
                    let field = "Location: ftp://me:secret@x/?\(key)"
                    return ListDownloadTests.ListWorld.response("", status: "302 Found", fields: [field])
                }
                let isGood = head.contains("/good")
                return ListDownloadTests.ListWorld.response("||ads.example^\n", status: isGood ? "200 OK" : "404 Not Found")
            }
            let sources =
                ["good", "bad", "moved"].map { "\"http://127.0.0.1/\($0)?key=secret\"" } + ["\"http://no.example/?secret\""]
            let settings = try read("lists: {ads: {from: [\(sources.joined(separator: ", "))]}}")
            let downloads = ListDownloadsPart(settings, logger)
            let rules = NameRulesPart(settings, try MemoryCache(sizeBytes: 0, seed: 1), logger)
            try rules.start()
            try downloads.start()
            try sleep(.seconds(5))
            let told = lines.withLock { $0 }
            for part in ["list downloaded", "cannot be downloaded", "cannot be read", "/good?...", "/bad?...", "/moved?..."] {
                #expect(told.contains { $0.contains(part) }, "\(part) in \(told)")
            }
            #expect(told.allSatisfy { !$0.contains("secret") }, "\(told)")
            try downloads.stop()
            try rules.stop()
        }
    }
}

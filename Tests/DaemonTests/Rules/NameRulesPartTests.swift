import AnswerCache
import DNSWire
import Glibc
import Green
import Logging
import NameRules
import Resolver
import Testing

@testable import Daemon

/// The part that reads lists: files that come, change, go, and are none; schedules.
@Suite struct NameRulesPartTests {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Runs a part in a simulated world with some files.
    private func run(
        _ yaml: String, _ files: [String: String],
        _ body: @escaping (NameRulesPart, VirtualFiles, VirtualWorld, Hub) throws -> Void
    ) throws {
        let world = VirtualWorld(seed: 5)
        try world.run { hub in
            for (path, text) in files { world.host.files.write(path, text) }
            let part = NameRulesPart(try read(yaml), try MemoryCache(sizeBytes: 0, seed: 1), Self.logger)
            try part.start()
            try body(part, world.host.files, world, hub)
            try part.stop()
        }
    }

    /// Whether a name is denied.
    private func denies(_ part: NameRulesPart, _ name: String) -> Bool {
        guard let content = part.book?.content else { return false }
        return RuleExplanation(content, Name(name)!, client: nil, at: 0).outcome == .block
    }

    @Test func `a list is read at the start and again when a file changes, and stays where it cannot be read`() throws {
        try run("lists: {ads: {from: [/a, /b]}}", ["/a": "||a.example^\n", "/b": "0.0.0.0 b.example\n"]) { part, files, _, hub in
            var changes = 0
            part.changed = { changes += 1 }
            #expect(denies(part, "x.a.example") && denies(part, "b.example") && !denies(part, "x.b.example"))
            let first = part.book?.mark
            try sleep(.seconds(5))
            #expect(changes == 0 && part.book?.mark == first)
            files.write("/a", "||c.example^\n")
            try sleep(.seconds(2))
            #expect(changes == 1 && part.book?.mark != first)
            #expect(denies(part, "c.example") && denies(part, "b.example") && !denies(part, "a.example"))
            files.remove("/b")
            try sleep(.seconds(2))
            #expect(denies(part, "c.example") && denies(part, "b.example") && part.lists[0].problems == ["/b: it is not there"])
            files.write("/b", "b2.example\n")
            try sleep(.seconds(2))
            #expect(denies(part, "b2.example") && !denies(part, "b.example") && part.lists[0].problems.isEmpty)
        }
    }

    @Test func `a list that is not there at the start is read when it comes`() throws {
        try run("lists: {ads: {from: /a}}", [:]) { part, files, _, hub in
            #expect(part.lists[0].problems.count == 1 && !denies(part, "a.example"))
            files.write("/a", "a.example\n")
            try sleep(.seconds(2))
            #expect(denies(part, "a.example") && part.lists[0].problems.isEmpty)
        }
    }

    @Test func `a list that could not be read once is tried again though it stays as it is`() throws {
        try run("lists: {ads: {from: /a}}", ["/a": "a.example\n"]) { part, files, _, hub in
            files.write("/a", "b.example\n")
            files.setFailure(.system(errno: EIO, call: "read"), of: "/a")
            try sleep(.seconds(2))
            #expect(denies(part, "a.example") && part.lists[0].problems.count == 1)
            files.setFailure(nil, of: "/a")
            try sleep(.seconds(12))
            #expect(denies(part, "b.example") && !denies(part, "a.example") && part.lists[0].problems.isEmpty)
        }
    }

    @Test func `what goes wrong while changes are looked for or told ends no watch, and the change is told later`() throws {
        let world = VirtualWorld(seed: 5)
        try world.run { hub in
            world.host.files.write("/hosts", "192.0.2.1 one\n")
            let part = HostsPart(try read("hosts: /hosts\nupstreams: [192.0.2.1]"), Self.logger)
            try part.start()
            var tellings = 0
            let first = part.table!.count
            part.changed = {
                tellings += 1
                if tellings == 1 { throw SocketError.system(errno: EAGAIN, call: "pthread_create") }
            }
            world.host.files.write("/hosts", "192.0.2.1 one two\n")
            try sleep(.seconds(4))
            #expect(tellings == 2 && part.table!.count > first)
            let second = part.table!.count
            world.host.files.write("/hosts", "192.0.2.1 one two three\n")
            world.host.files.setFailure(.system(errno: EMFILE, call: "open"), of: "/hosts")
            try sleep(.seconds(4))
            #expect(tellings == 2 && part.table!.count == second)
            world.host.files.setFailure(nil, of: "/hosts")
            try sleep(.seconds(12))
            #expect(tellings == 3 && part.table!.count > second)
            try part.stop()
        }
    }

    @Test func `a reload takes lists up and leaves them, and keeps those that are as they were`() throws {
        try run("lists: {one: {from: /a}}", ["/a": "a.example\n", "/b": "b.example\n"]) { part, _, _, hub in
            let loaded = part.lists[0].loadedAt
            try sleep(.seconds(3))
            try part.adopt(read("lists: {two: {from: /b}, one: {from: /a}}"))
            #expect(part.lists.map(\.settings.name) == ["two", "one"] && part.lists[1].loadedAt == loaded)
            #expect(denies(part, "a.example") && denies(part, "b.example"))
            try part.adopt(read("lists: {two: {from: /b}}"))
            #expect(!denies(part, "a.example") && denies(part, "b.example"))
            try part.adopt(read("upstreams: [192.0.2.1]"))
            #expect(part.book == nil && part.lists.isEmpty)
        }
    }

    @Test func `a schedule puts another book in force when its time comes`() throws {
        let yaml = """
            lists: {ads: {from: /a}}
            groups: [{name: default, block: [ads], schedule: {ads: "daily 00:00-12:00"}}]
            """
        try run(yaml, ["/a": "a.example\n"]) { part, _, _, hub in
            var seen: Set<Bool> = []
            var marks: Set<UInt8> = []
            for _ in 0..<25 {
                seen.insert(part.book!.content.active[0].blocks == 1)
                marks.insert(part.book!.mark)
                try sleep(.seconds(3600))
            }
            #expect(seen == [true, false] && (3...4).contains(marks.count))
        }
    }

    @Test func `marks come again only after 255 books, none of them 0`() throws {
        try run("lists: {ads: {from: /a}}", ["/a": "a.example\n"]) { part, files, _, hub in
            var marks: [UInt8] = [part.book!.mark]
            for number in 0..<300 {
                files.write("/a", "a\(number).example\n")
                try sleep(.seconds(2))
                marks.append(part.book!.mark)
            }
            #expect(!marks.contains(0) && Set(marks.prefix(255)).count == 255 && marks[255] == marks[0])
        }
    }
}

import Green
import Logging
import Resolver
import Testing

@testable import Daemon

/// A part that notes what is asked of it.
private final class NotedPart: Part {
    struct Failure: Error, Equatable {
        let part: String
    }

    let name: String
    private let note: (String) -> Void
    /// What fails: `start`, `adopt` of a level, or `stop`.
    var failing: Set<String> = []

    init(_ name: String, _ note: @escaping (String) -> Void) {
        self.name = name
        self.note = note
    }

    func start() throws { try call("start") }
    func adopt(_ settings: Settings) throws { try call("adopt \(settings.log.level)") }
    func status() throws -> [StatusField] { name == "b" ? [] : [StatusField("name", name)] }
    func stop() throws { try call("stop") }
    func abandon() { note("\(name) abandon") }

    private func call(_ what: String) throws {
        note("\(name) \(what)")
        if failing.contains(what) { throw Failure(part: name) }
    }
}

@Suite struct PartTests {
    private let parts: [NotedPart]
    private let list: PartList
    private let notes: () -> [String]

    init() {
        let noted = Locked<[String]>([])
        notes = {
            noted.withLock { list in
                defer { list = [] }; return list
            }
        }
        parts = ["a", "b", "c"].map { name in NotedPart(name) { text in noted.withLock { $0.append(text) } } }
        list = PartList(parts)
    }

    /// Settings with a level of the log.
    private func settings(_ level: Logger.Level) -> Settings {
        var settings = Settings()
        settings.log.level = level
        return settings
    }

    @Test func `parts start and adopt settings in their order and stop in the other`() throws {
        try list.start()
        try list.adopt(settings(.debug), insteadOf: settings(.info))
        try list.stop()
        #expect(
            notes() == [
                "a start", "b start", "c start", "a adopt debug", "b adopt debug", "c adopt debug", "c stop", "b stop",
                "a stop",
            ])
        list.abandon()
        #expect(notes() == [])
    }

    @Test func `where one does not start, those after it do not, and those before it leave nothing behind`() {
        parts[1].failing = ["start"]
        #expect(throws: NotedPart.Failure(part: "b")) { try list.start() }
        list.abandon()
        #expect(notes() == ["a start", "b start", "b abandon", "a abandon"])
    }

    @Test func `where one cannot adopt settings, all have the former ones again`() throws {
        try list.start()
        parts[1].failing = ["adopt debug"]
        _ = notes()
        #expect(throws: NotedPart.Failure(part: "b")) { try list.adopt(settings(.debug), insteadOf: settings(.info)) }
        #expect(notes() == ["a adopt debug", "b adopt debug", "b adopt info", "a adopt info"])
    }

    @Test func `one that does not stop keeps no other from it`() throws {
        try list.start()
        parts[2].failing = ["stop"]
        parts[0].failing = ["stop"]
        _ = notes()
        #expect(throws: NotedPart.Failure(part: "c")) { try list.stop() }
        #expect(notes() == ["c stop", "b stop", "a stop"])
    }

    @Test func `the status names the parts that have something to say`() throws {
        #expect(try list.status().map(\.part) == ["a", "c"])
    }

    @Test func `the hosts file is followed by itself and by a reload, and a reload that names none leaves it`() throws {
        let world = VirtualWorld(seed: 4)
        try world.run { hub throws in
            let (path, files) = ("/etc/hosts", world.host.files)
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            var settings = Settings()
            settings.hosts = path
            let part = HostsPart(settings, log)
            var changes = 0
            part.changed = { changes += 1 }
            // It may come after the daemon.
            try part.start()
            #expect(part.table == nil)
            try sleep(.seconds(2))
            #expect(part.table == nil && changes == 0)
            files.write(path, "192.0.2.1 one")
            try sleep(.seconds(2))
            #expect(part.table?.count == 2 && changes == 1)
            changes = 0
            files.write(path, "192.0.2.1 one\n192.0.2.2 two")
            try sleep(.seconds(2))
            #expect(part.table?.count == 4 && changes == 1)
            files.write(path, "192.0.2.1 one\n192.0.2.2 two\n192.0.2.3 three")
            try part.adopt(settings)
            #expect(part.table?.count == 6 && changes == 1)
            var other = settings
            other.hosts = "/etc/odd"
            files.write("/etc/odd", "192.0.2.1 one")
            files.setFailure(.permissionDenied, of: "/etc/odd")
            #expect(throws: DaemonError.self) { try part.adopt(other) }
            #expect(part.table?.count == 6)
            // A file that a reload names may come later, too.
            other.hosts = "/etc/later"
            try part.adopt(other)
            #expect(part.table == nil)
            files.write("/etc/later", "192.0.2.1 one")
            try sleep(.seconds(2))
            #expect(part.table?.count == 2 && changes == 2)
            changes = 1
            other.hosts = nil
            try part.adopt(other)
            #expect(part.table == nil)
            try part.adopt(settings)
            try part.stop()
            files.write(path, "")
            try sleep(.seconds(2))
            #expect(part.table?.count == 6 && changes == 1)
        }
    }
}

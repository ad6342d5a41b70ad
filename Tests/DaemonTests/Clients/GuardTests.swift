import Glibc
import Green
import Logging
import Testing

@testable import Daemon

/// What an operator is told of trouble, and who may do what on this machine.
@Suite struct GuardTests {
    private func moment(_ seconds: Int) -> Instant { Instant(nanoseconds: 1_000_000_000 + UInt64(seconds) * 1_000_000_000) }

    @Test func `trouble is said once when it begins, counted, and said to be over when it has been quiet`() {
        var trouble = RepeatedTrouble(quiet: .seconds(10))
        #expect(trouble.observe(0, at: moment(0)) == nil)
        #expect(trouble.observe(5, at: moment(1)) == .begun)
        for second in 2..<60 { #expect(trouble.observe(5 + UInt64(second), at: moment(second)) == nil) }
        #expect(trouble.observe(64, at: moment(68)) == nil)
        #expect(trouble.observe(64, at: moment(69)) == .over(64))
        #expect(trouble.observe(64, at: moment(200)) == nil)
        #expect(trouble.observe(65, at: moment(201)) == .begun)
        #expect(trouble.observe(65, at: moment(211)) == .over(1))
    }

    @Test func `an error of tasks is said at once, then once a minute with the count, and many errors are few lines`() {
        var failures = TaskFailures()
        #expect(failures.observe("no stack", at: moment(0)) == 0)
        for second in 1..<60 { #expect(failures.observe("no stack", at: moment(second)) == nil) }
        #expect(failures.observe("another", at: moment(59)) == 0)
        #expect(failures.observe("no stack", at: moment(60)) == 59)
        #expect(failures.observe("no stack", at: moment(61)) == nil)
        #expect(failures.observe("no stack", at: moment(120)) == 1)
        // Each with a text of its own.
        let lines = (0..<10_000).count { failures.observe("error \($0)", at: moment(121)) != nil }
        #expect(lines == TaskFailures.most - 1)
        #expect(failures.observe("error 20000", at: moment(200)) == 0)
    }

    @Test func `the control socket answers root and its own user alone, unless its mode lets a group in`() {
        #expect(ControlServer.mayAsk(0, true) && ControlServer.mayAsk(geteuid(), true))
        #expect(!ControlServer.mayAsk(geteuid() + 12_345, true))
        #expect(!ControlServer.mayAsk(nil, true))
        #expect(ControlServer.mayAsk(geteuid() + 12_345, false))
    }

    @Test func `a user that is not there is refused, and root may stay root when told so`() throws {
        guard geteuid() == 0 else { return }
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try VirtualWorld(seed: 1).run { _ throws in
            var settings = Settings()
            settings.user = "no-such-user-here"
            #expect(throws: DaemonError.self) {
                try UserPart(settings, log, listeners: ListenerPart(settings, notOpened: [], log, .system)).start()
            }
            settings.user = "root"
            try UserPart(settings, log, listeners: ListenerPart(settings, notOpened: [], log, .system)).start()
            #expect(geteuid() == 0)
        }
    }

    @Test func `the setting takes the name of a user`() throws {
        #expect(try read("user: nobody").user == "nobody")
        for wrong in ["user: a:b", "user: \"\"", "user: -x", "user: [a]"] {
            #expect(complaint(wrong).contains("expected"), "\(wrong)")
        }
    }

    @Test func `many workers' figures are added up, and each trouble counts one of them`() {
        var total = WorkerFigures()
        total.add(
            WorkerFigures(refusedConnections: 1, closedConnections: 2, shedDatagrams: 3, refusedQueries: 4, turnedAwayQueries: 5))
        total.add(
            WorkerFigures(
                refusedConnections: 10, closedConnections: 20, shedDatagrams: 30, refusedQueries: 40, turnedAwayQueries: 50))
        #expect(WorkerFigures.troubles.map { $0.count(total) } == [11, 22, 33, 55, 44])
    }
}

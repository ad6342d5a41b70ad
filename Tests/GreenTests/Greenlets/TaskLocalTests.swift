import Green
import Testing

private enum Local {
    @TaskLocal static var number = 0
    @TaskLocal static var text = "none"
    @TaskLocal static var object: Counted?
    @TaskLocal static var carried: Carried?
}

/// Counts the instances of one test.
private final class Carried: Sendable {
    static let alive = Locked(0)
    init() { Self.alive.withLock { $0 += 1 } }
    deinit { Self.alive.withLock { $0 -= 1 } }
}

/// Counts its instances.
private final class Counted: Sendable {
    static let alive = Locked(0)
    let number: Int
    init(_ number: Int) {
        self.number = number
        Self.alive.withLock { $0 += 1 }
    }
    deinit { Self.alive.withLock { $0 -= 1 } }
}

@Suite struct TaskLocalTests {
    @Test(arguments: World.allCases) func `bindings of task-local values stay with their greenlet`(_ world: World) throws {
        try onHub(world) { hub throws in
            let greenlets = (1...20).map { number in
                hub.spawn {
                    #expect(Local.number == 0)
                    try Local.$number.withValue(number) {
                        for step in 1...5 {
                            try sleep(.milliseconds(number % 3))
                            #expect(Local.number == number)
                            try Local.$text.withValue("\(number) \(step)") {
                                try yield()
                                #expect(Local.text == "\(number) \(step)" && Local.number == number)
                            }
                            #expect(Local.text == "none")
                        }
                    }
                    #expect(Local.number == 0)
                }
            }
            try joinAll(greenlets)
            #expect(Local.number == 0 && Local.text == "none")
            for greenlet in greenlets { try greenlet.get() }
        }
    }

    @Test(arguments: World.allCases) func `a greenlet inherits what was bound where it was started, and keeps it`(_ world: World)
        throws
    {
        let before = Counted.alive.withLock { $0 }
        try onHub(world) { hub throws in
            var child: Greenlet<String>?
            try Local.$number.withValue(7) {
                try Local.$object.withValue(Counted(9)) {
                    Local.$text.withValue("a long text that is kept on the heap") {
                        child = hub.spawn {
                            try sleep(.milliseconds(5))
                            let own = "\(Local.number) \(Local.text.count) \(Local.object?.number ?? 0)"
                            return try Local.$number.withValue(8) {
                                let grandchild = hub.spawn { "\(Local.number)" }
                                return own + " " + (try grandchild.get())
                            }
                        }
                    }
                    try yield()
                }
            }
            #expect(Local.number == 0 && Local.object == nil)
            #expect(try child?.get() == "7 36 9 8")
        }
        #expect(Counted.alive.withLock { $0 } == before)
    }

    @Test func `a greenlet that a task calls has its bindings, and lets go of them`() async throws {
        let before = Carried.alive.withLock { $0 }
        let mailbox = ThreadQueue<HubMailbox>()
        let end = ThreadQueue<Bool>()
        HubGroup().start(name: "called") {
            mailbox.tryPut(Hub.current.mailbox)
            _ = try end.get()
        }
        var found: HubMailbox?
        while found == nil {
            try await Task.sleep(for: .milliseconds(1))
            found = mailbox.tryGet()
        }
        let box = found!
        @Sendable func call() async throws -> String {
            try await box.call {
                let own = "\(Local.number) \(Local.text) \(Local.carried == nil ? 0 : 9)"
                try sleep(.milliseconds(1))
                return own + (try spawn { " \(Local.number)" }.get())
            }
        }
        #expect(try await call() == "0 none 0 0")
        try await Local.$number.withValue(1) {
            try await Local.$text.withValue("carried") {
                try await Local.$number.withValue(2) {
                    try await Local.$carried.withValue(Carried()) {
                        #expect(try await call() == "2 carried 9 2")
                        // By a child of the task, and by a task of its own.
                        async let child = call()
                        #expect(try await child == "2 carried 9 2")
                        #expect(try await Task { try await call() }.value == "2 carried 9 2")
                        try await withThrowingTaskGroup(of: String.self) { group in
                            group.addTask { try await Local.$number.withValue(3) { try await call() } }
                            for try await text in group { #expect(text == "3 carried 9 3") }
                        }
                    }
                }
            }
        }
        #expect(try await call() == "0 none 0 0")
        end.tryPut(true)
        // Work that is never done lets go as well.
        while box.post({}) { try await Task.sleep(for: .milliseconds(1)) }
        await Local.$carried.withValue(Carried()) {
            await #expect(throws: HubEnded()) { try await box.call {} }
        }
        #expect(Carried.alive.withLock { $0 } == before)
    }

    @Test func `a task that a greenlet starts has its bindings, and the hub's caller keeps its own`() throws {
        try Local.$number.withValue(3) {
            try onHub { hub throws in
                let values = try Local.$text.withValue("carried") {
                    try awaiting { (Local.text, Local.number) }
                }
                #expect(values.0 == "carried")
                try Local.$number.withValue(4) { try sleep(.milliseconds(1)) }
            }
            #expect(Local.number == 3)
        }
    }
}

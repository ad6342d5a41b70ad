import Green
import Testing

private enum Local {
    @TaskLocal static var number = 0
    @TaskLocal static var text = "none"
    @TaskLocal static var object: Counted?
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

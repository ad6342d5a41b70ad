import Green
import Testing

/// What goes when a greenlet ends, and may use the hub as it does.
@Suite struct FarewellTests {
    /// Calls when it goes.
    final class Farewell: Sendable {
        let call: @Sendable () -> Void

        init(_ call: @escaping @Sendable () -> Void) {
            self.call = call
        }

        deinit {
            call()
        }
    }

    @Test(arguments: World.allCases) func `a result that goes with its greenlet may look at the hub, and does not find it`(
        _ world: World
    ) throws {
        let found = Locked<[String]>([])
        try onHub(world) { hub throws in
            hub.spawn(name: "gone") { Farewell { found.withLock { $0 += Hub.current.greenlets.map(\.name) } } }
            try yield()
            let names = found.withLock { $0 }
            #expect(names.first == "root" && names.count == 2 && !names.contains("gone"))
        }
    }

    static let farewell = GreenletLocal<Farewell?>(nil)

    @Test(arguments: World.allCases) func `local values go while their greenlet still runs, and may use the hub`(_ world: World)
        throws
    {
        let seen = Locked<[Int]>([])
        try onHub(world) { hub throws in
            hub.spawn {
                Self.farewell.value = Farewell {
                    try? yield()
                    // A value that is made now goes as well.
                    Self.farewell.value = Farewell { seen.withLock { $0.append(0) } }
                    let count = Hub.current.greenlets.count
                    seen.withLock { $0.append(count) }
                }
            }
            while hub.greenletCount > 1 { try yield() }
            #expect(seen.withLock { $0 } == [2, 0])
        }
    }
}

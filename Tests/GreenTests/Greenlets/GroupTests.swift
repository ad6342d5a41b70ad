import Green
import Testing

@Suite struct GroupTests {
    @Test(arguments: World.allCases) func `a group is waited for and ended as one`(_ world: World) throws {
        try onHub(world) { hub throws in
            let group = Group()
            for _ in 0..<3 { try group.spawn { try sleep(.milliseconds(1)) } }
            #expect(group.count == 3)
            #expect(try group.join() && group.count == 0)
            let sleeper = try group.spawn { try sleep(.seconds(3600)) }
            #expect(try !group.join(until: hub.loop.now().advanced(by: .milliseconds(1))))
            group.kill()
            try group.join()
            #expect(sleeper.failure as? Interruption == .killed)
        }
    }

    @Test(arguments: World.allCases) func `a pool never has more greenlets than places`(_ world: World) throws {
        try onHub(world) { _ throws in
            let pool = Pool(size: 3)
            var (alive, most) = (0, 0)
            for _ in 0..<10 {
                try pool.spawn {
                    alive += 1
                    most = max(most, alive)
                    try sleep(.milliseconds(1))
                    alive -= 1
                }
            }
            try pool.join()
            #expect(most == 3 && pool.freeCount == 3)
        }
    }

    @Test(arguments: World.allCases) func `map gives results in the order of the items, unordered as they come`(_ world: World)
        throws
    {
        try onHub(world) { _ throws in
            let pool = Pool(size: 2)
            let ordered = try pool.map([30, 1, 10, 2]) { number in
                try sleep(.milliseconds(number))
                return number
            }
            #expect(ordered == [30, 1, 10, 2])
            let gates = (0..<3).map { _ in Event() }
            let unordered = Group().mapUnordered([0, 1, 2]) { number in
                try gates[number].wait()
                return number
            }
            for number in [1, 2, 0] {
                gates[number].set()
                #expect(try unordered.get()?.get() == number)
            }
            #expect(try unordered.get() == nil)
        }
    }

    @Test(arguments: World.allCases) func `an error in a map ends the others and is thrown`(_ world: World) throws {
        try onHub(world) { _ throws in
            let group = Group()
            var cleaned = 0
            #expect(throws: Failure(number: 1)) {
                try group.map([0, 1, 2]) { number in
                    if number == 0 { throw Failure(number: 1) }
                    defer { cleaned += 1 }
                    try sleep(.seconds(3600))
                }
            }
            #expect(cleaned == 2 && group.count == 0)
        }
    }

    @Test(arguments: World.allCases) func `joinAll waits for a number of them, or for a time`(_ world: World) throws {
        try onHub(world) { hub throws in
            let greenlets = [1, 3600, 1].map { seconds in hub.spawn { try sleep(.milliseconds(seconds == 1 ? 1 : 3_600_000)) } }
            #expect(try joinAll(greenlets, count: 2).count == 2)
            #expect(try joinAll(greenlets, limit: .milliseconds(1)).count == 2)
            killAll(greenlets)
            #expect(try joinAll(greenlets).count == 3)
        }
    }

    @Test func `joinAll of none needs no hub`() throws {
        #expect(try joinAll([]).isEmpty)
    }

    @Test(arguments: World.allCases) func `waits take greenlets, events, results, queues and permits in one`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let event = Event()
            let result = AsyncResult<Int>()
            let queue = Queue<Int>()
            let semaphore = Semaphore(0)
            let last = Event()
            let greenlet = hub.spawn { try last.wait() }
            let all: [any Waitable] = [greenlet, semaphore, queue, result, event]
            #expect(try waitAny(all, until: hub.loop.now().advanced(by: .milliseconds(1))) == nil)
            let steps: [() -> Void] = [{ event.set() }, { result.set(1) }, { _ = queue.tryPut(1) }, { semaphore.release() }]
            let order = Queue<Int>()
            hub.spawn {
                for object in waitEach(all) { order.tryPut(all.firstIndex { $0 === object }!) }
                order.close()
            }
            try yield()
            for (step, expected) in zip(steps, [4, 3, 2, 1]) {
                step()
                #expect(try order.get() == expected)
            }
            last.set()
            #expect(Array(order) == [0])
            #expect(try waitAll(all).count == 5)
        }
    }

    @Test(arguments: World.allCases) func `a greenlet that starts later can be killed before`(_ world: World) throws {
        try onHub(world) { hub throws in
            var ran: [Int] = []
            let first = hub.spawn(after: .milliseconds(2)) { ran.append(1) }
            let second = hub.spawn(after: .milliseconds(2)) { ran.append(2) }
            second.kill()
            try first.join()
            #expect(throws: Interruption.killed) { try second.get() }
            hub.spawn(after: .seconds(3600)) { ran.append(3) }
            #expect(ran == [1])
        }
    }

    @Test(arguments: World.allCases) func `a link is called at the end, in whatever way it comes`(_ world: World) throws {
        try onHub(world) { hub throws in
            var ended: [String] = []
            let good = hub.spawn { 5 }
            let bad: Greenlet<Int> = hub.spawn { throw Failure() }
            let killed = hub.spawn { try sleep(.seconds(3600)) }
            good.link { ended.append("good") }
            bad.link { ended.append("bad") }
            killed.link { ended.append("killed") }
            good.link { ended.append("never") }.cancel()
            try yield()
            killed.kill()
            try joinAll([good, bad, killed])
            #expect(ended == ["good", "bad", "killed"])
            #expect(good.isSuccessful && good.value == 5 && !bad.isSuccessful && bad.value == nil)
            #expect(throws: Failure()) { try bad.get() }
        }
    }

    /// Counts in greenlets of its own, with what it counted in itself.
    final class Counter: Runnable {
        var count = 0
        let name: String? = "counter"

        func run() throws -> Int {
            while count < 10 {
                try sleep(.milliseconds(1))
                count += 1
            }
            return count
        }
    }

    @Test(arguments: World.allCases) func `a greenlet can be built on a type with state`(_ world: World) throws {
        try onHub(world) { hub throws in
            let counter = Counter()
            let greenlet = hub.spawn(counter)
            #expect(greenlet.name == "counter")
            #expect(try greenlet.get() == 10 && counter.count == 10)
        }
    }

    @Test(arguments: World.allCases) func `a hub tells what each greenlet is and waits for`(_ world: World) throws {
        try onHub(world) { hub throws in
            let event = Event()
            let waiting = hub.spawn(name: "waiting") { try event.wait() }
            let ready = hub.spawn { try sleep(.milliseconds(1)) }
            try yield()
            hub.spawn(name: "new") {}
            try sleep(.zero)
            let infos = hub.greenlets
            #expect(infos.map(\.name).prefix(2) == ["root", "waiting"])
            #expect(infos[0].state == .running && infos[1].state == .waiting && infos[1].waitsFor == "event")
            #expect(hub.describeGreenlets().contains("waiting: waiting for event since"))
            event.set()
            try joinAll([waiting, ready])
        }
    }
}

import Green
import Testing

@Suite struct LockTests {
    @Test(arguments: World.allCases) func `a semaphore lets in as many as it has permits, in order`(_ world: World) throws {
        try onHub(world) { hub throws in
            let semaphore = Semaphore(2)
            var (inside, most) = (0, 0)
            var order: [Int] = []
            let greenlets = (0..<10).map { number in
                hub.spawn {
                    try semaphore.withPermit {
                        order.append(number)
                        inside += 1
                        most = max(most, inside)
                        try sleep(.milliseconds(1))
                        inside -= 1
                    }
                }
            }
            joinAllOrFail(greenlets)
            #expect(most == 2 && order == Array(0..<10) && semaphore.available == 2)
        }
    }

    private func joinAllOrFail(_ greenlets: [Greenlet<Void>]) {
        #expect(throws: Never.self) { for greenlet in greenlets { try greenlet.get() } }
    }

    @Test(arguments: World.allCases) func `a permit is not lost with a greenlet that is killed while it waits`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let semaphore = Semaphore(0)
            let waiting = (0..<2).map { _ in hub.spawn { try semaphore.acquire() } }
            try yield()
            waiting[0].kill()
            semaphore.release()
            #expect(try waiting[1].get())
            #expect(try !semaphore.acquire(until: hub.loop.now().advanced(by: .milliseconds(1))))
        }
    }

    @Test(arguments: World.allCases) func `a lock may be taken again by who has it, and by nobody else`(_ world: World) throws {
        try onHub(world) { hub throws in
            let lock = ReentrantLock()
            var steps: [Int] = []
            let holder = hub.spawn {
                try lock.withLock {
                    try lock.withLock {
                        steps.append(1)
                        try sleep(.milliseconds(1))
                    }
                    try sleep(.milliseconds(1))
                    steps.append(2)
                }
            }
            try yield()
            #expect(try !lock.lock(until: hub.loop.now()))
            try lock.withLock { steps.append(3) }
            try holder.get()
            #expect(steps == [1, 2, 3] && !lock.isMine)
        }
    }

    @Test(arguments: World.allCases) func `a condition gives its lock up for the wait and has it again after`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let condition = Condition()
            var stock = 0
            let consumers = (0..<3).map { _ in
                hub.spawn {
                    try condition.lock.withLock {
                        while stock == 0 { try condition.wait() }
                        #expect(condition.lock.isMine)
                        stock -= 1
                    }
                }
            }
            try yield()
            for _ in 0..<3 {
                try condition.lock.withLock {
                    stock += 1
                    condition.notify()
                }
                try yield()
            }
            joinAllOrFail(consumers)
            #expect(stock == 0)
        }
    }

    @Test(arguments: World.allCases) func `a killed wait on a condition leaves with the lock, so that it can be given back`(
        _ world: World
    ) throws {
        try onHub(world) { hub throws in
            let condition = Condition()
            var had = false
            let waiter = hub.spawn {
                try condition.lock.withLock {
                    defer { had = condition.lock.isMine }
                    try condition.wait()
                }
            }
            try yield()
            try condition.lock.withLock {
                waiter.kill()
                try sleep(.milliseconds(1))
                #expect(!waiter.isDone)
            }
            try waiter.join()
            #expect(had)
            #expect(try condition.lock.lock(until: hub.soon))
        }
    }

    @Test(arguments: World.allCases) func `a result reaches all who wait for it, a value or an error`(_ world: World) throws {
        try onHub(world) { hub throws in
            let value = AsyncResult<Int>()
            let error = AsyncResult<Int>()
            let readers = (0..<3).map { _ in hub.spawn { try value.get() } }
            try yield()
            #expect(try value.get(until: hub.loop.now()) == nil)
            value.set(5)
            value.set(6)
            error.fail(Failure(number: 2))
            #expect(try readers.map { try $0.get() } == [5, 5, 5])
            #expect(throws: Failure(number: 2)) { try error.get() }
        }
    }

    @Test(arguments: World.allCases) func `each greenlet has its own value of a local`(_ world: World) throws {
        let local = GreenletLocal(0)
        try onHub(world) { hub throws in
            local.value = 7
            for _ in 0..<2 {
                let values = try (1...5).map { number in
                    hub.spawn {
                        #expect(local.value == 0)
                        local.value = number
                        try yield()
                        return local.value
                    }
                }.map { try $0.get() }
                #expect(values == [1, 2, 3, 4, 5])
            }
            #expect(local.value == 7)
        }
    }
}

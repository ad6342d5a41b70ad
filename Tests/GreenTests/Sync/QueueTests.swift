import Green
import Testing

@Suite struct QueueTests {
    @Test(arguments: World.allCases)
    func `a queue hands on in order, and its loop ends when it is closed`(_ world: World) throws {
        var got: [Int] = []
        try onHub(world) { hub throws in
            let queue = Queue<Int>(limit: 2)
            hub.spawn {
                for number in 0..<100 { try queue.put(number) }
                queue.close()
            }
            for number in queue {
                #expect(queue.count <= 2)
                got.append(number)
            }
        }
        #expect(got == Array(0..<100))
    }

    @Test(arguments: World.allCases)
    func `put waits while a queue is full, get while it is empty, both no longer than asked`(_ world: World) throws {
        try onHub(world) { hub throws in
            let queue = Queue<Int>(limit: 1)
            #expect(try queue.get(until: hub.loop.now().advanced(by: .milliseconds(1))) == nil)
            #expect(try queue.put(1))
            #expect(try !queue.put(2, until: hub.loop.now().advanced(by: .milliseconds(1))))
            #expect(!queue.tryPut(2))
            #expect(queue.tryGet() == 1)
            #expect(queue.tryGet() == nil)
        }
    }

    @Test(arguments: World.allCases)
    func `closing wakes all: who gets has nil, who puts throws`(_ world: World) throws {
        try onHub(world) { hub throws in
            let empty = Queue<Int>()
            let full = Queue<Int>(limit: 1)
            try full.put(1)
            let getter = hub.spawn { try empty.get() }
            let putter = hub.spawn { try full.put(2) }
            try yield()
            empty.close()
            full.close()
            #expect(try getter.get() == nil)
            #expect(throws: QueueClosed()) { try putter.get() }
            #expect(try full.get() == 1)
            #expect(try full.get() == nil)
        }
    }

    @Test(arguments: World.allCases)
    func `of several getters each thing goes to one, and none is forgotten`(_ world: World) throws {
        try onHub(world) { hub throws in
            let queue = Queue<Int>()
            let getters = (0..<5).map { _ in hub.spawn { try queue.get() } }
            try yield()
            getters[1].kill()
            for number in 0..<4 { queue.tryPut(number) }
            let got = getters.indices.filter { $0 != 1 }.map { getters[$0] }
            #expect(try got.map { try $0.get() } == [0, 1, 2, 3])
        }
    }

    @Test(arguments: World.allCases) func `a kill ends a loop over a queue`(_ world: World) throws {
        try onHub(world) { hub throws in
            let queue = Queue<Int>()
            let reader = hub.spawn {
                for _ in queue {}
                try yield()
            }
            try yield()
            reader.kill()
            #expect(throws: Interruption.killed) { try reader.get() }
        }
    }

    @Test(arguments: World.allCases) func `a stack hands on the last, a priority queue the smallest`(_ world: World) throws {
        try onHub(world) { _ throws in
            let stack = LifoQueue<Int>()
            let heap = PriorityQueue<Int>()
            var generator = SeededGenerator(seed: 5)
            let numbers = (0..<200).map { _ in Int.random(in: 0..<50, using: &generator) }
            for number in numbers {
                stack.tryPut(number)
                heap.tryPut(number)
            }
            stack.close()
            heap.close()
            #expect(Array(stack) == numbers.reversed())
            #expect(Array(heap) == numbers.sorted())
        }
    }

    @Test func `equals leave a priority queue in the order they came`() throws {
        struct Job: Comparable {
            var urgency: Int
            var number: Int
            static func < (left: Job, right: Job) -> Bool { left.urgency < right.urgency }
        }
        try onHub { _ throws in
            let heap = PriorityQueue<Job>()
            for number in 0..<60 { heap.tryPut(Job(urgency: number % 3, number: number)) }
            heap.close()
            let came = Array(heap)
            for urgency in 0..<3 {
                let numbers = came.filter { $0.urgency == urgency }.map(\.number)
                #expect(numbers == numbers.sorted())
            }
        }
    }

    @Test(arguments: World.allCases) func `a joinable queue is done when each thing was said to be`(_ world: World) throws {
        try onHub(world) { hub throws in
            let queue = JoinableQueue<Int>()
            var done = 0
            hub.spawn {
                for _ in queue {
                    try sleep(.milliseconds(1))
                    done += 1
                    queue.taskDone()
                }
            }
            for number in 0..<5 { try queue.put(number) }
            #expect(try !queue.join(until: hub.loop.now()))
            try queue.join()
            #expect(done == 5 && queue.unfinished == 0)
            queue.close()
        }
    }

    @Test(arguments: World.allCases) func `a channel's sender waits until its thing is taken`(_ world: World) throws {
        try onHub(world) { hub throws in
            let channel = Channel<Int>()
            var steps: [String] = []
            hub.spawn {
                try channel.send(1)
                steps.append("sent")
                try channel.send(2)
                channel.close()
            }
            try sleep(.milliseconds(1))
            #expect(steps == [])
            #expect(try channel.receive() == 1)
            try yield()
            #expect(steps == ["sent"])
            #expect(Array(channel) == [2])
            #expect(throws: QueueClosed()) { try channel.send(3) }
        }
    }

    @Test(arguments: World.allCases) func `what a channel's sender gave up is not received`(_ world: World) throws {
        try onHub(world) { hub throws in
            let channel = Channel<Int>()
            #expect(try !channel.send(1, until: hub.loop.now().advanced(by: .milliseconds(1))))
            let killed = hub.spawn { try channel.send(2) }
            try yield()
            killed.kill()
            try killed.join()
            hub.spawn { try channel.send(3) }
            #expect(try channel.receive() == 3)
            #expect(try channel.receive(until: hub.loop.now().advanced(by: .milliseconds(1))) == nil)
        }
    }
}

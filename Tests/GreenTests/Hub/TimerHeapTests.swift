import Testing

@testable import Green

@Suite struct TimerHeapTests {
    @Test func `timers come out in the order of their moments, whatever was armed and disarmed between`() {
        var heap = TimerHeap()
        var generator = SystemRandomNumberGenerator()
        let nodes = (0..<500).map { _ in
            let node = TimerHeap.Node.allocate(capacity: 1)
            node.initialize(to: TimerNode(kind: .wait))
            return node
        }
        var armed = Set<Int>()
        for _ in 0..<20_000 {
            let index = Int.random(in: 0..<nodes.count, using: &generator)
            if armed.contains(index) {
                heap.disarm(nodes[index])
                armed.remove(index)
            } else {
                heap.arm(nodes[index], at: UInt64.random(in: 1...1000, using: &generator))
                armed.insert(index)
            }
            #expect(heap.count == armed.count)
            #expect(heap.soonest == armed.map { nodes[$0].pointee.deadline }.min())
        }
        var last: UInt64 = 0
        while let node = heap.popDue(at: 1000) {
            #expect(node.pointee.deadline >= last)
            #expect(!node.pointee.isArmed)
            last = node.pointee.deadline
        }
        #expect(heap.count == 0)
        for node in nodes { node.deallocate() }
        heap.deallocate()
    }
}

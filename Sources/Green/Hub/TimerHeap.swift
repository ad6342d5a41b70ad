/// One timer: part of a greenlet's record, of a timeout's scope or of a `HubTimer`; never moved while armed.
@safe struct TimerNode {
    /// What happens when the time comes.
    enum Kind: UInt8 {
        /// The wait of `record` ends.
        case wait
        /// The timeout scope that starts with this node is over.
        case scope
        /// The `HubTimer` in `subject` fires.
        case call
    }

    let kind: Kind
    /// Place in the heap, -1 when not armed.
    var index: Int32 = -1
    var deadline: UInt64 = 0
    /// Orders timers of the same moment by when they were armed.
    var sequence: UInt64 = 0
    var record: RecordPointer?
    var subject: UnsafeMutableRawPointer?

    init(kind: Kind) {
        self.kind = kind
    }

    /// Whether it waits for its time.
    var isArmed: Bool { index >= 0 }
}

/// The timers of a hub, soonest first: a 4-ary heap of pointers, each node knowing its place, so that disarming
/// does not search. Arming and disarming allocate nothing once the heap has grown.
@safe struct TimerHeap {
    typealias Node = UnsafeMutablePointer<TimerNode>

    private var nodes: UnsafeMutablePointer<Node>
    private var capacity = 256
    private(set) var count = 0
    private var sequence: UInt64 = 0

    init() {
        unsafe nodes = .allocate(capacity: capacity)
    }

    /// Frees the heap's own memory.
    func deallocate() {
        unsafe nodes.deallocate()
    }

    /// The moment of the soonest timer, or nil.
    var soonest: UInt64? {
        count == 0 ? nil : unsafe nodes[0].pointee.deadline
    }

    /// Arms `node` for `deadline`.
    mutating func arm(_ node: Node, at deadline: UInt64) {
        unsafe assert(!node.pointee.isArmed)
        if count == capacity { grow() }
        unsafe node.pointee.deadline = deadline
        unsafe node.pointee.sequence = sequence
        sequence += 1
        count += 1
        unsafe siftUp(node, from: count - 1)
    }

    /// Disarms `node`; nothing happens when it is not armed.
    mutating func disarm(_ node: Node) {
        let index = unsafe Int(node.pointee.index)
        guard index >= 0 else { return }
        unsafe node.pointee.index = -1
        count -= 1
        guard index < count else { return }
        let moved = unsafe nodes[count]
        unsafe siftUp(moved, from: index)
        if unsafe Int(moved.pointee.index) == index { unsafe siftDown(moved, from: index) }
    }

    /// Takes the soonest timer whose time has come.
    mutating func popDue(at now: UInt64) -> Node? {
        guard count > 0, unsafe nodes[0].pointee.deadline <= now else { return nil }
        let node = unsafe nodes[0]
        unsafe disarm(node)
        return unsafe node
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Node>.allocate(capacity: capacity * 2)
        unsafe larger.moveInitialize(from: nodes, count: count)
        unsafe nodes.deallocate()
        unsafe nodes = larger
        capacity *= 2
    }

    private func comesBefore(_ left: Node, _ right: Node) -> Bool {
        let (a, b) = unsafe (left.pointee.deadline, right.pointee.deadline)
        return unsafe a < b || (a == b && left.pointee.sequence < right.pointee.sequence)
    }

    private func place(_ node: Node, at index: Int) {
        unsafe nodes[index] = node
        unsafe node.pointee.index = Int32(index)
    }

    private func siftUp(_ node: Node, from start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 4
            guard unsafe comesBefore(node, nodes[parent]) else { break }
            unsafe place(nodes[parent], at: index)
            index = parent
        }
        unsafe place(node, at: index)
    }

    private func siftDown(_ node: Node, from start: Int) {
        var index = start
        while true {
            let firstChild = index * 4 + 1
            guard firstChild < count else { break }
            var best = firstChild
            for child in firstChild + 1..<max(firstChild + 1, min(firstChild + 4, count))
            where unsafe comesBefore(nodes[child], nodes[best]) {
                best = child
            }
            guard unsafe comesBefore(nodes[best], node) else { break }
            unsafe place(nodes[best], at: index)
            index = best
        }
        unsafe place(node, at: index)
    }
}

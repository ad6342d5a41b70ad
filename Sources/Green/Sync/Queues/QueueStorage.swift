/// The order in which a queue gives back what was put into it.
public protocol QueueStorage {
    /// What is kept.
    associatedtype Element
    /// How many are kept.
    var count: Int { get }
    /// An empty storage.
    init()
    /// Keeps one more.
    mutating func append(_ element: Element)
    /// The next one, which stays. There is one.
    var next: Element { get }
    /// Gives the next one. There is one.
    mutating func removeNext() -> Element
}

/// First in, first out: a ring that grows.
public struct FirstInFirstOut<Element>: QueueStorage {
    @usableFromInline var ring: [Element?] = []
    @usableFromInline var head = 0
    /// How many are kept.
    @inlinable public var count: Int { kept }
    @usableFromInline var kept = 0

    /// An empty storage.
    @inlinable public init() {}

    /// Keeps one more, as the last.
    @inlinable public mutating func append(_ element: Element) {
        if kept == ring.count { grow() }
        ring[(head + kept) & (ring.count - 1)] = element
        kept += 1
    }

    /// The one that came first.
    @inlinable public var next: Element { ring[head]! }

    /// Gives the one that came first.
    @inlinable public mutating func removeNext() -> Element {
        let element = ring[head].take()!
        head = (head + 1) & (ring.count - 1)
        kept -= 1
        return element
    }

    @usableFromInline mutating func grow() {
        var larger = [Element?](repeating: nil, count: max(8, ring.count * 2))
        for index in 0..<kept { larger[index] = ring[(head + index) & (ring.count - 1)] }
        ring = larger
        head = 0
    }
}

/// Last in, first out.
public struct LastInFirstOut<Element>: QueueStorage {
    private var stack: [Element] = []

    /// An empty storage.
    public init() {}

    /// How many are kept.
    public var count: Int { stack.count }
    /// The one that came last.
    public var next: Element { stack[stack.count - 1] }

    /// Keeps one more.
    public mutating func append(_ element: Element) {
        stack.append(element)
    }

    /// Gives the one that came last.
    public mutating func removeNext() -> Element {
        stack.removeLast()
    }
}

/// The smallest first; equal ones in the order they came. A binary heap.
public struct SmallestFirst<Element: Comparable>: QueueStorage {
    private struct Entry {
        let element: Element
        let sequence: UInt64

        func comesBefore(_ other: Entry) -> Bool {
            element < other.element || (!(other.element < element) && sequence < other.sequence)
        }
    }

    private var heap: [Entry] = []
    private var sequence: UInt64 = 0

    /// An empty storage.
    public init() {}

    /// How many are kept.
    public var count: Int { heap.count }
    /// The smallest.
    public var next: Element { heap[0].element }

    /// Keeps one more.
    public mutating func append(_ element: Element) {
        heap.append(Entry(element: element, sequence: sequence))
        sequence += 1
        var index = heap.count - 1
        while index > 0, heap[index].comesBefore(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// Gives the smallest.
    public mutating func removeNext() -> Element {
        let first = heap[0].element
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var index = 0
        while true {
            var best = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child].comesBefore(heap[best]) {
                best = child
            }
            if best == index { return first }
            heap.swapAt(index, best)
            index = best
        }
    }
}

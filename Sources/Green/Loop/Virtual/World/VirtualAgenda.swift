/// What is to happen in a simulated world, soonest first; things of the same moment in the order they were planned.
struct VirtualAgenda {
    private struct Entry {
        let moment: UInt64
        let sequence: UInt64
        let action: () -> Void

        func comesBefore(_ other: Entry) -> Bool {
            moment < other.moment || (moment == other.moment && sequence < other.sequence)
        }
    }

    private var heap: [Entry] = []
    private var sequence: UInt64 = 0

    /// The moment of the next entry.
    var soonest: UInt64? { heap.first?.moment }

    /// Plans `action` for a moment.
    mutating func add(at moment: UInt64, _ action: @escaping () -> Void) {
        heap.append(Entry(moment: moment, sequence: sequence, action: action))
        sequence += 1
        var index = heap.count - 1
        while index > 0, heap[index].comesBefore(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// Takes the next entry whose moment has come.
    mutating func popDue(at now: UInt64) -> (() -> Void)? {
        guard let first = heap.first, first.moment <= now else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first.action }
        heap[0] = last
        var index = 0
        while true {
            var best = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child].comesBefore(heap[best]) {
                best = child
            }
            if best == index { return first.action }
            heap.swapAt(index, best)
            index = best
        }
    }
}

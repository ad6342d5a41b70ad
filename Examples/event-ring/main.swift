// Three greenlets in a ring: the first wakes the second, the second the third, the third the first.
import Green

let hub = Hub(loop: LibeventLoop())
try hub.run {
    let events = (0..<3).map { _ in Event() }
    let greenlets = events.indices.map { index in
        spawn(name: "greenlet \(index + 1)") {
            for round in 1...3 {
                try events[index].wait()
                events[index].clear()
                print("round \(round): greenlet \(index + 1)")
                events[(index + 1) % events.count].set()
            }
        }
    }
    events[0].set()
    try joinAll(greenlets)
}

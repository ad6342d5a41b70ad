internal import Green

/// The figures of one kind that all workers count: an object for each of them, which it alone writes. Who wants to know adds up.
///
/// What a worker gives back goes on to the next that begins, with what it has counted: nothing that was counted is lost, and
/// there are never more objects than counted at once.
package final class WorkerCopies<Figures: AnyObject & Sendable>: Sendable {
    private let copies = Locked<(all: [Figures], free: [Figures])>(([], []))
    private let make: @Sendable () -> Figures

    /// No worker counts yet; `make` makes an object for one.
    package init(_ make: @escaping @Sendable () -> Figures) {
        self.make = make
    }

    /// What another worker counts with from now on.
    package func take() -> Figures {
        copies.withLock { copies in
            if let free = copies.free.popLast() { return free }
            let new = make()
            copies.all.append(new)
            return new
        }
    }

    /// A worker counts no more with what it took.
    package func giveBack(_ figures: Figures) { copies.withLock { $0.free.append(figures) } }

    /// Whether any worker counts with one.
    package var isInUse: Bool { copies.withLock { $0.all.count > $0.free.count } }

    /// The objects of all workers.
    package var all: [Figures] { copies.withLock { $0.all } }

    /// The sum of one figure over all workers.
    package func sum(_ figure: (Figures) -> UInt64) -> UInt64 { all.reduce(0) { $0 &+ figure($1) } }
}

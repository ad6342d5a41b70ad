internal import Glibc
internal import Green

/// Something that is held for others for a while and given back: places, bytes, what waits for an answer. Where nobody asks
/// anything, nothing is held; and no more than its limit ever is.
package struct Account: Sendable {
    /// What is held, in words.
    package let name: StaticString
    /// How much there is.
    package let held: Int
    /// How much there may be.
    package let limit: Int

    /// So much of something, of so much that may be.
    package init(_ name: StaticString, _ held: Int, of limit: Int = .max) {
        (self.name, self.held, self.limit) = (name, held, limit)
    }

    /// Takes an account.
    package typealias Reader = (Account) -> Void
}

/// Those who hold something for others, one for each worker.
package final class AccountHolders: Sendable {
    /// One of them.
    package final class Holder: @unchecked Sendable {
        // SAFETY: called on the thread that entered it alone, which `read` sees to.
        private let tell: (Account.Reader) -> Void
        private let thread = pthread_self()

        fileprivate init(_ tell: @escaping (Account.Reader) -> Void) { self.tell = tell }

        fileprivate func read(_ reader: Account.Reader) {
            precondition(pthread_equal(thread, pthread_self()) != 0, "accounts are read on another thread than their holder's")
            tell(reader)
        }
    }

    private let holders = Locked<[Holder]>([])

    /// Nobody holds anything.
    package init() {}

    /// Enters one who tells his accounts when he is asked.
    package func enter(_ tell: @escaping (Account.Reader) -> Void) -> Holder {
        let holder = Holder(tell)
        holders.withLock { $0.append(holder) }
        return holder
    }

    /// Takes one out.
    package func remove(_ holder: Holder) { holders.withLock { $0.removeAll { $0 === holder } } }

    /// Reads all accounts of all holders. Only where all workers are on the thread that calls, as in a simulated world.
    package func forEach(_ read: Account.Reader) {
        for holder in holders.withLock({ $0 }) { holder.read(read) }
    }
}

// Green and async code side by side: a greenlet waits for a task and for the main actor, a task for a greenlet.
import Green

/// What belongs to the main actor.
@MainActor enum Visits {
    static var count = 0

    /// Counts one more.
    static func add() -> Int {
        count += 1
        return count
    }
}

/// Async code, as a library may have it.
func double(_ number: Int) async throws -> Int {
    try await Task.sleep(for: .milliseconds(1))
    return number * 2
}

/// A task that has work done by greenlets of a hub.
func ask(_ mailbox: HubMailbox) async throws -> Int {
    try await mailbox.call {
        let pages = (1...3).map { number in
            spawn {
                try sleep(.milliseconds(1)); return number
            }
        }
        return try pages.reduce(0) { $0 + (try $1.get()) }
    }
}

// This hub runs on the main thread, and does the main actor's work meanwhile.
try green {
    print("a task gives \(try awaiting { try await double(21) })")
    let visits = try awaiting { await Visits.add() }
    print("the main actor counts \(visits)")
    let mailbox = Hub.current.mailbox
    print("greenlets give \(try awaiting { try await ask(mailbox) })")
}

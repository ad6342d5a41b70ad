package import Green

extension VirtualWorld {
    /// Runs `body` on a hub of a host, and goes on at once; `ended` is told when it is over, between turns.
    package func run(
        on host: VirtualHost, name: String, _ body: @escaping (Hub) throws -> Void,
        ended: @escaping ((any Error)?) -> Void = { _ in }
    ) {
        let work = Work(body: body, ended: ended)
        HubGroup(starter: self).start(name: name, loop: { host.makeLoop() }) {
            try work.body(Hub.current)
        } ended: { error in
            work.ended(error)
        }
    }

    /// Runs `body` on a hub of a host and waits for what it gives, from a greenlet of another hub. Throws what it throws.
    package func call<Success>(on host: VirtualHost, name: String, _ body: @escaping (Hub) throws -> Success) throws -> Success {
        let outcome = Outcome<Success>(Event(), Hub.current.mailbox)
        run(on: host, name: name) { hub in
            outcome.result = Result { try body(hub) }
        } ended: { error in
            if outcome.result == nil, let error { outcome.result = .failure(error) }
            outcome.mailbox.post { outcome.done.set() }
        }
        try outcome.done.wait()
        guard let result = outcome.result else { throw SimulationError("\(name) ended without a result") }
        return try result.get()
    }
}

/// What a hub is to do.
private final class Work: @unchecked Sendable {
    // SAFETY: touched on the world's own thread only.
    let body: (Hub) throws -> Void
    let ended: ((any Error)?) -> Void

    init(body: @escaping (Hub) throws -> Void, ended: @escaping ((any Error)?) -> Void) {
        self.body = body
        self.ended = ended
    }
}

/// What came of it.
private final class Outcome<Success>: @unchecked Sendable {
    // SAFETY: touched on the world's own thread only.
    var result: Result<Success, any Error>?
    let done: Event
    let mailbox: HubMailbox

    init(_ done: Event, _ mailbox: HubMailbox) {
        (self.done, self.mailbox) = (done, mailbox)
    }
}

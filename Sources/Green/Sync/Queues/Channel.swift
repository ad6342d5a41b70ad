/// Hands things from greenlet to greenlet without keeping any: `send` waits until somebody takes it. Costs an allocation
/// and two switches of stacks for each thing.
public final class Channel<Element> {
    /// What a sender holds out.
    private final class Offer {
        let element: Element
        var waiter: Waiter?
        /// A receiver has it.
        var isTaken = false

        init(_ element: Element) {
            self.element = element
        }
    }

    private var offers: [Offer] = []
    private let receivers: WaitPlace
    private var links = LinkList()
    /// Whether nothing more will be sent.
    public private(set) var isClosed = false

    /// A channel of `hub`.
    public init(hub: Hub = .current) {
        receivers = WaitPlace(hub: hub, of: "a channel")
    }

    /// Hands `element` to a receiver, as soon as there is one. Throws as `send(_:until:)` does.
    @discardableResult
    public func send(_ element: Element) throws -> Bool {
        try send(element, until: .never)
    }

    /// Hands `element` to a receiver: false where none took it by `deadline`. Throws `QueueClosed`, or the interruption
    /// of the wait; then nobody took it. Where one took it just before it was too late, it is sent: a kill is thrown by the
    /// next wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func send(_ element: Element, until deadline: Instant) throws -> Bool {
        if isClosed { throw QueueClosed() }
        let offer = Offer(element)
        defer { offers.removeAll { $0 === offer } }
        let isWoken: Bool
        do {
            isWoken = try Waiter.wait(for: "a receiver", until: deadline) { waiter in
                offer.waiter = waiter
                offers.append(offer)
                receivers.wakeFirst()
                links.fire()
            }
        } catch {
            if offer.isTaken { return true }
            throw error
        }
        // The end of the wait and a receiver may both come before this greenlet has its turn.
        if offer.isTaken { return true }
        if isWoken { throw QueueClosed() }
        return false
    }

    /// Takes what a sender holds out: nil where nobody does by `deadline`, or when the channel is closed. Throws the
    /// interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func receive(until deadline: Instant = .never) throws(Interruption) -> Element? {
        while offers.isEmpty {
            guard !isClosed, try receivers.wait(for: "a sender", until: deadline) else { return nil }
        }
        return tryReceive()
    }

    /// Ends it: senders that wait throw `QueueClosed`, receivers get nil.
    public func close() {
        receivers.check()
        isClosed = true
        for offer in offers { offer.waiter?.wake() }
        receivers.wakeAll()
        links.fire()
    }

    /// Takes what a sender holds out, if one does now. Never waits.
    public func tryReceive() -> Element? {
        guard !offers.isEmpty, !isClosed else { return nil }
        receivers.check()
        let offer = offers.removeFirst()
        offer.isTaken = true
        offer.waiter?.wake()
        return offer.element
    }

    /// Calls `body` with what is sent until the channel is closed. Unlike a loop over the channel it throws the interruption
    /// that ends it; and what `body` throws.
    public func forEach(_ body: (Element) throws -> Void) throws {
        while let element = try receive() { try body(element) }
    }
}

extension Channel: Waitable {
    /// Whether `receive` would not wait.
    public var isReady: Bool { !offers.isEmpty || isClosed }

    /// As ``Waitable`` says.
    @discardableResult
    public func link(_ call: @escaping () -> Void) -> Link { links.add(call) }
}

extension Channel: Sequence {
    /// Goes through what is sent until the channel is closed, or the greenlet is interrupted.
    public func makeIterator() -> AnyIterator<Element> {
        AnyIterator { try? self.receive() }
    }
}

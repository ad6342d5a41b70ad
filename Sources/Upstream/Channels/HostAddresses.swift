internal import Belief
internal import DNSWire
package import Green

extension Forwarder {
    /// The addresses of a machine, IPv6 first, for this daemon itself, which never asks itself; none where nobody knows any.
    /// Waits.
    package func addresses(of host: String, on hub: Hub, until deadline: Instant) throws -> [IPAddress] {
        guard let hosts = HostAddresses(host, hub: hub) else { return [] }
        hosts.bootstrap = self
        return try hosts.addresses(until: deadline)
    }
}

/// The addresses of an upstream that is known by name, as bootstrap resolvers tell them: looked up when the first connection
/// is made, again when their time is over, and when none of them works. Belongs to its hub's thread.
final class HostAddresses {
    private let hub: Hub
    /// The name as a question has it.
    private let name: [UInt8]
    /// Asks the bootstrap resolvers.
    var bootstrap: Forwarder?
    /// What is known, IPv6 first; those that failed come last.
    private var known: [IPAddress] = []
    /// Those that failed since they were looked up.
    private var failed: Set<IPAddress> = []
    private var endsAt = Instant(nanoseconds: 0)
    private var lookedUpAt: Instant?
    private var looking: AsyncResult<Bool>?

    /// However short a TTL is, addresses are kept for so many seconds; and no longer than the other.
    static let shortestLife: UInt32 = 10
    static let longestLife: UInt32 = 86_400
    /// What failed is not looked up again sooner than after so long.
    static let restAfterFailure: UInt64 = 1_000_000_000
    /// More addresses than these are not tried.
    static let mostAddresses = 16

    /// The addresses of `host`, nothing of which is known yet; nil for what is no name.
    init?(_ host: String, hub: Hub) {
        guard let name = Name(host) else { return nil }
        self.hub = hub
        self.name = name.lowercased.wire
    }

    /// The addresses to try, best first; none where nobody knows any. Waits where there are none yet, or none that works.
    func addresses(until deadline: Instant) throws -> [IPAddress] {
        let hasGood = known.contains { !failed.contains($0) }
        if hasGood {
            // What has had its time is still good while it is looked up anew.
            if endsAt <= hub.now { startLookUp() }
        } else if mayLookUp || looking != nil {
            startLookUp()
            _ = try looking?.get(until: deadline)
        }
        return known.filter { !failed.contains($0) } + known.filter { failed.contains($0) }
    }

    /// What is wrong where nobody knows an address.
    var trouble: UpstreamTrouble? { known.isEmpty ? .nameless : nil }

    /// Nobody proved at an address to be the upstream, or nobody listens there.
    func noteFailure(_ address: IPAddress) { failed.insert(address) }

    /// No address could be connected to.
    func noteFailure() { failed = Set(known) }

    /// The upstream is at an address.
    func noteSuccess(_ address: IPAddress) { failed.remove(address) }

    private var mayLookUp: Bool {
        lookedUpAt.map { $0.advanced(byNanoseconds: Self.restAfterFailure) <= hub.now } ?? true
    }

    // MARK: - Looking up

    /// Begins to look up, unless that is under way, or was done just now.
    private func startLookUp() {
        guard looking == nil, mayLookUp else { return }
        let result = AsyncResult<Bool>(hub: hub)
        looking = result
        lookedUpAt = hub.now
        let greenlet = hub.spawn(name: "addresses of an upstream") { [self] in
            defer {
                lookedUpAt = hub.now
                looking = nil
                result.set(!known.isEmpty)
            }
            try lookUp()
        }
        // Done before it began: the hub has no stack for it.
        if greenlet.isDone, looking != nil {
            looking = nil
            result.set(false)
        }
    }

    /// Asks for both families at the same time; whoever waits goes on with the first addresses.
    private func lookUp() throws {
        guard let bootstrap else { return }
        var six: Found = ([], Self.longestLife)
        var four: Found = ([], Self.longestLife)
        let other = hub.spawn(name: "IPv4 addresses of an upstream") { [self] in
            four = find(.a, bootstrap)
            take(six, four)
        }
        defer { other.kill() }
        six = find(.aaaa, bootstrap)
        take(six, four)
        if !other.isDone { try other.get() }
    }

    /// What one family's question found, and for how many seconds that is good.
    private typealias Found = (addresses: [IPAddress], life: UInt32)

    /// Takes what was found so far. Without an answer what was known is as good as it was.
    private func take(_ six: Found, _ four: Found) {
        let found = six.addresses + four.addresses
        guard !found.isEmpty else { return }
        known = Array(found.prefix(Self.mostAddresses))
        failed = []
        endsAt = hub.now.advanced(by: .seconds(Int(max(Self.shortestLife, min(six.life, four.life)))))
        looking?.set(true)
    }

    /// The addresses of one family, and for how many seconds they are good.
    private func find(_ type: RecordType, _ bootstrap: Forwarder) -> Found {
        let flags = KeyFlags(dnssecOK: false, checkingDisabled: false)
        let question = UpstreamQuestion(name, type, .internet, flags: flags)
        let deadline = hub.loop.now().advanced(by: Forwarder.questionLimit)
        guard let reply = try? bootstrap.ask(question, Belief.Rules(seed: hub.loop.random()), until: deadline) else {
            return ([], Self.longestLife)
        }
        return Self.addresses(in: reply.answer.message(to: question.asked), type)
    }

    /// The addresses that an answer has which was judged before.
    private static func addresses(in message: [UInt8], _ type: RecordType) -> Found {
        var found: [IPAddress] = []
        var life = longestLife
        guard let view = try? MessageView(message.span), var records = try? view.records() else { return ([], life) }
        while let place = (try? records.nextPlace()) ?? nil, place.section == .answer, found.count < mostAddresses {
            life = min(life, message.span.loadUInt32(at: place.ttlOffset))
            guard place.type == type, let address = address(message.span, place), !found.contains(address) else { continue }
            found.append(address)
        }
        return (found, life)
    }

    private static func address(_ message: Span<UInt8>, _ place: RecordPlace) -> IPAddress? {
        let start = place.rdataOffset
        switch (place.type, place.rdataLength) {
        case (.a, 4): return IPAddress(v4: message.loadUInt32(at: start))
        case (.aaaa, 16):
            return IPAddress(
                v6High: message.loadWord(at: start).byteSwapped, low: message.loadWord(at: start + 8).byteSwapped)
        default: return nil
        }
    }
}

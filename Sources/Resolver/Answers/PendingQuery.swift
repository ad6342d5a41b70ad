package import AnswerCache
package import DNSWire
package import Observation

/// What is kept of a client's query while its answer is awaited: everything the answer must repeat. A class, for it is
/// handed from call to call, and each copy would take 400 bytes of a waiting greenlet's stack.
package final class PendingQuery: Sendable {
    /// What is asked.
    package let key: CacheKey
    /// The client's id.
    let id: UInt16
    /// The client's flags.
    let flags: HeaderFlags
    /// The name's wire form as the client wrote it: the key's own bytes where that is in lower case.
    let name: [UInt8]
    /// What the client said in OPT, where it had one.
    package let edns: EDNSSummary?
    /// The cookie for the answer.
    package let cookie: AnswerCookie

    /// Who asks, as `FairShares` counts it.
    let client: UInt32
    /// Who asks, as `IPAddress.number` has it.
    package let address: UInt128
    /// How it came.
    let transport: QueryTransport
    /// What whoever asks is called.
    let clientName: ClientName
    /// Whether it is about the name that a client's stands for.
    let isRedirected: Bool
    /// Whether an alias of a list led to it, so that no list has a say in its answer any more.
    let isPastLists: Bool
    /// Whether the cache may have its answer, which is to be looked at before anybody is asked.
    let isKept: Bool

    /// The number of the rules of which none is about the name; 0 where that is not known.
    let unlistedBy: UInt64

    /// Told what happens, where somebody watches.
    let trace: QuestionTrace?

    /// Keeps what is needed of `query`, read from `message`, of the client at an address (`IPAddress.number`).
    package init(
        _ query: inout QueryView, _ message: Span<UInt8>, from client: UInt128 = 0, over transport: QueryTransport = .udp,
        trace: QuestionTrace? = nil
    ) {
        self.transport = transport
        self.trace = trace
        self.client = FairShares.client(client)
        address = client
        (isRedirected, isPastLists, isKept) = (false, false, query.isKept)
        unlistedBy = query.unlistedBy
        let key = CacheKey(&query)
        self.key = key
        id = query.id
        flags = query.flags
        edns = query.edns
        cookie = query.cookie
        clientName = query.clientName
        let lowercased = key.wireName
        let written = message.extracting(MessageView.headerLength...).extracting(first: lowercased.count)
        name = written.hasSameBytes(as: lowercased.span) ? lowercased : [UInt8](copying: written)
    }
    /// The same query about the name that its own stands for.
    init(_ query: PendingQuery, redirectedTo name: FixedName, seed: UInt64, isPastLists: Bool) {
        self.isPastLists = isPastLists
        isKept = !isPastLists
        unlistedBy = 0
        key = CacheKey(name, query.key.type, query.key.class, flags: query.key.flags, seed: seed)
            .inView(query.key.viewNumber, seed: seed)
        self.name = key.wireName
        (id, flags, edns) = (query.id, query.flags, query.edns)
        (client, address, isRedirected) = (query.client, query.address, true)
        cookie = query.cookie
        clientName = query.clientName
        transport = query.transport
        trace = query.trace
    }
}

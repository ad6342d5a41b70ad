package import AnswerCache
package import DNSWire

/// What is kept of a client's query while its answer is awaited: everything the answer must repeat. A class, for it is
/// handed from call to call, and each copy would take 400 bytes of a waiting greenlet's stack.
package final class PendingQuery: Sendable {
    /// What is asked.
    package let key: CacheKey
    /// The client's id.
    let id: UInt16
    /// The client's flags.
    let flags: HeaderFlags
    /// The question as the client wrote it, type and class included.
    let question: [UInt8]
    /// What the client said in OPT, where it had one.
    let edns: EDNSSummary?

    /// Keeps what is needed of `query`, read from `message`.
    package init(_ query: borrowing QueryView, _ message: Span<UInt8>) {
        key = CacheKey(query)
        id = query.id
        flags = query.flags
        edns = query.edns
        question = [UInt8](copying: message.extracting(12..<12 + query.questionLength))
    }
}

internal import Green

/// What a server does in its own way: learnt from what it proved or said several times, and forgotten after a while.
struct ServerQuirks {
    private var foldsUntil = Instant(nanoseconds: 0)
    private var withoutEDNSUntil = Instant(nanoseconds: 0)
    /// Questions that were answered only without OPT, when each refusal of OPT could have been forged.
    private var refusals: [UpstreamQuestion] = []

    /// For so long a server that folds case is asked without 0x20, and one without EDNS without OPT.
    static let memory: UInt64 = 600_000_000_000
    /// So many names must have been answered only without OPT.
    static let refusalsBelieved = 3

    /// Whether its answers fold case, so that letters prove nothing.
    func foldsLetters(at now: Instant) -> Bool { foldsUntil > now }
    /// Whether it is asked without OPT.
    func lacksEDNS(at now: Instant) -> Bool { withoutEDNSUntil > now }

    /// It answers in other letters over TCP too, or whatever port and letters it is asked with.
    mutating func foldsCase(at now: Instant) { foldsUntil = now.advanced(byNanoseconds: Self.memory) }

    /// It answered a question with OPT.
    mutating func answeredWithEDNS() {
        if !refusals.isEmpty { refusals = [] }
    }

    /// It answered only without OPT. A refusal over UDP counts for its name alone: one datagram, or one name that the
    /// server cannot read, teaches nothing.
    mutating func answeredWithoutEDNS(_ question: UpstreamQuestion, isProven: Bool, at now: Instant) {
        if !refusals.contains(where: { $0.hasName(of: question) }) { refusals.append(question) }
        guard isProven || refusals.count >= Self.refusalsBelieved else { return }
        refusals = []
        withoutEDNSUntil = now.advanced(byNanoseconds: Self.memory)
    }
}

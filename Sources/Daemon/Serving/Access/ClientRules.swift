internal import Green

/// Who is answered, and how much.
struct ClientRules: Sendable, Equatable {
    /// Who is answered.
    private var access: ClientAccess
    /// Who is answered at listeners that have rules of their own.
    var accessAt: [SocketAddress: ClientAccess] = [:]
    /// Who of them asks as much as he likes.
    var exempt = ClientAccess.everybody
    /// How much the others may ask.
    var limits = RateLimits.none

    /// Clients without limits.
    init(_ access: ClientAccess) { self.access = access }

    /// Who is answered at a listener.
    func access(at listener: SocketAddress) -> ClientAccess { accessAt[listener] ?? access }

    /// Those who are counted.
    var limited: ClientAccess { limits.areSet ? ClientAccess.everybody.without(exempt) : .nobody }
}

/// Who is answered, and how much.
struct ClientRules: Sendable, Equatable {
    /// Who is answered.
    var access: ClientAccess
    /// Who of them asks as much as he likes.
    var exempt = ClientAccess.everybody
    /// How much the others may ask.
    var limits = RateLimits.none

    /// Clients without limits.
    init(_ access: ClientAccess) { self.access = access }

    /// Those who are counted.
    var limited: ClientAccess { limits.areSet ? ClientAccess.everybody.without(exempt) : .nobody }
}

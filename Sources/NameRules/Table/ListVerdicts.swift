/// What the lists say of a name, a bit for each list.
package struct ListVerdicts: Hashable, Sendable {
    /// Lists that deny it.
    package var denied: UInt64 = 0
    /// Lists that let it pass.
    package var allowed: UInt64 = 0
    /// Lists that deny it with an important rule.
    package var deniedImportantly: UInt64 = 0
    /// Lists that let it pass with an important rule.
    package var allowedImportantly: UInt64 = 0
    /// Lists whose rule has an action of its own (`RuleSet.matches` says which).
    package var special: UInt64 = 0

    /// Nothing is said.
    package init() {}

    /// Whether no list says anything.
    @inline(__always) package var isEmpty: Bool { denied | allowed | deniedImportantly | allowedImportantly == 0 }

    /// All lists that say something.
    package var any: UInt64 { denied | allowed | deniedImportantly | allowedImportantly }

    /// Forgets what a list said.
    @inline(__always) mutating func remove(list: Int) {
        let others: UInt64 = ~(1 &<< UInt64(truncatingIfNeeded: list))
        denied &= others
        allowed &= others
        deniedImportantly &= others
        allowedImportantly &= others
        special &= others
    }

    /// Takes a rule of a list in.
    @inline(__always) mutating func add(_ rule: Rule, list: Int) {
        let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: list)
        switch (rule.isAllow, rule.isImportant) {
        case (false, false): denied |= bit
        case (true, false): allowed |= bit
        case (false, true): deniedImportantly |= bit
        case (true, true): allowedImportantly |= bit
        }
        if !rule.isAllow, rule.action != .block { special |= bit }
    }

    /// Takes in the plain rules of a list, a bit for each kind.
    @inline(__always) mutating func add(_ kinds: UInt16, list: Int) {
        let shift = UInt64(truncatingIfNeeded: list)
        denied |= (kinds & 0b111 == 0 ? 0 : 1) &<< shift
        allowed |= (kinds & 0b111_000 == 0 ? 0 : 1) &<< shift
        deniedImportantly |= (kinds & 0b111_000_000 == 0 ? 0 : 1) &<< shift
        allowedImportantly |= (kinds & 0b111_000_000_000 == 0 ? 0 : 1) &<< shift
    }

    /// With what is said of another name of the same answer (an alias, RPZ-IP).
    package func union(_ other: ListVerdicts) -> ListVerdicts {
        var all = self
        all.denied |= other.denied
        all.allowed |= other.allowed
        all.deniedImportantly |= other.deniedImportantly
        all.allowedImportantly |= other.allowedImportantly
        all.special |= other.special
        return all
    }

    /// What some lists say, a bit for each.
    package func of(_ lists: UInt64) -> ListVerdicts {
        var part = exceptions(of: lists)
        part.denied = denied & lists
        part.deniedImportantly = deniedImportantly & lists
        part.special = special & lists
        return part
    }

    /// What some lists let pass.
    package func exceptions(of lists: UInt64) -> ListVerdicts {
        var part = ListVerdicts()
        part.allowed = allowed & lists
        part.allowedImportantly = allowedImportantly & lists
        return part
    }

    /// Without what some lists deny.
    package func withoutDenials(of lists: UInt64) -> ListVerdicts { of(~lists).union(exceptions(of: lists)) }
}

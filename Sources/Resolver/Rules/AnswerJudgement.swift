internal import NameRules

/// Judges an answer's names and addresses for all groups, one after the other.
///
/// Each is judged by itself, with what is said of the question's name, but for policy zones: of each of those one rule is heard,
/// as BIND chooses it. That is the one for the name that comes first on the way to the answer, and where there is none, of those for
/// addresses the one of the longest prefix, of two with the same the one for the lower address.
struct AnswerJudgement {
    /// A name or an address by which an answer is denied to groups.
    struct Cause {
        var subject: AnswerFacts.Subject
        var verdicts: ListVerdicts
        var groups: UInt64
    }

    /// Which groups are denied it, a bit for each.
    private(set) var denied: UInt64
    /// Why: each denies it to a group that none before it does, so that there are no more than groups.
    private(set) var causes: [Cause]
    /// The rules.
    private let book: RuleBook
    /// What is said of the question's name.
    private let own: ListVerdicts
    /// The lists that are policy zones.
    private let zones: UInt64
    /// What policy zones let pass of the aliases so far.
    private var passed = ListVerdicts()
    /// What was said of the subject before.
    private var last = ListVerdicts()
    /// The address whose rule is heard, of each policy zone that says something of one.
    private var chosen: [Int: (address: IPAddress, length: Int, verdicts: ListVerdicts)] = [:]

    /// Begins with what is said of the question's name.
    init(_ book: RuleBook, _ own: ListVerdicts) {
        self.book = book
        self.own = own
        zones = book.content.lists.policyZones
        denied = GroupTable.denials(own, book.content.active)
        causes = denied == 0 ? [] : [Cause(subject: .question, verdicts: own, groups: denied)]
    }

    /// Takes the next name or address of which lists say something.
    mutating func take(_ subject: AnswerFacts.Subject, _ verdicts: ListVerdicts) {
        let isOfZones = verdicts.any & zones != 0
        if isOfZones, case .address(let address) = subject { choose(address, verdicts) }
        // Many addresses are often of one prefix.
        guard verdicts != last else { return }
        last = verdicts
        guard isOfZones else { return deny(subject, verdicts.union(own)) }
        switch subject {
        case .address: denyByOthers(subject, verdicts)
        case .name, .host, .question, .chosen:
            deny(subject, verdicts.union(own).union(passed))
            if !passed.isEmpty { denyByOthers(subject, verdicts) }
            if case .name = subject { passed = passed.union(verdicts.exceptions(of: zones)) }
        }
    }

    /// Hears the policy zones about addresses: when all is taken.
    mutating func finish() {
        guard !chosen.isEmpty else { return }
        var all = own.union(passed)
        for (list, choice) in chosen {
            all = all.union(choice.verdicts.of(1 << UInt64(list))).union(choice.verdicts.exceptions(of: ~zones))
        }
        deny(.chosen(chosen.mapValues(\.address)), all)
    }

    /// Denies it to the groups to which verdicts do. What denies the question is in `denied` already.
    private mutating func deny(_ subject: AnswerFacts.Subject, _ verdicts: ListVerdicts) {
        let groups = GroupTable.denials(verdicts, book.content.active) & ~denied
        guard groups != 0 else { return }
        denied |= groups
        causes.append(Cause(subject: subject, verdicts: verdicts, groups: groups))
    }

    /// Denies it to the groups to which other lists than their policy zones do.
    private mutating func denyByOthers(_ subject: AnswerFacts.Subject, _ verdicts: ListVerdicts) {
        guard verdicts.any & ~zones != 0 else { return }
        let active = book.content.active
        for index in active.indices.prefix(GroupTable.maximumCount) {
            let others = verdicts.withoutDenials(of: active[index].zones).union(own)
            let bit: UInt64 = 1 << UInt64(index)
            guard denied & bit == 0, active[index].denies(others) else { continue }
            denied |= bit
            causes.append(Cause(subject: subject, verdicts: others, groups: bit))
        }
    }

    /// Chooses between an address and those before it, for each policy zone that says something of it.
    private mutating func choose(_ address: IPAddress, _ verdicts: ListVerdicts) {
        var left = verdicts.any & zones
        while left != 0 {
            let list = left.trailingZeroBitCount
            left &= left - 1
            guard let prefix = book.content.lists.prefix(of: address, in: list) else { continue }
            if let former = chosen[list], (former.length, address) >= (prefix.length, former.address) { continue }
            chosen[list] = (address, prefix.length, verdicts)
        }
    }
}

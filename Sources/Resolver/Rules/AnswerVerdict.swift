package import Belief
internal import DNSWire
internal import NameRules

/// What the rules of one book make of an answer, for all groups at once: made once for each answer and book, remembered in the
/// flight that brought it and beside the cache's entry.
///
/// Each name and address is judged by itself: what lets one of them pass says nothing of another, but in a policy zone
/// (`AnswerJudgement`). An exception for the question's own name is one for its whole answer.
package final class AnswerVerdict: Sendable {
    /// Which book it is of.
    private let identity: RuleBook.Identity
    /// Whether records of our own, rewrites or safe searches have to do with the question's name.
    let isTouched: Bool
    /// Whether it has an address that no answer from outside may have.
    private let isRefused: Bool
    /// Which groups are denied it, a bit for each.
    private let denied: UInt64
    /// Why: each denies it to a group that none before it does, so that there are no more than groups.
    private let causes: [AnswerJudgement.Cause]

    /// Judges an answer as `Belief` has made it; `isUnlisted` where no rule is known to have to do with the question's name.
    package convenience init(
        _ book: RuleBook, _ answer: borrowing Answer, to asked: Asked, isUnlisted: Bool, mayBePrivate: @autoclosure () -> Bool
    ) {
        let mayHaveFacts = AnswerFacts.mayStand(in: answer, to: asked, book)
        let message = mayHaveFacts ? answer.message(to: asked) : []
        let counts = answer.counts
        let count = mayHaveFacts ? Int(counts.answers) + Int(counts.authorities) + Int(counts.additionals) : 0
        self.init(
            book, asked.name.span, isUnlisted: isUnlisted, mayBePrivate: mayBePrivate(), message.span, at: asked.recordsStart,
            count: count)
    }

    /// Judges the answer to a question about a name, which is in wire form and lower case; its records stand in a message from
    /// an offset on.
    package init(
        _ book: RuleBook, _ name: Span<UInt8>, isUnlisted: Bool, mayBePrivate: @autoclosure () -> Bool, _ message: Span<UInt8>,
        at start: Int, count: Int
    ) {
        identity = book.identity
        isTouched = !isUnlisted && book.isTouched(name)
        var judgement = AnswerJudgement(book, isUnlisted ? ListVerdicts() : book.content.lists.verdicts(of: name))
        let facts = AnswerFacts(book, message, at: start, count: count) { judgement.take($0, $1) }
        judgement.finish()
        isRefused = facts.hasPrivateAddress && !mayBePrivate()
        denied = judgement.denied
        causes = judgement.causes
    }

    /// Whether it is what a book says.
    func isOf(_ book: RuleBook) -> Bool { identity === book.identity }

    /// Whether every client may have the answer, and nothing else has to do with its name.
    package var passesForAll: Bool { !isTouched && deniesNobody }

    /// Whether clients of every group may have the answer to its own question.
    var deniesNobody: Bool { !isRefused && denied == 0 }

    /// Whether clients of a group are denied the answer.
    func denies(_ group: Int?) -> Bool { isRefused || bit(group) & denied != 0 }

    /// Whether clients of a group are denied the question's name itself.
    func deniesQuestion(_ group: Int?) -> Bool {
        guard let first = causes.first, case .question = first.subject else { return false }
        return bit(group) & first.groups != 0
    }

    private func bit(_ group: Int?) -> UInt64 {
        guard let group, (0..<GroupTable.maximumCount).contains(group) else { return 0 }
        return 1 << UInt64(group)
    }

    /// Why clients of a group are denied the answer to a question about a name; nil where they are not.
    func denial(
        _ group: Int?, _ name: Span<UInt8>, _ book: RuleBook, explains: Bool, counting hits: LocalListHits?
    ) -> Denial? {
        if isRefused { return .privateAddress }
        let bit = bit(group)
        guard let group, let cause = causes.first(where: { $0.groups & bit != 0 }) else { return nil }
        let question = name
        return book.denial(cause.verdicts, group, question, explains: explains, counting: hits) { list in
            switch cause.subject {
            case .question: book.reason(for: question, in: list)
            case .name(let name), .host(let name): book.reason(for: name.span, in: list)
            case .address(let address): book.reason(for: address, of: question, in: list)
            case .chosen(let addresses): addresses[list].flatMap { book.reason(for: $0, of: question, in: list) }
            }
        }
    }
}

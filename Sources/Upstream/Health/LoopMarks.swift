internal import DNSWire
internal import Synchronization

/// Marks by which our own queries are known when they come back to us, because an upstream is this server under another
/// name, or a server that asks this one.
///
/// The mark is the query's own: its random id and the random case of its letters, which servers hand on as they are. A
/// query is ours where a name was sent upstream in just these letters under just this id, or in at least sixteen such
/// letters under any. A fixed table of words, one for each name's hash, written by whoever sends and read for each
/// miss; what is overwritten was one loop not seen.
final class LoopMarks: Sendable {
    private let marks: [Mark] = (0..<1024).map { _ in Mark() }
    /// Which bits of the letters a mark has room for; the others hold the id.
    private static let letterMask: UInt64 = (1 << 48) - 1
    /// So many letters in a case that cannot be chance.
    private static let tellingLetters = 16

    /// One word that all workers share.
    private final class Mark: Sendable {
        let word = Atomic<UInt64>(0)
    }

    /// A question was sent.
    func note(_ question: UpstreamQuestion, _ form: UpstreamQuestion.Form) {
        guard form.letters != 0 else { return }
        let mark = form.letters & Self.letterMask | UInt64(form.id) << 48
        marks[Self.place(question.name.span)].word.store(mark, ordering: .relaxed)
    }

    /// Whether a query for `name`, lower-cased, written as `written` under `id`, is one that was sent.
    func isOwn(_ name: Span<UInt8>, written: Span<UInt8>, id: UInt16) -> Bool {
        let mark = marks[Self.place(name)].word.load(ordering: .relaxed)
        guard mark & Self.letterMask != 0, name.count == written.count else { return false }
        var letters = 0
        var capitals = 0
        for index in 0..<name.count where index & 63 < 48 && (0x61...0x7A).contains(name[index]) {
            letters += 1
            let isCapital = mark >> UInt64(index & 63) & 1 != 0
            guard written[index] == (isCapital ? name[index] & 0xDF : name[index]) else { return false }
            if isCapital { capitals += 1 }
        }
        let isMixed = capitals > 0 && capitals < letters
        return UInt16(truncatingIfNeeded: mark >> 48) == id || (isMixed && letters >= Self.tellingLetters)
    }

    private static func place(_ name: Span<UInt8>) -> Int {
        let first = name.loadWord(at: 0, count: min(8, name.count))
        let middle = name.loadWord(at: name.count / 2, count: min(8, name.count - name.count / 2))
        let mixed = (first ^ (middle << 7) ^ UInt64(name.count)) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: mixed >> 54)
    }
}

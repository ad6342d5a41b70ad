internal import AnswerCache
internal import Belief

extension MemoryCache {
    /// Keeps what a reply comes to, as the resolver does: whether it is kept.
    func keep(_ key: CacheKey, reply: [UInt8], from provenance: Provenance, at now: BootSeconds) -> Bool {
        guard case .answer(let answer) = Belief.read(reply, to: key.asked, Belief.Rules(limits: limits, seed: seed)),
            case .stored = store(key, answer, from: provenance, at: now)
        else { return false }
        return true
    }
}

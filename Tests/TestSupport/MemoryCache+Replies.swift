package import AnswerCache
package import Belief
internal import DNSWire

extension MemoryCache {
    /// Keeps what a reply comes to, as a resolver does: an answer, or a failure; nil for what is neither.
    @discardableResult
    package func store(
        _ key: CacheKey, reply: [UInt8], from provenance: Provenance, at now: BootSeconds, limits: TTLLimits? = nil,
        isMinimal: Bool = true
    ) -> StoreResult? {
        let limits = limits ?? self.limits
        var rules = Belief.Rules(limits: limits, seed: seed)
        rules.trustsAD = true
        rules.isMinimal = isMinimal
        switch Belief.read(reply, to: key.asked, rules) {
        case .answer(let answer):
            return store(key, answer, from: provenance, at: now, mayBecomeStale: limits.mayBecomeStale)
        case .failure(let code, let reason):
            return storeFailure(key, code, extendedError: reason, from: provenance, at: now)
        case .withoutEDNS(let code):
            return storeFailure(key, code, from: provenance, at: now)
        case .bogus(let reason):
            return storeFailure(key, .servFail, extendedError: reason, from: provenance, at: now)
        case .truncated, .broken:
            return nil
        }
    }
}

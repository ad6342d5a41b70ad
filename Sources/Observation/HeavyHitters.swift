/// The most frequent of many, in a sketch of a fixed size (Space-Saving: Metwally, Agrawal, El Abbadi, 2005).
///
/// What there is no counter for takes over the smallest one, with its count: a count is never too small, and what makes up more
/// than one in `size` of all is always there.
package struct HeavyHitters<Key: Hashable & Sendable>: Sendable {
    /// One that was counted.
    package struct Hitter: Sendable {
        /// What it is.
        package let key: Key
        /// How often it came; at most so often.
        package fileprivate(set) var count: UInt64
        /// How much of that may be another's.
        package let error: UInt64
        /// How often it came for certain.
        package var certain: UInt64 { count - min(count, error) }
    }

    private var hitters: [Hitter] = []
    private var places: [Key: Int] = [:]
    private let size: Int

    /// An empty sketch with so many counters.
    package init(size: Int) {
        self.size = max(1, size)
    }

    /// Counts one, for as many as it stands for.
    package mutating func add(_ key: Key, _ count: UInt64 = 1) {
        if let place = places[key] {
            hitters[place].count &+= count
        } else if hitters.count < size {
            places[key] = hitters.count
            hitters.append(Hitter(key: key, count: count, error: 0))
        } else {
            var place = 0
            for other in hitters.indices where hitters[other].count < hitters[place].count { place = other }
            let least = hitters[place].count
            places[hitters[place].key] = nil
            places[key] = place
            hitters[place] = Hitter(key: key, count: least &+ count, error: least)
        }
    }

    /// Those that came most often, in this and another sketch together: at most so many, the most frequent first.
    package func most(_ limit: Int, with other: HeavyHitters? = nil) -> [Hitter] {
        var sums: [Key: Hitter] = [:]
        for hitter in hitters + (other?.hitters ?? []) {
            let known = sums[hitter.key]
            sums[hitter.key] = Hitter(
                key: hitter.key, count: hitter.count &+ (known?.count ?? 0), error: hitter.error &+ (known?.error ?? 0))
        }
        return Array(sums.values.sorted { $0.count > $1.count }.prefix(max(0, limit)))
    }

    /// Those of which it is certain that they came often, by how often they did for certain, in this and another sketch together:
    /// at most so many. What is for the greater part another's is left out.
    package func surest(_ limit: Int, with other: HeavyHitters? = nil) -> [Hitter] {
        let sure = most(.max, with: other).filter { $0.error <= $0.count / 2 }
        return Array(sure.sorted { $0.certain > $1.certain }.prefix(max(0, limit)))
    }
}

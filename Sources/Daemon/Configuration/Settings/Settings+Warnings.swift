extension Settings {
    /// What is set and does nothing: a line for each. No reason to refuse the settings.
    package var warnings: [String] {
        var warnings: [String] = []
        if cache.size == 0 {
            let idle = [
                (cache.staleSeconds > 0, "cache.serve-stale"), (cache.snapshot != nil, "cache.snapshot"),
                (cache.prefetches, "cache.prefetch"),
            ]
            for (isSet, key) in idle where isSet {
                warnings.append("\(key) does nothing while cache.size is 0: it is about what is kept in memory")
            }
        }
        return warnings
    }
}

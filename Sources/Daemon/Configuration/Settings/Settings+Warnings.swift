extension Settings {
    /// What is set and does nothing: a line for each. No reason to refuse the settings.
    package var warnings: [String] {
        var warnings: [String] = []
        if cache.size == 0, cache.staleSeconds > 0 {
            warnings.append("cache.serve-stale does nothing while cache.size is 0: stale answers are kept in memory alone")
        }
        return warnings
    }
}

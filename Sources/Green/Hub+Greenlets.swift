extension Hub {
    /// Kills every greenlet that waits; those without a handle too.
    func killAll() {
        for unsafe record in unsafe core.pointee.records where unsafe record.pointee.state == .waiting {
            unsafe kill(record)
        }
    }
}

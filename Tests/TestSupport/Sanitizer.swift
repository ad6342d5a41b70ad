internal import Green

/// What tests leave out, or do less of, where they are built with ThreadSanitizer or AddressSanitizer (`make test-sanitize`):
///
///     @Test(.enabled(if: Sanitizer.allowsMeasures)) func …
///     for _ in 0..<Sanitizer.rounds(20_000) { … }
package enum Sanitizer {
    /// Whether one is built in.
    package static let isBuiltIn = !Hub.reportsOverflows

    /// Whether memory, allocations and time can be measured. A sanitizer keeps a shadow of all memory and holds on to what was
    /// freed, has an allocator of its own, which nothing counts, and makes everything ten times slower, and not all alike.
    package static var allowsMeasures: Bool { !isBuiltIn }

    /// Whether a program runs where there is no /proc: AddressSanitizer looks its own memory up there.
    package static var allowsNoProc: Bool { !isBuiltIn }

    /// How often to try random input: an eighth of the rounds with a sanitizer, which is as slow as that at the least. A fault of
    /// memory shows in the first rounds that reach it; the others look for wrong answers, and are for builds without.
    package static func rounds(_ count: Int) -> Int { isBuiltIn ? max(count / 8, 1) : count }

    /// How long to wait at most for what takes a sanitized program so much longer.
    package static func patience(_ limit: Duration) -> Duration { isBuiltIn ? limit * 6 : limit }

    /// The reports of sanitizers in what a program has written to standard error; nil where there is none.
    package static func report(in errors: String) -> Substring? {
        let marks = ["WARNING: ThreadSanitizer", "ERROR: ThreadSanitizer", "ERROR: AddressSanitizer", "FATAL: ThreadSanitizer"]
        return marks.compactMap { errors.range(of: $0)?.lowerBound }.min().map { errors[$0...] }
    }
}

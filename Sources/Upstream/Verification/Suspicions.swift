/// What makes an answer of plain DNS suspicious: a plain value.
package struct Suspicions: Sendable, Hashable {
    /// That it comes much sooner than that upstream's own round trips.
    package var early = false
    /// That a second, different one to the same id and port follows within a short wait.
    package var twice = false
    /// That it has one of these addresses.
    package var listed = AddressRanges()

    /// Nothing does.
    package init() {}
}

/// Why an answer is not believed.
enum Suspicion: Hashable {
    /// It came much sooner than that upstream's own round trips.
    case early
    /// A different one followed it.
    case twice
    /// It has an address that forgers use, or one that stands for none.
    case listed
    /// Nothing is known yet of that upstream's round trips.
    case unmeasured
}

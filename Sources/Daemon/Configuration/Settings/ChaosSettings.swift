/// What questions of class CHAOS are told; they are refused where this says nothing.
package struct ChaosSettings: Sendable, Equatable {
    /// The answer to `version.bind`.
    package var version: String?
    /// The answer to `id.server`.
    package var identity: String?

    /// Everything refused.
    package init() {}
}

/// In which view a question is asked: clients whose group has upstreams of its own are in a view with all groups that have the
/// same, and answers that one view got are not another's. A number is this process's alone.
package struct ViewNumber: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The number.
    package let rawValue: UInt16

    /// A number.
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The view of all who have no other.
    package static var general: ViewNumber { ViewNumber(rawValue: 1) }
    /// No view: what nothing is kept for.
    package static var none: ViewNumber { ViewNumber(rawValue: 0) }
}

extension QuestionHash {
    /// The hash of a question in a view, from that in the general one, which is its own.
    package static func hash(_ hash: UInt64, in view: ViewNumber, seed: UInt64) -> UInt64 {
        guard view != .general else { return hash }
        return fold(hash ^ seed, UInt64(view.rawValue) &* 0x9E37_79B9_7F4A_7C15 | 1)
    }
}

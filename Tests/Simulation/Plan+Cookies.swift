internal import TestSupport

/// What the daemon does with DNS cookies (RFC 7873), and what clients do with them.
package struct CookiePlan: Sendable {
    /// What is done with who has none.
    package enum Mode: String, CaseIterable, Sendable {
        case answer, require
    }

    let mode: Mode
    /// Whether the key is in a file, so that cookies are good over a restart.
    let hasSecret: Bool

    /// Where it is.
    static let path = "/etc/vireo/cookie.keys"
    static let secret = "000102030405060708090a0b0c0d0e0f\n"

    /// What a seed says.
    init(_ numbers: inout SeededNumbers) {
        mode = Mode.allCases[Int.random(in: 0..<2, using: &numbers)]
        hasSecret = Int.random(in: 0..<2, using: &numbers) == 0
    }
}

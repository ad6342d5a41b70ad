import Foundation
import TestSupport

/// What a test waited for and did not get.
struct TimedOut: Error, CustomStringConvertible {
    let what: String
    var description: String { "timed out waiting for \(what)" }
}

/// Looks at a condition every few milliseconds until it gives a value; throws once `limit` has passed.
@discardableResult
func eventually<Value>(
    _ what: @autoclosure () -> String, within limit: Duration = .seconds(10), _ condition: () throws -> Value?
) throws -> Value {
    let deadline = ContinuousClock.now + Sanitizer.patience(limit)
    while true {
        if let value = try condition() { return value }
        if ContinuousClock.now >= deadline { throw TimedOut(what: what()) }
        usleep(2_000)
    }
}

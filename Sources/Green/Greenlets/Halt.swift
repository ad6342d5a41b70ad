/// Ends the process where a program uses Green in a way that cannot work, or the system gives it nothing to start with. Says
/// so in release builds too, where a failed `precondition` is silent.
@inline(never)
package func halt(_ message: String, file: StaticString = #fileID, line: UInt = #line) -> Never {
    fatalError("Green: \(message)", file: file, line: line)
}

/// Ends the process with that message unless `condition` holds.
@inline(__always)
package func require(
    _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    if !condition { halt(message(), file: file, line: line) }
}

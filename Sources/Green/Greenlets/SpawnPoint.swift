/// Where in a program a greenlet was spawned. Costs nothing to make: the compiler knows it.
public struct SpawnPoint: Sendable, CustomStringConvertible {
    /// Module and file.
    public let file: StaticString
    /// The line.
    public let line: UInt32

    /// A place in a program.
    @inlinable
    public init(file: StaticString, line: UInt) {
        self.file = file
        self.line = UInt32(truncatingIfNeeded: line)
    }

    /// `Module/File.swift:12`.
    public var description: String { "\(file):\(line)" }
}

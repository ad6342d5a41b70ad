import Foundation
import Testing

/// What fuzzing has found, tried again without a fuzzer: the inputs that reach most of each reader, and each that ended one.
@Suite struct `Inputs of fuzzing` {
    /// The inputs of a folder, by their names.
    private static func inputs(_ folder: String, _ target: FuzzTarget) throws -> [[UInt8]] {
        let place = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "\(folder)/\(target.name)")
        let names = try? FileManager.default.contentsOfDirectory(atPath: place.path)
        return try (names ?? []).sorted().map { Array(try Data(contentsOf: place.appending(path: $0))) }
    }

    @Test(arguments: FuzzTarget.all) func `are read or refused, as they come and cut short`(_ target: FuzzTarget) throws {
        let inputs = try Self.inputs("corpus", target)
        #expect(inputs.count > 3, "Fuzzing/corpus/\(target.name) has too little")
        for input in inputs {
            target.run(input)
            target.run(Array(input.prefix(input.count / 2)))
        }
    }

    @Test(arguments: FuzzTarget.all) func `are read or refused where they once ended a reader`(_ target: FuzzTarget) throws {
        for input in try Self.inputs("crashes", target) { target.run(input) }
    }
}

internal import Glibc

/// Scenario files on disk.
package enum ScenarioFiles {
    /// A file, or all files with the ending .rpl below a folder, in the order of their names.
    package static func below(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [path] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted().flatMap { name -> [String] in
            let inner = "\(path)/\(name)"
            var info = stat()
            guard stat(inner, &info) == 0 else { return [] }
            if info.st_mode & S_IFMT == S_IFDIR { return below(inner) }
            return name.hasSuffix(".rpl") ? [inner] : []
        }
    }

    /// Reads a file and runs it.
    package static func run(_ path: String, isStrict: Bool = false) -> ScenarioOutcome {
        guard let text = text(of: path) else {
            return .refused(
                ScenarioError(file: path, line: 0, reason: "cannot be read", detail: String(cString: strerror(errno))))
        }
        return ScenarioRunner.run(text, file: path, isStrict: isStrict)
    }

    /// The text of a file; nil where it cannot be read.
    package static func text(of path: String) -> String? { read(path).map { String(decoding: $0, as: UTF8.self) } }

    /// All bytes of a file; nil where it cannot be read.
    private static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return count < 0 ? nil : bytes }
            bytes += buffer[..<count]
        }
    }
}

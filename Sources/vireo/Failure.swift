internal import ArgumentParser
internal import Daemon
internal import Glibc

/// How the program says that it cannot go on.
enum Failure {
    /// Runs `body`; an error becomes one line on standard error and an exit code.
    static func reported(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as ConfigurationError {
            complain(error.description)
            throw ExitCode(2)
        } catch let error as DaemonError {
            complain(error.description)
            throw ExitCode(1)
        }
    }

    /// Writes one line to standard error.
    private static func complain(_ message: String) {
        let line = Array("vireo: \(message)\n".utf8)
        var start = 0
        while start < line.count {
            let count = unsafe line.withUnsafeBytes { bytes in
                // SAFETY: `start` is below the count of the bytes.
                unsafe write(STDERR_FILENO, bytes.baseAddress! + start, bytes.count - start)
            }
            if count <= 0 { return }
            start += count
        }
    }
}

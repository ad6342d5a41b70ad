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
        } catch let error as ControlClientError {
            complain(error.description)
            throw ExitCode(error.isAboutSettings ? 2 : 1)
        } catch let error as MachineSetup.Failure {
            complain(error.description)
            throw ExitCode(1)
        } catch let error as CheckFailure {
            complain(error.description)
            throw ExitCode(2)
        } catch let error as Output.Failure {
            try report(error)
        }
    }

    /// Says why standard output could not be written; who reads no further needs no more.
    static func report(_ failure: Output.Failure) throws {
        guard case .failed(let reason) = failure else { return }
        complain("standard output: \(reason)")
        throw ExitCode(1)
    }

    /// Writes each line of a message to standard error; where that cannot be done there is nobody to tell.
    private static func complain(_ message: String) {
        let text = message.split(separator: "\n").map { "vireo: \($0)\n" }.joined()
        try? Output.write(Array(text.utf8)[...], to: STDERR_FILENO)
    }
}

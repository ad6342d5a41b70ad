import Foundation

/// A real redis-server on a free port, with nothing on disk.
final class RedisServer {
    let port: UInt16
    private let directory: TestDirectory
    private let arguments: [String]
    private var process: ManagedProcess?

    /// Starts it with further arguments, and waits until it answers.
    init(_ more: String...) throws {
        port = FreePort.take()
        directory = try TestDirectory()
        arguments =
            [
                "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir",
                directory.path,
            ]
            + more
        try start()
    }

    /// The line of configuration that makes Vireo use it.
    func line(_ more: String = "", entry: String = "") -> String {
        "cache: {redis: \"redis://\(entry)127.0.0.1:\(port)\"\(more.isEmpty ? "" : ", ")\(more)}"
    }

    /// Starts it, on the same port as before.
    func start() throws {
        let process = try ManagedProcess(arguments)
        self.process = process
        try eventually("redis-server to answer; it says: \(process.output)") {
            try Tool(["redis-cli", "-p", "\(port)", "PING"]).output.isEmpty ? nil : true
        }
    }

    /// Kills it at once.
    func kill() { process = nil }

    func send(_ signal: Int32) { process?.send(signal) }

    /// What it says to a command.
    @discardableResult func ask(_ command: String...) throws -> String {
        let output = try Tool(["redis-cli", "-p", "\(port)", "--no-raw"] + command).output
        return output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

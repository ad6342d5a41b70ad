import Foundation
import TestSupport

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

    /// The line of configuration that makes Vireo use it, by way of another port where one is given.
    func line(_ more: String = "", entry: String = "", by way: UInt16? = nil) -> String {
        Self.line("redis://\(entry)127.0.0.1:\(way ?? port)", more)
    }

    /// The line of configuration that makes Vireo use a Redis at a URL; a sanitized Vireo has the time that it needs.
    static func line(_ url: String, _ more: String = "") -> String {
        let patience = Sanitizer.isBuiltIn && !more.contains("redis-timeout") ? "redis-timeout: 500ms" : ""
        return "cache: {" + ["redis: \"\(url)\"", more, patience].filter { !$0.isEmpty }.joined(separator: ", ") + "}"
    }

    /// Waits until so many instances listen for flushes.
    func waitForListeners(_ count: Int) throws {
        try eventually("\(count) instances to listen") {
            try ask("PUBSUB", "NUMSUB", "vireo:1:flush").contains("(integer) \(count)") ? true : nil
        }
    }

    /// Waits until it has the answer to a question for an address.
    func waitForKey(_ name: String) throws {
        try eventually("the key of \(name)") { try ask("EXISTS", "vireo:1:\(name):A:IN") == "(integer) 1" ? true : nil }
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

    /// What it says to a command after a password.
    @discardableResult func askEntered(_ password: String, _ command: String...) throws -> String {
        try Tool(["redis-cli", "-p", "\(port)", "--no-auth-warning", "-a", password] + command).output
    }

    /// What it says to a command.
    @discardableResult func ask(_ command: String...) throws -> String {
        let output = try Tool(["redis-cli", "-p", "\(port)", "--no-raw"] + command).output
        return output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

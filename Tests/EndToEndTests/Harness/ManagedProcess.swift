import Foundation
import Synchronization
import TestSupport
import Testing

/// How a process ended.
enum Exit: Equatable {
    case code(Int32)
    case signal(Int32)
}

/// A program that was started, with what it writes kept in files. It is killed and reaped at the latest when its
/// object goes away, or when the test process ends; what a sanitizer has reported in it by then fails the test.
final class ManagedProcess: Sendable {
    let pid: pid_t
    private let directory: TestDirectory
    private let ended = Mutex<Exit?>(nil)

    private static let living = Mutex<Set<pid_t>>([])
    private static let killAtExit: Void = { atexit { ManagedProcess.living.withLock { $0.forEach { kill($0, SIGKILL) } } } }()

    /// Starts it; `handed` are descriptors that it gets from 3 on. They must be above those that it gets.
    init(_ arguments: [String], environment: [String: String] = [:], handed: [Int32] = []) throws {
        _ = Self.killAtExit
        directory = try TestDirectory()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, directory.file("stdout"), O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, directory.file("stderr"), O_WRONLY | O_CREAT | O_APPEND, 0o644)
        for (index, descriptor) in handed.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(3 + index))
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var variables = ProcessInfo.processInfo.environment
        variables.merge(environment) { _, new in new }
        let argv = arguments.map { strdup($0) } + [nil]
        let envp = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, arguments[0], &actions, &attributes, argv, envp)
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
        self.pid = pid
        Self.living.withLock { _ = $0.insert(pid) }
    }

    deinit {
        if exit == nil {
            kill(pid, SIGKILL)
            reap(WNOHANG | 0)
            var status: Int32 = 0
            if exit == nil { waitpid(pid, &status, 0) }
        }
        _ = Self.living.withLock { $0.remove(pid) }
        if let report = Sanitizer.report(in: errors) { Issue.record("\(report)") }
    }

    /// What it has written to standard output.
    var output: String { (try? String(contentsOfFile: directory.file("stdout"), encoding: .utf8)) ?? "" }
    /// What it has written to standard error.
    var errors: String { (try? String(contentsOfFile: directory.file("stderr"), encoding: .utf8)) ?? "" }

    /// How it ended; nil while it runs.
    var exit: Exit? {
        reap(WNOHANG)
        return ended.withLock { $0 }
    }

    func send(_ signal: Int32) {
        if exit == nil { kill(pid, signal) }
    }

    /// Waits for its end.
    @discardableResult func waitForExit(within limit: Duration = .seconds(30)) throws -> Exit {
        try eventually("the end of process \(pid)", within: limit) { exit }
    }

    private func reap(_ flags: Int32) {
        ended.withLock { ended in
            var status: Int32 = 0
            guard ended == nil, waitpid(pid, &status, flags) == pid else { return }
            ended = status & 0x7F == 0 ? .code((status >> 8) & 0xFF) : .signal(status & 0x7F)
        }
    }
}

/// A program that is run to its end.
struct Tool {
    let exit: Exit
    let output: String
    let errors: String

    init(_ arguments: [String], environment: [String: String] = [:], within limit: Duration = .seconds(30)) throws {
        let process = try ManagedProcess(arguments, environment: environment)
        exit = try process.waitForExit(within: limit)
        output = process.output
        errors = process.errors
    }

    /// Whether a program is installed.
    static func exists(_ name: String) -> Bool {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let paths = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
        return paths.contains { access("\($0)/\(name)", X_OK) == 0 }
    }
}

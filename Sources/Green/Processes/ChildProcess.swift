internal import CGreen
internal import Glibc

/// How a process ended.
public enum ProcessEnd: Sendable, Hashable {
    /// By itself, with that code; 0 for success.
    case exited(Int32)
    /// By a signal.
    case signaled(Int32)
}

/// What came of a program that was run to its end.
public struct ProcessResult: Sendable, Hashable {
    /// How it ended.
    public let end: ProcessEnd
    /// What it wrote to its standard output.
    public let output: [UInt8]
    /// What it wrote to its standard error.
    public let errors: [UInt8]
    /// The output as text.
    public var text: String { String(decoding: output, as: UTF8.self) }
}

/// A program that runs beside this one, whose standard streams greenlets read and write. It begins with a clean mask and the usual
/// handling of signals. Belongs to its hub's thread; costs a process and four descriptors. Needs a hub on libevent, and Linux 5.3.
///
/// ```swift
/// let listing = try ChildProcess.run(["ls", "-l", path], until: .in(.seconds(5))).text
/// ```
@safe public final class ChildProcess {
    /// Its number.
    public let number: Int32
    /// What it reads as its standard input. Close it to tell it that there is no more.
    public let input: PipeEnd
    /// What it writes to its standard output.
    public let output: PipeEnd
    /// What it writes to its standard error.
    public let errors: PipeEnd
    /// How it ended; nil while that is not known.
    public private(set) var end: ProcessEnd?
    private let watch: DescriptorWatch
    private let loop: any Loop

    /// Starts a program: its name, which is looked up in `PATH` where it has no slash, and its arguments; with this process's
    /// environment and directory unless others are given. Throws `SocketError.notFound` where there is none of that name.
    public init(
        _ arguments: [String], environment: [String: String]? = nil, directory: String? = nil, hub: Hub = .current
    ) throws(SocketError) {
        let settings = environment.map { $0.map { "\($0.key)=\($0.value)" } }
        // What the system is handed ends at a NUL.
        guard let name = arguments.first,
            !(arguments + (settings ?? []) + [directory ?? ""]).contains(where: { $0.utf8.contains(0) })
        else { throw .system(errno: EINVAL, call: "posix_spawn") }
        var (own, watched, started): ([Int32], Int32, Int32) = ([-1, -1, -1], -1, -1)
        let words = CStrings(arguments)
        let variables = settings.map { CStrings($0) }
        let code = unsafe green_spawn(words.pointers, variables?.pointers, directory, &own, &watched, &started)
        guard code == 0 else { throw SocketError(errno: -code, call: "posix_spawn").at(.path(name)) }
        number = started
        loop = hub.loop
        defer { close(watched) }
        do throws(SocketError) {
            // The loop watches duplicates.
            watch = try DescriptorWatch(watched, hub: hub)
            input = try PipeEnd(own[0], hub: hub)
            own[0] = -1
            output = try PipeEnd(own[1], hub: hub)
            own[1] = -1
            errors = try PipeEnd(own[2], hub: hub)
        } catch {
            for descriptor in own where descriptor >= 0 { close(descriptor) }
            kill(started, SIGKILL)
            _ = green_reap(started, true)
            throw error
        }
    }

    deinit {
        guard end == nil else { return }
        kill(number, SIGKILL)
        // It is gone soon, but not at once; nobody waits for that.
        let number = number
        try? loop.submit { _ = green_reap(number, true) }
    }

    /// Waits until it has ended: how; nil where it has not by `deadline`. Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func wait(until deadline: Instant = .never) throws -> ProcessEnd? {
        while end == nil {
            let code = green_reap(number, false)
            if code >= 0 {
                end = code & 0x100 != 0 ? .signaled(code & 0xFF) : .exited(code)
            } else if code == -EAGAIN {
                guard try watch.waitReadable(until: deadline) else { return nil }
            } else {
                throw SocketError(errno: -code, call: "waitpid")
            }
        }
        return end
    }

    /// Sends it a signal; nothing happens where it has ended.
    public func send(_ signal: Int32) {
        if end == nil { kill(number, signal) }
    }

    /// Runs a program to its end, with `input` as its standard input: what it wrote, and how it ended. It is killed where it is
    /// not done by `deadline` (`SocketError.timedOut`), where it writes more than `limit` bytes (`BufferedReader.TooLong`), and
    /// where the wait is interrupted.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public static func run(
        _ arguments: [String], input: [UInt8] = [], limit: Int = 16 << 20, until deadline: Instant = .never
    ) throws -> ProcessResult {
        let child = try ChildProcess(arguments)
        do {
            return try withGreenlets { scope in
                scope.spawn(name: "input") {
                    defer { child.input.close() }
                    do { try child.input.write(input, until: deadline) } catch SocketError.reset {}
                }
                let errors = scope.spawn(name: "errors") {
                    try BufferedReader(child.errors).readAll(limit: limit, until: deadline)
                }
                let output = try BufferedReader(child.output).readAll(limit: limit, until: deadline)
                let said = try errors.get()
                guard let end = try child.wait(until: deadline) else { throw SocketError.timedOut }
                return ProcessResult(end: end, output: output, errors: said)
            }
        } catch {
            child.send(SIGKILL)
            _ = try? shield { try child.wait(until: .in(.seconds(5))) }
            throw (error as? SocketError)?.at(.path(arguments[0])) ?? error
        }
    }
}

/// Strings as C has them, with a null at their end.
@safe private final class CStrings {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        unsafe pointers = .allocate(capacity: count + 1)
        for (index, text) in strings.enumerated() { unsafe (pointers + index).initialize(to: strdup(text)) }
        unsafe (pointers + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { unsafe free(pointers[index]) }
        unsafe pointers.deallocate()
    }
}

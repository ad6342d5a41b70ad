internal import Glibc

/// Where lines of the query log go: a file, or the journal. Of one thread at a time; waits as long as the disk does.
@safe final class QueryLogOutput: @unchecked Sendable {
    // SAFETY: whoever opens it hands it to the thread that writes, under a lock, and touches it no more.
    private let place: QueryLogSettings.Place
    private let maxSize: Int
    private let keep: Int
    private let journal: String
    /// After a failure the next try to put the file aside waits so long.
    private let pause: Duration
    private var descriptor: Int32
    private var size: Int
    /// Whether the file ends within a line.
    private var isTorn = false
    /// When it may be tried again to put the file aside.
    private var nextRotation: ContinuousClock.Instant?
    /// Why the file could not be put aside, where it could not.
    private(set) var rotationFailure: Failure?

    /// Where the journal takes messages.
    private static let journal = "/run/systemd/journal/socket"
    /// No write waits longer than this, in milliseconds, for a reader that is behind.
    private static let patience: Int32 = 200

    /// The number of a system's error, and what it was about.
    struct Failure: Error, CustomStringConvertible {
        let path: String
        let code: Int32
        var description: String {
            if code == ELOOP { return "\(path) is a symbolic link" }
            return unsafe "\(path): \(String(cString: strerror(code)))"
        }
    }

    /// Opens it; throws why it cannot be written.
    init(_ settings: QueryLogSettings, journal: String = journal, pause: Duration = .seconds(5)) throws(Failure) {
        place = settings.place ?? .journal
        (maxSize, keep, self.journal, self.pause) = (settings.maxSize, settings.keep, journal, pause)
        switch place {
        case .journal:
            size = 0
            descriptor = try Self.connect(journal)
        case .file(let path):
            (descriptor, size) = try Self.open(path)
            isTorn = Self.endsWithinLine(path, size)
        }
    }

    deinit { close(descriptor) }

    /// Opens a file at its end.
    private static func open(_ path: String, _ flags: Int32 = 0) throws(Failure) -> (descriptor: Int32, size: Int) {
        // Not blocking: a pipe that nobody reads is an error. No links: who may write the folder does not choose the file.
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | flags
        let descriptor = unsafe Glibc.open(path, flags, 0o640)
        guard descriptor >= 0 else { throw Failure(path: path, code: errno) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return (descriptor, 0) }
        return (descriptor, Int(status.st_size))
    }

    /// Whether a file of a size does not end with a line feed, as after a crash; a file that cannot be read is taken to.
    private static func endsWithinLine(_ path: String, _ size: Int) -> Bool {
        guard size > 0 else { return false }
        let reader = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)
        guard reader >= 0 else { return false }
        defer { close(reader) }
        var last: UInt8 = 0x0A
        return unsafe pread(reader, &last, 1, size - 1) == 1 && last != 0x0A
    }

    /// A socket to the journal, which does not block.
    private static func connect(_ path: String) throws(Failure) -> Int32 {
        let type = SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let descriptor = socket(AF_UNIX, Int32(type), 0)
        guard descriptor >= 0 else { throw Failure(path: path, code: errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            close(descriptor)
            throw Failure(path: path, code: ENAMETOOLONG)
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            // SAFETY: a socket's address begins with the same members as any.
            unsafe Glibc.connect(
                descriptor, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self),
                socklen_t(MemoryLayout<sockaddr_un>.size))
        }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            throw Failure(path: path, code: code)
        }
        return descriptor
    }

    /// Whether each line is a message of its own, without the time.
    var isByLine: Bool { place == .journal }

    /// Opens its file anew: what wrote it until now may have put it aside. Where that fails all stays as it was.
    func reopen() {
        guard case .file(let path) = place, let next = try? Self.open(path) else { return }
        close(descriptor)
        (descriptor, size) = next
        isTorn = Self.endsWithinLine(path, size)
    }

    /// Writes lines: how many of them are written, and why not all where it is not all.
    func write(_ lines: [UInt8]) -> (written: Int, failure: Failure?) {
        if isByLine { return send(lines) }
        // A file that cannot be put aside is not to fill the disk.
        putAside()
        if maxSize > 0, size >= 2 * maxSize, let rotationFailure { return (0, rotationFailure) }
        // What was cut off before is a line of its own.
        let lead = isTorn ? 1 : 0
        let bytes = isTorn ? [0x0A] + lines : lines
        let (count, code) = put(bytes)
        size += count
        if count > 0 { isTorn = bytes[count - 1] != 0x0A }
        let written = bytes[min(lead, count)..<count].reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) }
        if count == bytes.count { putAside() }
        return (written, code.map(failure))
    }

    /// Sends each line to the journal; where that has been started anew, to the new one.
    private func send(_ lines: [UInt8]) -> (written: Int, failure: Failure?) {
        var written = 0
        var mayConnect = true
        for line in lines.split(separator: 0x0A) {
            let message = Self.message(line)
            var (_, code) = put(message)
            if let first = code, first != EAGAIN, first != EMSGSIZE, mayConnect {
                mayConnect = false
                do throws(Failure) {
                    let next = try Self.connect(journal)
                    close(descriptor)
                    descriptor = next
                } catch {
                    return (written, error)
                }
                code = put(message).code
            }
            if let code { return (written, failure(code)) }
            written += 1
        }
        return (written, nil)
    }

    /// A message of the journal's own protocol; a line has no line feed in it.
    private static func message(_ line: ArraySlice<UInt8>) -> [UInt8] {
        Array("SYSLOG_IDENTIFIER=vireo-queries\nPRIORITY=6\nMESSAGE=".utf8) + line + [0x0A]
    }

    /// Writes some bytes: how many, and the system's error where it is not all.
    private func put(_ bytes: [UInt8]) -> (count: Int, code: Int32?) {
        WholeWrite.write(bytes, to: descriptor, patience: Self.patience)
    }

    private func failure(_ code: Int32) -> Failure {
        if case .file(let path) = place { return Failure(path: path, code: code) }
        return Failure(path: "journal", code: code)
    }

    // MARK: - Putting a file aside

    /// Puts a file aside that is long enough. Where that fails it goes on as it was, and is tried again after a while.
    private func putAside() {
        guard case .file(let path) = place, maxSize > 0, size >= maxSize else { return }
        if let nextRotation, ContinuousClock.now < nextRotation { return }
        do throws(Failure) {
            try rotate(path)
            (nextRotation, rotationFailure) = (nil, nil)
        } catch {
            (nextRotation, rotationFailure) = (ContinuousClock.now + pause, error)
        }
    }

    /// Puts the file aside as `.1`, that one as `.2`, and so on. The new file is open before anything is moved, and nothing is
    /// moved further than to the next place that is free: tries that fail lose nothing.
    private func rotate(_ path: String) throws(Failure) {
        let new = path + ".new"
        _ = unsafe unlink(new)
        let next = try Self.open(new, O_EXCL)
        do throws(Failure) {
            if keep > 0 {
                let free = (1..<keep).first { unsafe access("\(path).\($0)", F_OK) != 0 } ?? keep
                for number in stride(from: free - 1, through: 1, by: -1) {
                    try Self.move("\(path).\(number)", to: "\(path).\(number + 1)")
                }
                // Where somebody has moved it away there is nothing to put aside.
                if unsafe access(path, F_OK) == 0 { try Self.move(path, to: "\(path).1") }
            }
            try Self.move(new, to: path)
        } catch {
            close(next.descriptor)
            _ = unsafe unlink(new)
            throw error
        }
        close(descriptor)
        (descriptor, size, isTorn) = (next.descriptor, 0, false)
    }

    private static func move(_ path: String, to other: String) throws(Failure) {
        guard unsafe rename(path, other) == 0 else { throw Failure(path: path, code: errno) }
    }
}

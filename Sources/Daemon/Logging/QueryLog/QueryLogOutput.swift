internal import Glibc

/// Where lines of the query log go: a file, or the journal. Of one thread at a time; waits as long as the disk does.
@safe final class QueryLogOutput {
    private let place: QueryLogSettings.Place
    private let maxSize: Int
    private let keep: Int
    private var descriptor: Int32
    private var size: Int
    /// The file that it writes, for rotation tools that have moved it.
    private let isJournal: Bool

    /// Where the journal takes messages.
    private static let journal = "/run/systemd/journal/socket"
    /// No write waits longer than this, in milliseconds, for a reader that is behind.
    private static let patience: Int32 = 200

    /// The number of a system's error, and what it was about.
    struct Failure: Error, CustomStringConvertible {
        let path: String
        let code: Int32
        var description: String { unsafe "\(path): \(String(cString: strerror(code)))" }
    }

    /// Opens it; throws why it cannot be written.
    init(_ settings: QueryLogSettings, journal: String = journal) throws(Failure) {
        place = settings.place ?? .journal
        (maxSize, keep) = (settings.maxSize, settings.keep)
        switch place {
        case .journal:
            isJournal = true
            size = 0
            descriptor = try Self.connect(journal)
        case .file(let path):
            isJournal = false
            (descriptor, size) = try Self.open(path)
        }
    }

    deinit { close(descriptor) }

    /// Opens a file at its end.
    private static func open(_ path: String) throws(Failure) -> (descriptor: Int32, size: Int) {
        // Not blocking: a pipe that nobody reads is an error.
        let descriptor = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o640)
        guard descriptor >= 0 else { throw Failure(path: path, code: errno) }
        var status = stat()
        _ = unsafe fstat(descriptor, &status)
        return (descriptor, Int(status.st_size))
    }

    /// A socket to the journal.
    private static func connect(_ path: String) throws(Failure) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard descriptor >= 0, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Failure(path: path, code: descriptor < 0 ? errno : ENAMETOOLONG)
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
    var isByLine: Bool { isJournal }

    /// Writes lines; throws where not all of them could be.
    func write(_ lines: [UInt8]) throws(Failure) {
        if isJournal {
            for line in lines.split(separator: 0x0A) { try put(Self.message(line)) }
            return
        }
        try put(lines)
        size += lines.count
        if maxSize > 0, size >= maxSize { try putAside() }
    }

    /// A message of the journal's own protocol; a line has no line feed in it.
    private static func message(_ line: ArraySlice<UInt8>) -> [UInt8] {
        Array("SYSLOG_IDENTIFIER=vireo-queries\nPRIORITY=6\nMESSAGE=".utf8) + line + [0x0A]
    }

    /// Writes all of some bytes.
    private func put(_ bytes: [UInt8]) throws(Failure) {
        var start = 0
        while start < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                // SAFETY: `start` is below the count of the bytes.
                unsafe Glibc.write(descriptor, buffer.baseAddress! + start, buffer.count - start)
            }
            if count > 0 {
                start += count
                continue
            }
            let code = count == 0 ? EIO : errno
            if code == EINTR { continue }
            var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard code == EAGAIN, unsafe poll(&wanted, 1, Self.patience) > 0 else { throw failure(code) }
        }
    }

    private func failure(_ code: Int32) -> Failure {
        if case .file(let path) = place { return Failure(path: path, code: code) }
        return Failure(path: "journal", code: code)
    }

    /// Puts a file aside that is long enough, as `.1`, and that one as `.2`, and so on.
    private func putAside() throws(Failure) {
        guard case .file(let path) = place else { return }
        if keep == 0 {
            _ = unsafe unlink(path)
        } else {
            for number in stride(from: keep - 1, through: 1, by: -1) {
                _ = unsafe rename("\(path).\(number)", "\(path).\(number + 1)")
            }
            _ = unsafe rename(path, "\(path).1")
        }
        let next = try Self.open(path)
        close(descriptor)
        (descriptor, size) = next
    }
}

internal import Glibc

/// Putting a new file in an old one's place. Whatever stands there, or where the new one is made, may be somebody else's.
extension SystemFiles {
    /// So many symbolic links are followed.
    private static let linkLimit = 40
    /// So many of a file's first bytes decide what becomes of it.
    private static let headLength = 64

    package func replace(
        _ path: String, over judge: ([UInt8]) throws -> FileFate, _ nextPiece: () throws -> [UInt8]?
    ) throws {
        try met(at: .path(path)) { try replaceNow(path, over: judge, nextPiece) }
    }

    private func replaceNow(
        _ path: String, over judge: ([UInt8]) throws -> FileFate, _ nextPiece: () throws -> [UInt8]?
    ) throws {
        try RegularFile.checkName(path)
        let target = try Self.followed(path)
        _ = try Self.fate(of: target, judge)
        let temporary = target + ".new"
        let descriptor = try Self.makeTemporary(temporary, judge)
        do {
            defer { close(descriptor) }
            while let piece = try nextPiece() { try Self.append(piece, to: descriptor) }
            guard fsync(descriptor) == 0 else { throw SocketError(errno: errno, call: "fsync") }
            // Once more: it may have been another file's place meanwhile.
            if case .keptAside(let suffix) = try Self.fate(of: target, judge) {
                _ = try Self.fate(of: target + suffix, judge)
                guard unsafe rename(target, target + suffix) == 0 else { throw SocketError(errno: errno, call: "rename") }
            }
            guard unsafe rename(temporary, target) == 0 else { throw SocketError(errno: errno, call: "rename") }
        } catch {
            unsafe unlink(temporary)
            throw error
        }
        Self.syncDirectory(of: target)
    }

    /// Where a path leads when it is a symbolic link, whether or not there is anything. Links that strangers may have made
    /// are not followed.
    private static func followed(_ path: String) throws(SocketError) -> String {
        var path = path
        for _ in 0..<linkLimit {
            var info = Glibc.stat()
            guard unsafe lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFLNK else { return path }
            guard info.st_uid == geteuid() || info.st_uid == 0 else { throw .notPrivate }
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
            let count = unsafe readlink(path, &buffer, buffer.count - 1)
            guard count > 0 else { throw SocketError(errno: errno, call: "readlink") }
            let link = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            path = link.hasPrefix("/") ? link : "\(directory(of: path))/\(link)"
        }
        throw SocketError(errno: ELOOP, call: "readlink")
    }

    /// What is to become of the file at a path; `replaced` where there is none.
    private static func fate(of path: String, _ judge: ([UInt8]) throws -> FileFate) throws -> FileFate {
        var info = Glibc.stat()
        if unsafe lstat(path, &info) != 0, errno == ENOENT { return .replaced }
        let descriptor = try RegularFile.open(path)
        defer { close(descriptor) }
        return try judge(head(of: descriptor))
    }

    /// The first bytes of a file.
    private static func head(of descriptor: Int32) throws(SocketError) -> [UInt8] {
        var head = [UInt8](repeating: 0, count: headLength)
        let count = unsafe pread(descriptor, &head, head.count, 0)
        guard count >= 0 else { throw SocketError(errno: errno, call: "read") }
        return Array(head[..<count])
    }

    /// Makes a file of our own that nobody else writes to: locked for as long as it is open. What a process left there that
    /// was killed gives way.
    private static func makeTemporary(_ path: String, _ judge: ([UInt8]) throws -> FileFate) throws -> Int32 {
        for _ in 0..<3 {
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
            let descriptor = unsafe open(path, flags, 0o600)
            if descriptor >= 0 {
                if flock(descriptor, LOCK_EX | LOCK_NB) == 0, isSame(descriptor, path) { return descriptor }
                close(descriptor)
                continue
            }
            guard errno == EEXIST else { throw SocketError(errno: errno, call: "open") }
            try removeLeftover(path, judge)
        }
        throw SocketError.fileInUse
    }

    /// Removes what is at a temporary file's path, if it is an earlier run's and nobody writes to it.
    private static func removeLeftover(_ path: String, _ judge: ([UInt8]) throws -> FileFate) throws {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        if descriptor < 0 {
            if errno == ENOENT { return }
            throw errno == ELOOP || errno == ENXIO ? SocketError.notRegular : SocketError(errno: errno, call: "open")
        }
        defer { close(descriptor) }
        var info = Glibc.stat()
        guard unsafe fstat(descriptor, &info) == 0 else { throw SocketError(errno: errno, call: "fstat") }
        guard info.st_mode & S_IFMT == S_IFREG else { throw SocketError.notRegular }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw SocketError.fileInUse }
        let head = try head(of: descriptor)
        // Killed before the first byte.
        if !head.isEmpty { _ = try judge(head) }
        if isSame(descriptor, path) { unsafe unlink(path) }
    }

    /// Whether a path still leads to an open file.
    private static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
        var (opened, named) = (Glibc.stat(), Glibc.stat())
        guard unsafe fstat(descriptor, &opened) == 0, unsafe lstat(path, &named) == 0 else { return false }
        return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino
    }

    private static func append(_ piece: [UInt8], to descriptor: Int32) throws(SocketError) {
        var start = 0
        while start < piece.count {
            let count = unsafe piece.withUnsafeBytes { bytes in
                // SAFETY: `start` is below the count of the bytes.
                unsafe Glibc.write(descriptor, bytes.baseAddress! + start, bytes.count - start)
            }
            if count > 0 { start += count }
            if count < 0, errno != EINTR { throw SocketError(errno: errno, call: "write") }
        }
    }

    /// Makes the new name survive a loss of power. Where that cannot be done the file is good all the same.
    private static func syncDirectory(of path: String) {
        let descriptor = unsafe open(directory(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// The directory that a path lies in.
    private static func directory(of path: String) -> String {
        let end = path.lastIndex(of: "/")
        return end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    }
}

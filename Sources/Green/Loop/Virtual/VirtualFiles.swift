internal import Glibc

/// The files of a host of a simulated world: names and contents, nothing else.
public final class VirtualFiles: FileAccess {
    private struct File {
        var content: [UInt8]
        var stamp: FileStamp
        var failure: SocketError?
    }

    private struct State {
        var files: [String: File] = [:]
        var identities: UInt64 = 0
    }

    private let state = Locked(State())

    init() {}

    /// Writes a file, as a new one under its name: its stamp changes. `modified` is its time of change, in
    /// nanoseconds since 1970.
    public func write(_ path: String, _ content: [UInt8], modified: Int64 = 0) {
        state.withLock { state in
            state.identities += 1
            let stamp = FileStamp(size: Int64(content.count), modified: modified, identity: state.identities)
            state.files[path] = File(content: content, stamp: stamp)
        }
    }

    /// Writes a text file; see `write`.
    public func write(_ path: String, _ text: String, modified: Int64 = 0) {
        write(path, Array(text.utf8), modified: modified)
    }

    /// Removes a file, if there is one.
    public func remove(_ path: String) {
        state.withLock { _ = $0.files.removeValue(forKey: path) }
    }

    /// Makes each read of a file fail; nil ends that.
    public func setFailure(_ failure: SocketError?, of path: String) {
        state.withLock { $0.files[path]?.failure = failure }
    }

    /// As ``Loop`` says.
    public func read(_ path: String, limit: Int) throws(SocketError) -> [UInt8] {
        guard let file = state.withLock({ $0.files[path] }) else { throw .notFound }
        if let failure = file.failure { throw failure }
        guard file.content.count <= limit else { throw SocketError(errno: EFBIG, call: "read") }
        return file.content
    }

    /// As ``Loop`` says.
    public func read(_ path: String, from offset: Int, count: Int) throws(SocketError) -> [UInt8] {
        Array(try read(path, limit: .max).dropFirst(offset).prefix(count))
    }

    /// As ``Loop`` says.
    public func replace(
        _ path: String, over judge: ([UInt8]) throws -> FileFate, _ nextPiece: () throws -> [UInt8]?
    ) throws {
        let old = state.withLock { $0.files[path] }
        let fate = try old.map { try judge(Array($0.content.prefix(64))) }
        var content: [UInt8] = []
        while let piece = try nextPiece() { content += piece }
        if let failure = state.withLock({ $0.files[path]?.failure }) { throw failure }
        if case .keptAside(let suffix) = fate { state.withLock { $0.files[path + suffix] = old } }
        write(path, content)
    }

    /// As ``Loop`` says; nobody else writes files here.
    public func checkPrivate(_ path: String) throws(SocketError) {
        guard state.withLock({ $0.files[path] }) != nil else { throw .notFound }
    }

    /// As ``Loop`` says.
    public func stamp(_ path: String) -> FileStamp? {
        state.withLock { $0.files[path]?.stamp }
    }
}

internal import Green

/// The contents of a file, which is read at the first use and again when it has changed, on a thread for name look-ups.
///
/// Only the first use waits for the thread, no longer than its caller does. Later a greenlet of its own looks whether the file has
/// changed; whoever has begun that waits a moment for it, all others use the former contents. Those are kept where the file cannot be
/// read, which is reported once. A file that does not exist is empty.
final class FollowedFile<Value: Sendable> {
    private let path: String?
    private let pause: Duration
    private let read: @Sendable ([UInt8]) -> Value
    private let hub: Hub
    private var content: Value?
    private var stamp: FileStamp?
    /// Why the last read failed.
    private var failure: (any Error)?
    private var nextLook = Instant(nanoseconds: 0)
    private var look: Greenlet<Void>?

    /// A larger file is an error.
    private let limit = 4 << 20
    /// So long at most waits who has begun a look, where there is something to use already.
    private let moment = Duration.milliseconds(50)
    /// A file that could not be read is looked at again after so long at most.
    private let longestPause = Duration.seconds(1)

    /// A file that is looked at no more often than once in each pause; without a path, an empty one. `read` runs on the thread.
    init(_ path: String?, each pause: Duration, hub: Hub, _ read: @escaping @Sendable ([UInt8]) -> Value) {
        self.path = path
        self.pause = max(.zero, pause)
        self.hub = hub
        self.read = read
        if path == nil { content = read([]) }
    }

    /// What is in it now, or was when it was last looked at. Throws, where it was never read, `DNSError.timedOut` at the deadline, the
    /// error of the file, or the interruption of the wait.
    func value(until deadline: Instant) throws -> Value {
        let now = hub.loop.now()
        if let content {
            guard path != nil, now >= nextLook, look == nil else { return content }
            _ = try begin().join(until: min(deadline, now.advanced(by: moment)))
            return self.content ?? content
        }
        if let failure, now < nextLook { throw failure }
        guard try (look ?? begin()).get(until: deadline) != nil else { throw DNSError.timedOut("") }
        if let content { return content }
        throw failure ?? DNSError.timedOut("")
    }

    /// Has a greenlet look at the file.
    private func begin() -> Greenlet<Void> {
        let begun = hub.spawn(name: "read \(path ?? "")") { () throws -> Void in
            defer { self.look = nil }
            try self.lookAtFile()
        }
        // One that could not begin has no end either, at which it would be taken out.
        if !begun.isDone { look = begun }
        return begun
    }

    private func lookAtFile() throws {
        guard let path else { return }
        let (files, before, limit, read) = (hub.loop.files, stamp, limit, read)
        let isRead = content != nil && failure == nil
        do {
            let (found, value) = try blocking(as: .names) { () throws -> (FileStamp?, Value?) in
                let found = files.stamp(path)
                if isRead, found == before { return (found, nil) }
                do {
                    return (found, read(try files.read(path, limit: limit)))
                } catch SocketError.notFound {
                    return (found, read([]))
                }
            }
            (stamp, failure) = (found, nil)
            if let value { content = value }
            nextLook = hub.loop.now().advanced(by: pause)
        } catch let error as SocketError {
            let told = error.at(.path(path))
            // Who is asked first throws it; later nobody would hear of it.
            if content != nil, failure == nil { hub.options.report("GreenDNS", told) }
            failure = told
            nextLook = hub.loop.now().advanced(by: min(pause, longestPause))
        }
    }
}

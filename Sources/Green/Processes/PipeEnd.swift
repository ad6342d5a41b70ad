internal import CGreen
internal import Glibc

/// One end of a pipe, as a stream that is read or written. It owns its descriptor. Belongs to its hub's thread.
public final class PipeEnd: ByteStream {
    /// The hub it belongs to.
    public let hub: Hub
    /// Whether this side has not closed it.
    public var isOpen: Bool { descriptor >= 0 }
    private var descriptor: Int32
    private let watch: DescriptorWatch

    /// Takes a descriptor over, which is made non-blocking. Throws where the loop cannot watch it: for regular files.
    public init(_ descriptor: Int32, hub: Hub = .current) throws(SocketError) {
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw SocketError(errno: errno, call: "fcntl")
        }
        watch = try DescriptorWatch(descriptor, hub: hub)
        self.hub = hub
        self.descriptor = descriptor
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// As ``ByteStream`` says.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Instant) throws -> Int {
        while true {
            guard descriptor >= 0 else { throw SocketError.closed }
            let got = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if got >= 0 { return got }
            if errno == EINTR { continue }
            guard errno == EAGAIN else { throw SocketError(errno: errno, call: "read") }
            guard try watch.waitReadable(until: deadline) else { throw SocketError.timedOut }
        }
    }

    /// As ``ByteStream`` says; throws `reset` where nobody reads it any more.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func write(_ buffer: UnsafeRawBufferPointer, until deadline: Instant) throws {
        var done = 0
        while done < buffer.count {
            guard descriptor >= 0 else { throw SocketError.closed }
            let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
            let sent = SignalPipe.ignored { unsafe Glibc.write(descriptor, rest.baseAddress, rest.count) }
            if sent >= 0 {
                done += sent
                continue
            }
            if errno == EINTR { continue }
            guard errno == EAGAIN else { throw SocketError(errno: errno, call: "write") }
            guard try watch.waitWritable(until: deadline) else { throw SocketError.timedOut }
        }
    }

    /// Closes it: all waits on it throw `closed`.
    public func close() {
        guard descriptor >= 0 else { return }
        watch.close()
        Glibc.close(descriptor)
        descriptor = -1
    }
}

/// SIGPIPE, which a write to a pipe that nobody reads raises, and which ends a process that does not ignore it.
private enum SignalPipe {
    /// Runs a call with SIGPIPE kept from this thread; one that it raised is taken.
    static func ignored(_ call: () -> Int) -> Int {
        var (only, before, pending) = (sigset_t(), sigset_t(), sigset_t())
        unsafe sigemptyset(&only)
        unsafe sigaddset(&only, SIGPIPE)
        unsafe sigpending(&pending)
        let wasPending = unsafe sigismember(&pending, SIGPIPE) == 1
        unsafe pthread_sigmask(SIG_BLOCK, &only, &before)
        let result = call()
        let code = errno
        if result < 0, code == EPIPE, !wasPending {
            var none = timespec()
            unsafe sigtimedwait(&only, nil, &none)
        }
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        errno = code
        return result
    }
}

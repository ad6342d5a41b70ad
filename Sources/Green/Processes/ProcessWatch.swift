internal import CGreen
internal import Glibc

/// Waits for the end of any process of this machine, a child of this one or not (pidfd_open, Linux 5.3). A child's end is only
/// seen, not taken: who started it learns from `waitpid` how it ended. Needs a hub on libevent; costs two descriptors.
public final class ProcessWatch {
    /// The process.
    public let number: Int32
    private let watch: DescriptorWatch

    /// Watches a process from now on: that one, also where its number is another's later. Throws `system` with ESRCH where there
    /// is none.
    public init(_ number: Int32, hub: Hub = .current) throws(SocketError) {
        let descriptor = green_process_descriptor(number)
        guard descriptor >= 0 else { throw SocketError(errno: -descriptor, call: "pidfd_open") }
        defer { close(descriptor) }
        self.number = number
        // The loop watches a duplicate.
        watch = try DescriptorWatch(descriptor, hub: hub)
    }

    /// Whether it has ended.
    public var hasEnded: Bool { watch.isReadable }

    /// Waits until it has ended (true), or `deadline` passes (false). Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func wait(until deadline: Instant = .never) throws -> Bool {
        try watch.waitReadable(until: deadline)
    }

    /// Its end, as something to be waited for beside others.
    public var ended: Readiness { watch.readable }
}

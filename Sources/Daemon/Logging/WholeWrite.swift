internal import Glibc

/// Writing all of some bytes from a thread that may wait.
package enum WholeWrite {
    /// Writes bytes to a descriptor: how many, and the system's error where it is not all. A descriptor that does not block is waited for
    /// as many milliseconds as `patience` says; below 0 for ever.
    package static func write(
        _ bytes: [UInt8], to descriptor: Int32, patience: Int32 = -1
    ) -> (count: Int, code: Int32?) {
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
            guard code == EINTR || code == EAGAIN && isWritable(descriptor, within: patience) else { return (start, code) }
        }
        return (start, nil)
    }

    /// Waits until a descriptor takes more, or a signal says to look again; false where that takes too long.
    private static func isWritable(_ descriptor: Int32, within patience: Int32) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let ready = unsafe poll(&wanted, 1, patience)
        return ready > 0 || ready < 0 && errno == EINTR
    }
}

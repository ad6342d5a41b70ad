import Glibc

/// A pipe whose reading end does not block.
func makePipe() -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    precondition(pipe(&ends) == 0)
    for end in ends { precondition(fcntl(end, F_SETFL, O_NONBLOCK) == 0) }
    return (ends[0], ends[1])
}

/// Writes one byte.
func writeByte(_ descriptor: Int32) {
    var byte: UInt8 = 1
    precondition(write(descriptor, &byte, 1) == 1)
}

/// Reads one byte; false where there is none.
func readByte(_ descriptor: Int32) -> Bool {
    var byte: UInt8 = 0
    return read(descriptor, &byte, 1) == 1
}

/// Closes both ends.
func closePipe(_ ends: (read: Int32, write: Int32)) {
    close(ends.read)
    close(ends.write)
}

/// Removes a file.
@discardableResult
func removeFile(_ path: String) -> Bool { unlink(path) == 0 }

import Foundation
import Green
import GreenTLS
import Logging
import Testing

@testable import Daemon

/// Paths that lead to something else than a regular file: whoever opened them as one would wait for ever, or read for ever.
@Suite struct OddFileTests {
    /// A directory with one of each, for the time of a test.
    private static func withOddFiles(_ body: ([String]) throws -> Void) throws {
        let directory = NSTemporaryDirectory() + "vireo-odd-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let fifo = directory + "/fifo"
        try #require(mkfifo(fifo, 0o600) == 0)
        let link = directory + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: fifo)
        try body([fifo, link, directory, "/dev/zero", "/dev/tty"])
    }

    @Test func `no file that is read whole or in parts is anything but a regular file`() throws {
        try Self.withOddFiles { paths in
            let files = LibeventLoop().files
            for path in paths {
                #expect(throws: SocketError.notRegular, "\(path)") { try files.read(path, limit: 100) }
                #expect(throws: SocketError.notRegular, "\(path)") { try files.read(path, from: 0, count: 100) }
                #expect { try TextFile(path).read() } throws: { "\($0)" == "\(path): is not a regular file" }
            }
        }
    }

    @Test func `neither certificates nor keys are read from anything but a regular file`() throws {
        try Self.withOddFiles { paths in
            for path in paths {
                var trusting = TLSClientOptions()
                trusting.trust = .file(path)
                #expect { try TLSContext.client(trusting) } throws: { "\($0)" == "\(path): is not a regular file" }
                let server = TLSServerOptions(identity: TLSIdentity(certificateFile: path, keyFile: path))
                #expect { try TLSContext.server(server) } throws: { "\($0)" == "\(path): is not a regular file" }
            }
        }
    }

    @Test func `a hosts file that is none is said to be none`() throws {
        try Self.withOddFiles { paths in
            try Hub(loop: LibeventLoop()).run {
                let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                for path in paths {
                    #expect(throws: SocketError.notRegular, "\(path)") { _ = try HostsWatch(path, log: logger) }
                }
            }
        }
    }

    @Test func `a hosts file of more than 256 MiB is not read`() throws {
        let path = NSTemporaryDirectory() + "vireo-large-\(UUID().uuidString)"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        defer { unlink(path) }
        // Nothing but a length: it takes no room.
        #expect(ftruncate(descriptor, HostsWatch.sizeLimit + 1) == 0)
        close(descriptor)
        try Hub(loop: LibeventLoop()).run {
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            #expect(throws: SocketError.system(errno: EFBIG, call: "read")) { _ = try HostsWatch(path, log: logger) }
        }
    }
}

import AnswerCache
import DNSWire
import Foundation
import Green
import Logging
import TestSupport
import Testing

@testable import Daemon

/// The control's part in a snapshot, on a real loop.
@Suite struct SnapshotKeeperTests {
    /// A cache with so many names.
    private func cache(_ count: Int) throws -> MemoryCache {
        let cache = try MemoryCache(sizeBytes: 64 << 20, seed: 3)
        let reply = Message.address(.query("n.example.", .a)).wire
        let now = BootSeconds(rawValue: Hub.current.bootSeconds)
        for number in 0..<count {
            // Another type each time makes another entry of the same reply.
            var bytes = reply
            let type = RecordType(rawValue: UInt16(1000 + number))
            for place in [12 + 11, 12 + 11 + 4 + 2] {
                bytes[place] = UInt8(type.rawValue >> 8)
                bytes[place + 1] = UInt8(type.rawValue & 0xFF)
            }
            let flags = KeyFlags(dnssecOK: false, checkingDisabled: false)
            let key = CacheKey(FixedName(Name("n.example.")!), type, .internet, flags: flags, seed: cache.seed)
            let provenance = Provenance(upstream: 1, transport: .udp)
            cache.store(key, reply: bytes, from: provenance, at: now)
        }
        return cache
    }

    /// The processor's time that the calling thread has had.
    private func threadTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    @Test func `writing a snapshot takes the control's loop less than two milliseconds in all`() throws {
        try Hub(loop: LibeventLoop()).run {
            let path = NSTemporaryDirectory() + "vireo-keeper-\(UUID().uuidString)"
            defer { unlink(path) }
            let cache = try cache(50_000)
            #expect(cache.statistics.entries == 50_000)
            var settings = CacheSettings()
            settings.snapshot = path
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let keeper = SnapshotKeeper(cache, SnapshotKeeper.Plan(settings), logger) { UpstreamDirectory([:]) }
            // What is done for the first time takes longer.
            try keeper.finish()
            let begun = threadTime()
            try keeper.finish()
            let written = threadTime()
            #expect(written - begun < .milliseconds(2))
            let other = try MemoryCache(sizeBytes: 64 << 20, seed: 4)
            let reader = SnapshotKeeper(other, SnapshotKeeper.Plan(settings), logger) { UpstreamDirectory([:]) }
            try reader.load()
            #expect(other.statistics.entries == 50_000)
        }
    }

    @Test func `flushes without end make a snapshot at once, and then one each ten seconds`() throws {
        let world = VirtualWorld(seed: 6)
        try world.run { hub throws in
            var settings = CacheSettings()
            settings.snapshot = "/cache.snapshot"
            settings.snapshotInterval = .seconds(86_400)
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let keeper = SnapshotKeeper(try cache(10), SnapshotKeeper.Plan(settings), logger) { UpstreamDirectory([:]) }
            keeper.begin()
            var stamps: Set<FileStamp> = []
            for millisecond in 0..<45_000 {
                keeper.flushed()
                try sleep(.milliseconds(1))
                if let stamp = world.host.files.stamp("/cache.snapshot") { stamps.insert(stamp) }
                if millisecond == 500 { #expect(stamps.count == 1) }
            }
            #expect(stamps.count == 5)
            try keeper.breakOff()
        }
    }

    @Test func `a stop breaks off what is being written, and leaves nothing of it`() throws {
        try Hub(loop: LibeventLoop()).run {
            let path = NSTemporaryDirectory() + "vireo-keeper-\(UUID().uuidString)"
            let cache = try cache(50_000)
            var settings = CacheSettings()
            settings.snapshot = path
            settings.snapshotInterval = .milliseconds(1)
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            var wasBrokenOff = false
            for _ in 0..<20 where !wasBrokenOff {
                let keeper = SnapshotKeeper(cache, SnapshotKeeper.Plan(settings), logger) { UpstreamDirectory([:]) }
                keeper.begin()
                let deadline = Hub.current.loop.now().advanced(by: .seconds(10))
                while access(path + ".new", F_OK) != 0, Hub.current.loop.now() < deadline { try sleep(.microseconds(200)) }
                try keeper.breakOff()
                #expect(access(path + ".new", F_OK) != 0)
                // Else it was finished before the word came.
                wasBrokenOff = unlink(path) != 0
            }
            #expect(wasBrokenOff)
        }
    }

    @Test func `a newer program's snapshot is kept aside, and a file that is none is left alone`() throws {
        try Hub(loop: LibeventLoop()).run {
            let path = NSTemporaryDirectory() + "vireo-keeper-\(UUID().uuidString)"
            defer { for suffix in ["", ".version-99"] { unlink(path + suffix) } }
            let cache = try cache(10)
            var settings = CacheSettings()
            settings.snapshot = path
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let keeper = SnapshotKeeper(cache, SnapshotKeeper.Plan(settings), logger) { UpstreamDirectory([:]) }
            let newer = Data("VireoSnp".utf8) + [99, 0, 0, 0, 1, 2, 3]
            try newer.write(to: URL(fileURLWithPath: path))
            try keeper.load()
            try keeper.finish()
            #expect(try Data(contentsOf: URL(fileURLWithPath: path + ".version-99")) == newer)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)).starts(with: Data("VireoSnp".utf8) + [3, 0, 0, 0]))
            try Data("notes".utf8).write(to: URL(fileURLWithPath: path))
            try keeper.finish()
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("notes".utf8))
        }
    }

    @Test func `a snapshot that others may have written is not read`() throws {
        try Hub(loop: LibeventLoop()).run {
            let path = NSTemporaryDirectory() + "vireo-keeper-\(UUID().uuidString)"
            defer { unlink(path) }
            var settings = CacheSettings()
            settings.snapshot = path
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            try SnapshotKeeper(cache(10), SnapshotKeeper.Plan(settings), logger) { UpstreamDirectory([:]) }.finish()
            for (mode, count) in [(0o622, 0), (0o644, 10)] as [(mode_t, Int)] {
                chmod(path, mode)
                let other = try MemoryCache(sizeBytes: 64 << 20, seed: 4)
                try SnapshotKeeper(other, SnapshotKeeper.Plan(settings), logger) { UpstreamDirectory([:]) }.load()
                #expect(other.statistics.entries == count)
            }
        }
    }
}

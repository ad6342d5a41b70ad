import DNSWire
import Foundation
import Glibc
import Green
import Observation
import Resolver
import TestSupport
import Testing

@testable import Daemon

/// The log of queries.
@Suite struct QueryLogTests {
    private static let key = CookieKey(Array(0..<16))!

    private func entry(_ wire: [UInt8], client: String = "192.0.2.77", type: UInt16 = 1) -> QueryTap.Entry {
        var entry = QueryTap.Entry(
            type, from: IPAddress(client)!.number, 3, .upstream, nanoseconds: 12_345_678, at: 1_795_823_723_250_000_000)
        entry.name = wire
        return entry
    }

    private func line(_ entry: QueryTap.Entry, _ configure: (inout QueryLogSettings) -> Void = { _ in }) -> String {
        var settings = QueryLogSettings()
        configure(&settings)
        var text = QueryLogText(settings, key: Self.key)
        var line: [UInt8] = []
        text.append(entry, to: &line)
        return String(decoding: line, as: UTF8.self)
    }

    /// A folder that goes away with the test's end.
    private func folder(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "vireo-query-log-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test func `a line has time, client, name, type, rcode, source, milliseconds, transport, outcome and the client's name`()
        throws
    {
        let wire = try Name(labels: [Array("www".utf8), Array("example".utf8)]).wire
        #expect(
            line(entry(wire)) == "2026-11-27T23:55:23.250Z 192.0.2.77 www.example. A NXDOMAIN upstream 12.345 udp answered -\n")
        #expect(line(entry([])).contains(" - A ") && line(entry([0])).contains(" . A "))
        let json = line(entry(wire, client: "2001:db8:1:2::3", type: 65_280)) { $0.format = .json }
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        #expect(object?["client"] as? String == "2001:db8:1:2::3" && object?["type"] as? String == "TYPE65280")
        #expect(object?["time"] as? String == "2026-11-27T23:55:23.250Z" && object?["microseconds"] as? Int == 12_345)
        #expect(
            object?["transport"] as? String == "udp" && object?["outcome"] as? String == "answered"
                && object?["client-name"] == nil)
        var named = entry(wire)
        (named.transport, named.outcome, named.clientName) = (.https, .limited, ClientName("logged-tablet").number)
        ClientDirectory.shared.note(named.clientName, "logged-tablet")
        #expect(line(named).hasSuffix(" 12.345 https limited logged-tablet\n"))
        #expect(
            line(named) { $0.format = .json }.contains(#""transport":"https","outcome":"limited","client-name":"logged-tablet"}"#)
        )
        // Where addresses are hidden, names are.
        #expect(line(named) { $0.privacy = .hash }.hasSuffix(" https limited -\n"))
    }

    @Test func `whatever bytes a name has, a line stays one line of plain characters, and is what names are elsewhere`() throws {
        var numbers = SeededNumbers(seed: 9)
        for _ in 0..<300 {
            let labels = (0..<Int.random(in: 1...4, using: &numbers)).map { _ in
                (0..<Int.random(in: 1...40, using: &numbers)).map { _ in UInt8.random(in: 0...255, using: &numbers) }
            }
            let name = try Name(labels: labels)
            let text = line(entry(name.wire))
            #expect(text.dropLast().utf8.allSatisfy { (0x20...0x7E).contains($0) } && text.last == "\n")
            #expect(text.split(separator: " ").count == 10 && text.split(separator: " ")[2] == "\(name)")
            let json = line(entry(name.wire)) { $0.format = .json }
            let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
            #expect(object?["name"] as? String == "\(name)" && json.split(separator: "\n").count == 1)
        }
        // What is no name at all ends where its bytes do.
        #expect(line(entry([63, 65])).contains(" A. A "))
    }

    @Test func `clients are masked or made numbers of where that is wanted`() {
        func client(_ address: String, _ privacy: QueryLogSettings.Privacy) -> String {
            String(line(entry([0], client: address)) { $0.privacy = privacy }.split(separator: " ")[1])
        }
        #expect(client("192.0.2.77", .mask) == "192.0.2.0" && client("2001:db8:1:2::3", .mask) == "2001:db8:1::")
        let hashed = client("192.0.2.77", .hash)
        #expect(hashed.count == 16 && hashed == client("192.0.2.77", .hash) && hashed != client("192.0.2.78", .hash))
    }

    @Test func `a file is put aside when it is long enough, and so many are kept`() throws {
        try folder { folder in
            var settings = QueryLogSettings()
            settings.place = .file(folder + "/log")
            (settings.maxSize, settings.keep) = (100, 2)
            let output = try QueryLogOutput(settings)
            for number in 0..<5 {
                #expect(output.write(Array(repeating: UInt8(48 + number), count: 99) + [10]).written == 1)
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            #expect(files == ["log", "log.1", "log.2"])
            #expect(try String(contentsOfFile: folder + "/log.2", encoding: .utf8).first == "3")
            #expect(try String(contentsOfFile: folder + "/log", encoding: .utf8) == "")
            settings.place = .file(folder + "/none/log")
            #expect(throws: QueryLogOutput.Failure.self) { try QueryLogOutput(settings) }
        }
    }

    @Test func `a file that cannot be put aside loses nothing that was kept, is tried again, and does not fill the disk`() throws
    {
        try folder { folder in
            var settings = QueryLogSettings()
            settings.place = .file(folder + "/log")
            (settings.maxSize, settings.keep) = (100, 3)
            let output = try QueryLogOutput(settings, pause: .zero)
            func line(_ digit: UInt8) -> [UInt8] { Array(repeating: digit, count: 99) + [10] }
            func content(_ file: String) -> String { (try? String(contentsOfFile: folder + "/" + file, encoding: .utf8)) ?? "" }
            for digit in UInt8(48)...50 { #expect(output.write(line(digit)).written == 1) }
            #expect(content("log.1").first == "2" && content("log.3").first == "0")
            // No new file can be opened: a folder is in its place.
            try FileManager.default.createDirectory(atPath: folder + "/log.new", withIntermediateDirectories: true)
            var written = 0
            for _ in 0..<20 { written += output.write(line(57)).written }
            #expect(written == 2 && output.rotationFailure != nil && output.write(line(57)).failure != nil)
            #expect(content("log").count == 200 && content("log.1").first == "2" && content("log.3").first == "0")
            // The file itself cannot be moved: a folder is where it is to go.
            try FileManager.default.removeItem(atPath: folder + "/log.new")
            try FileManager.default.removeItem(atPath: folder + "/log.3")
            try FileManager.default.createDirectory(atPath: folder + "/log.3/full", withIntermediateDirectories: true)
            for _ in 0..<20 { _ = output.write(line(57)) }
            #expect(content("log.1").first == "2" && content("log.2").first == "1" && output.rotationFailure != nil)
            try FileManager.default.removeItem(atPath: folder + "/log.3")
            #expect(output.write(line(56)).written == 1 && output.rotationFailure == nil)
            #expect(content("log").isEmpty && content("log.1").first == "8" && content("log.2").first == "9")
            #expect(content("log.3").first == "2")
        }
    }

    @Test func `after half a line the next begins on its own, only whole lines count, and no link is followed`() throws {
        try folder { folder in
            try Data("half".utf8).write(to: URL(fileURLWithPath: folder + "/log"))
            var settings = QueryLogSettings()
            settings.place = .file(folder + "/log")
            #expect(try QueryLogOutput(settings).write(Array("one\n".utf8)).written == 1)
            #expect(try String(contentsOfFile: folder + "/log", encoding: .utf8) == "half\none\n")
            try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: folder + "/log")
            settings.place = .file(folder + "/link")
            #expect { try QueryLogOutput(settings) } throws: { "\($0)".hasSuffix("link is a symbolic link") }
            // A pipe takes a part and then no more.
            #expect(mkfifo(folder + "/pipe", 0o600) == 0)
            let reader = Glibc.open(folder + "/pipe", O_RDWR | O_NONBLOCK)
            defer { close(reader) }
            settings.place = .file(folder + "/pipe")
            let output = try QueryLogOutput(settings)
            let (written, failure) = output.write(
                Array(String(repeating: String(repeating: "a", count: 99) + "\n", count: 2_000).utf8))
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            let taken = read(reader, &buffer, buffer.count)
            #expect(failure?.code == EAGAIN && written == buffer.prefix(taken).count { $0 == 10 } && written < 2_000)
            #expect(buffer[taken - 1] != 10 && output.write(Array("b\n".utf8)).written == 1)
            #expect(read(reader, &buffer, buffer.count) == 3 && buffer.starts(with: [10, 98, 10]))
        }
    }

    @Test func `any share is a share, however many watch and at what pace, and a place among them is kept for the log`() throws {
        let tap = QueryTap()
        let ring = tap.rings.take()
        let others = (0..<QueryTap.mostWatchers).compactMap { _ in tap.watch(oneIn: 4) }
        #expect(others.count == QueryTap.mostWatchers && tap.watch() == nil)
        let log = tap.watch(share: 0.7, most: 100_000)
        #expect(tap.interval == 1)
        var entries: [QueryTap.Entry] = []
        for _ in 0..<100 {
            for _ in 0..<1_000 { tap.tell(entry([]), [0].span, oneIn: 1, by: ring) }
            entries += log.take().entries
        }
        #expect((68_000...72_000).contains(entries.count), "\(entries.count)")
        // The pace of one who wants less: none of those that are told of stands for more than it is.
        let (some, dropped) = others[0].take()
        #expect((24_000...26_000).contains(some.count + Int(dropped)), "\(some.count) \(dropped)")
    }

    @Test func `the journal gets a message for each line`() throws {
        try folder { folder in
            let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array((folder + "/j").utf8)) }
            _ = withUnsafePointer(to: &address) {
                bind(
                    descriptor, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
                    socklen_t(MemoryLayout<sockaddr_un>.size))
            }
            var settings = QueryLogSettings()
            settings.place = .journal
            let output = try QueryLogOutput(settings, journal: folder + "/j")
            #expect(output.write(Array("one\ntwo\n".utf8)).written == 2)
            for text in ["one", "two"] {
                var buffer = [UInt8](repeating: 0, count: 1_000)
                let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                #expect(
                    String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
                        == "SYSLOG_IDENTIFIER=vireo-queries\nPRIORITY=6\nMESSAGE=\(text)\n")
            }
        }
    }

    @Test func `what is wrong with its settings is said`() throws {
        let log = try read("log: {queries: {to: /var/log/q.log, format: json, sample: 0.01, privacy: hash, max-size: 1MiB}}\n")
            .log
        #expect(log.queries.place == .file("/var/log/q.log") && log.queries.sample == 0.01)
        #expect(log.queries.format == .json && log.queries.privacy == .hash && log.queries.maxSize == 1 << 20)
        #expect(try read("log: {queries: {to: journal}}\n").log.queries.place == .journal)
        for bad in ["to: queries.log", "sample: 0", "sample: 2", "sample: 1e-3", "format: xml", "privacy: none", "keep: 100"] {
            #expect(throws: ConfigurationError.self, "\(bad)") { try read("log: {queries: {\(bad)}}\n") }
        }
    }
}

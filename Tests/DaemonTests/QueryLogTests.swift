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

    @Test func `a line has time, client, name, type, rcode, source and milliseconds`() throws {
        let wire = try Name(labels: [Array("www".utf8), Array("example".utf8)]).wire
        #expect(
            line(entry(wire)) == "2026-11-27T23:55:23.250Z 192.0.2.77 www.example. A NXDOMAIN upstream 12.345\n")
        #expect(line(entry([])).contains(" - A ") && line(entry([0])).contains(" . A "))
        let json = line(entry(wire, client: "2001:db8:1:2::3", type: 65_280)) { $0.format = .json }
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        #expect(object?["client"] as? String == "2001:db8:1:2::3" && object?["type"] as? String == "TYPE65280")
        #expect(object?["time"] as? String == "2026-11-27T23:55:23.250Z" && object?["microseconds"] as? Int == 12_345)
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
            #expect(text.split(separator: " ").count == 7 && text.split(separator: " ")[2] == "\(name)")
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
            for number in 0..<5 { try output.write(Array(repeating: UInt8(48 + number), count: 99) + [10]) }
            let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            #expect(files == ["log", "log.1", "log.2"])
            #expect(try String(contentsOfFile: folder + "/log.2", encoding: .utf8).first == "3")
            #expect(try String(contentsOfFile: folder + "/log", encoding: .utf8) == "")
            settings.place = .file(folder + "/none/log")
            #expect(throws: QueryLogOutput.Failure.self) { try QueryLogOutput(settings) }
        }
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
            try QueryLogOutput(settings, journal: folder + "/j").write(Array("one\ntwo\n".utf8))
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
        #expect(log.queries.place == .file("/var/log/q.log") && log.queries.interval == 100)
        #expect(log.queries.format == .json && log.queries.privacy == .hash && log.queries.maxSize == 1 << 20)
        #expect(try read("log: {queries: {to: journal}}\n").log.queries.place == .journal)
        for bad in ["to: queries.log", "sample: 0", "sample: 2", "sample: 1e-3", "format: xml", "privacy: none", "keep: 100"] {
            #expect(throws: ConfigurationError.self, "\(bad)") { try read("log: {queries: {\(bad)}}\n") }
        }
    }
}

import Glibc
import Logging
import Testing

@testable import Daemon

/// A pipe whose reader is the test.
private final class Pipe {
    let reader: Int32
    let writer: Int32

    init() {
        var ends: [Int32] = [0, 0]
        pipe(&ends)
        reader = ends[0]
        writer = ends[1]
    }

    deinit {
        close(reader)
        close(writer)
    }

    /// All that is in the pipe.
    func drain() -> String {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        _ = fcntl(reader, F_SETFL, O_NONBLOCK)
        let count = read(reader, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}

@Suite struct LogTests {
    /// A logger on a log of its own.
    private func logger(_ log: Log) -> Logger {
        Logger(label: "test") { _ in LineLogHandler(log: log) }
    }

    @Test func `a record is one line with time, level and metadata in order`() throws {
        let pipe = Pipe()
        let log = Log(level: .info, descriptor: pipe.writer, isJournal: false)
        logger(log).info("listening", metadata: ["workers": "2", "address": "127.0.0.1:53", "why": "as told"])
        #expect(log.flush(within: .seconds(5)))
        let line = pipe.drain()
        let form = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info listening address=127.0.0.1:53 why="as told" workers=2\n/
        #expect(line.wholeMatch(of: form) != nil, "\(line)")
    }

    @Test func `under the journal a line starts with its priority`() {
        let pipe = Pipe()
        let log = Log(level: .trace, descriptor: pipe.writer, isJournal: true)
        let logger = logger(log)
        for level in Logger.Level.allCases { logger.log(level: level, "x") }
        #expect(log.flush(within: .seconds(5)))
        #expect(pipe.drain() == "<7>x\n<7>x\n<6>x\n<5>x\n<4>x\n<3>x\n<2>x\n")
    }

    @Test func `what strangers send cannot break a line or drive a terminal`() {
        let pipe = Pipe()
        let log = Log(level: .info, descriptor: pipe.writer, isJournal: true)
        logger(log).info("a\nb\u{1b}[1m", metadata: ["name": "x\r\u{202e}y"])
        #expect(log.flush(within: .seconds(5)))
        #expect(pipe.drain() == "<6>a\\u{a}b\\u{1b}[1m name=x\\u{d}\\u{202e}y\n")
    }

    @Test func `a value is told from what stands beside it, and nothing in it is unseen`() {
        let pipe = Pipe()
        let log = Log(level: .info, descriptor: pipe.writer, isJournal: true)
        let logger = logger(log)
        for value in ["a\" level=error b=\"", "\\ \"", "k=v", "", "\u{FEFF}x\u{200B}\u{AD}\u{A0}y", "e\u{9}f g", "übung.example"]
        {
            logger.info("said", metadata: ["v": "\(value)"])
        }
        #expect(log.flush(within: .seconds(5)))
        #expect(
            pipe.drain().split(separator: "\n").map { $0.dropFirst(9) } == [
                #"="a\" level=error b=\"""#, #"="\\ \"""#, #"="k=v""#, #"="""#, #"=\u{feff}x\u{200b}\u{ad}\u{a0}y"#,
                #"="e\u{9}f g""#, "=übung.example",
            ])
    }

    @Test func `the level can change while the log runs`() {
        let pipe = Pipe()
        let log = Log(level: .error, descriptor: pipe.writer, isJournal: true)
        let logger = logger(log)
        logger.info("before")
        log.level = .info
        logger.info("after")
        log.level = .critical
        logger.error("late")
        #expect(log.flush(within: .seconds(5)))
        #expect(pipe.drain() == "<6>after\n")
    }

    @Test func `a reader that does not read blocks nobody, and what was dropped is told`() {
        let pipe = Pipe()
        let log = Log(level: .info, descriptor: pipe.writer, isJournal: true)
        let logger = logger(log)
        let long = String(repeating: "x", count: 1_000)
        for _ in 0..<3_000 { logger.info("\(long)") }
        #expect(!log.flush(within: .milliseconds(10)))
        var text = pipe.drain()
        while !log.flush(within: .milliseconds(1)) { text += pipe.drain() }
        text += pipe.drain()
        let lines = text.split(separator: "\n")
        #expect(lines.count < 3_000)
        let reports = lines.compactMap { $0.wholeMatch(of: /<4>log records were dropped count=(\d+)/).flatMap { Int($0.1) } }
        #expect(lines.count - reports.count + reports.reduce(0, +) == 3_000)
    }

    @Test func `all is written to a descriptor that does not block, as long as somebody reads in time`() {
        let pipe = Pipe()
        _ = fcntl(pipe.writer, F_SETFL, O_NONBLOCK)
        let bytes = [UInt8](repeating: 7, count: 300_000)
        let (count, code) = WholeWrite.write(bytes, to: pipe.writer, patience: 1)
        #expect((1..<bytes.count).contains(count) && code == EAGAIN)
        let (reader, wanted) = (pipe.reader, count + bytes.count)
        let ended = Semaphore()
        Thread.start {
            var (buffer, left) = ([UInt8](repeating: 0, count: 65_536), wanted)
            while left > 0 { left -= max(0, read(reader, &buffer, buffer.count)) }
            ended.raise()
        }
        let all = WholeWrite.write(bytes, to: pipe.writer)
        // Whoever reads is done before the pipe is closed, whose number is another's then.
        #expect(ended.wait(atMost: .seconds(20)))
        #expect(all.count == bytes.count && all.code == nil)
        #expect(WholeWrite.write([1], to: -1).code == EBADF && WholeWrite.write([], to: -1).code == nil)
    }

    @Test func `a very long record is cut between characters`() {
        let pipe = Pipe()
        let log = Log(level: .info, descriptor: pipe.writer, isJournal: true)
        logger(log).info("\(String(repeating: "é", count: 5_000))")
        #expect(log.flush(within: .seconds(5)))
        let line = pipe.drain()
        #expect(line.utf8.count <= 4_097)
        #expect(!line.unicodeScalars.contains("\u{FFFD}"))
    }
}

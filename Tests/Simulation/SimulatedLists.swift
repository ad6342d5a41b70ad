internal import Green
internal import SimulatedDaemon

/// The lists of a world: a file of the daemon's machine, and a server of the web with one. What becomes of them is told to the judge.
final class SimulatedLists {
    private let plan: Plan
    private let lists: ListPlan
    private let judge: Judge
    private let truth: ListTruth
    private let files: VirtualFiles
    private var server: StreamServer?
    private var serving: ListServing
    /// The present versions.
    private var fileVersion = 0, webVersion = 0
    /// Whether the file is there.
    private var isThere = true
    /// The last version that the daemon has, as far as the server knows.
    private var told = -1

    /// Lists for a daemon that has not begun.
    init(_ world: VirtualWorld, _ lists: ListPlan, _ truth: ListTruth, _ judge: Judge, of daemon: SimulatedDaemon) {
        (self.lists, self.truth, self.judge) = (lists, truth, judge)
        plan = judge.plan
        serving = lists.serving
        files = daemon.host.files
        let host = world.addHost("lists", [IPAddress(ListPlan.address)!])
        write()
        world.run(on: host, name: "lists") { [self] hub in
            let address = SocketAddress(host.addresses[0], port: 80)
            let listener = try hub.loop.listen(.stream, at: address, options: ListenOptions())
            let server = try StreamServer(listener: listener, limit: 100) { [unowned self] in try serve($0) }
            self.server = server
            server.start()
            try sleep(.seconds(10_000_000))
        }
    }

    /// All names that aliases may lead to in this run.
    private var eras: Int { 2 + plan.events.count { $0.what == .newEra } }

    private func write() {
        files.write(ListPlan.path, lists.text(.file, version: fileVersion, names: plan.names, eras: eras))
        isThere = true
    }

    /// Something happens.
    func happen(_ what: ListOccurrence) {
        switch what {
        case .change(.file):
            fileVersion += 1
            write()
            truth.noteFile(fileVersion, at: judge.now())
        case .change(.web): webVersion += 1
        case .removal:
            // What was read of it stays.
            files.remove(ListPlan.path)
            truth.noteRemoval(at: judge.now())
            isThere = false
        case .serving(let serving): self.serving = serving
        }
    }

    /// The daemon starts, with what is there.
    func begin() { truth.noteFile(isThere ? fileVersion : -1, at: judge.now()) }

    /// All is well from now on.
    func calm() {
        if !isThere { happen(.change(.file)) }
        webVersion += 1
        serving = .well
    }

    /// Judges in the end that the daemon has asked for what is there.
    func judgeEnd() {
        guard told != webVersion else { return }
        judge.fail("a list is downloaded within its time", "version \(told) of \(webVersion), every \(lists.refresh) s")
    }

    // MARK: - The web

    private func serve(_ stream: StreamSocket) throws {
        var head: [UInt8] = []
        while true {
            let more = try stream.read(upTo: 4096)
            if more.isEmpty || serving == .down { return }
            head += more
            guard String(decoding: head, as: UTF8.self).contains("\r\n\r\n") else { continue }
            return try answer(String(decoding: head, as: UTF8.self), on: stream)
        }
    }

    private func answer(_ request: String, on stream: StreamSocket) throws {
        let version = webVersion
        judge.log.say("the daemon asks for a list; its server, with version \(version), is \(serving)")
        let text = lists.text(.web, version: version, names: plan.names, eras: eras)
        switch serving {
        case .down: return
        case .failing: try stream.write(Self.response("500 Oh", "no"))
        case .page: try stream.write(Self.response("200 OK", "\n <!doctype html><p>\(text)"))
        case .empty: try stream.write(Self.response("200 OK", "# nothing\n"))
        case .cutOff:
            let whole = Self.response("200 OK", text, tag: version)
            try stream.write(Array(whole.dropLast(1 + text.utf8.count / 2)))
        case .well, .slow:
            if request.lowercased().contains("if-none-match: \"\(version)\"") {
                try stream.write(Self.response("304 Not Modified", nil, tag: version))
            } else {
                try send(Self.response("200 OK", text, tag: version), on: stream)
            }
            told = version
            truth.noteWeb(version, at: judge.now())
            judge.log.say("the daemon has version \(version) of the list")
        }
        // It has all when it has closed too.
        stream.shutdownWrite()
        _ = try? stream.read(upTo: 1, until: Hub.current.loop.now().advanced(by: .seconds(5)))
    }

    private func send(_ bytes: [UInt8], on stream: StreamSocket) throws {
        guard serving == .slow else { return try stream.write(bytes) }
        let size = max(1, bytes.count / 5)
        var start = 0
        while start < bytes.count {
            try sleep(.milliseconds(700))
            try stream.write(Array(bytes[start..<min(start + size, bytes.count)]))
            start += size
        }
    }

    private static func response(_ status: String, _ text: String?, tag: Int? = nil) -> [UInt8] {
        let length = text.map { "Content-Length: \($0.utf8.count)\r\n" } ?? ""
        let name = tag.map { "ETag: \"\($0)\"\r\n" } ?? ""
        let head = "HTTP/1.1 \(status)\r\nContent-Type: text/plain\r\n\(name)\(length)Connection: close\r\n\r\n"
        return Array((head + (text ?? "")).utf8)
    }
}

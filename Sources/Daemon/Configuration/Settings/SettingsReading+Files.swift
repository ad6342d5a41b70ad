internal import Glibc
internal import Green
internal import Resolver
internal import Upstream

/// The files that settings name, and the user: what the daemon would find when it starts.
extension SettingsReading {
    /// Reads, as the daemon will, the files of certificates, keys and addresses that settings name, and looks the user up; what is
    /// wrong is a mistake at the place of the name.
    mutating func readFiles() {
        let files = LibeventLoop().files
        for (path, upstream) in settings.writtenUpstreamAddresses {
            collect(at: [path], expected: "a file that can be used") {
                var contexts = UpstreamContexts()
                try contexts.prepare(for: [upstream], files)
            }
        }
        readCertificates(files)
        let cookieSecret = settings.cookieSecret
        collect(at: [["cookie-secret"]], expected: "a file with keys") {
            _ = try CookieSecret.read(cookieSecret, files)
        }
        for list in settings.rules.lists {
            guard let path = list.transferKey else { continue }
            collect(at: [["lists", .key(list.name), "tsig-key"]], expected: "a file with a key") {
                _ = try TransferKey.read(path, files)
            }
        }
        readAddresses(settings.choice.verify, [])
        for (number, rule) in settings.forward.enumerated() { readAddresses(rule.choice.verify, ["forward", .index(number)]) }
        // Where nobody's name can be looked up, nothing is known of one.
        if let user = settings.user, unsafe access("/etc/passwd", R_OK) == 0, unsafe getpwnam(user) == nil {
            let place = place(of: ["user"])
            faults.add(.badValue(place, problem: "there is no user \(quoted(user))", expected: "one of this machine, or root"))
        }
    }

    /// The files of `tls`: first each by itself.
    private mutating func readCertificates(_ files: any FileAccess) {
        let tls = settings.tls
        guard tls.isGiven else { return }
        let count = faults.count
        func anywhere(_ key: String) -> [[ConfigurationStep]] {
            tls.pairs.indices.map { ["tls", .index($0), .key(key)] }
        }
        var named = [(tls.clients, anywhere("clients")), (tls.sessionSecret, anywhere("session-secret"))]
        for (number, pair) in tls.pairs.enumerated() {
            named.append((pair.certificate, [["tls", .index(number), "certificate"]]))
            named.append((pair.key, [["tls", .index(number), "key"]]))
        }
        for (path, places) in named {
            guard let path, let reason = Self.reasonAgainst(path) else { continue }
            faults.add(.badValue(place(of: places), problem: "\(path): \(reason)", expected: "a file that can be read"))
        }
        for (number, pair) in tls.pairs.enumerated() where faults.count == count {
            var one = TLSSettings()
            one.pairs = [pair]
            collect(at: [["tls", .index(number), "certificate"]], expected: "a certificate and its key") {
                _ = try ServerCertificates(one, files)
            }
        }
        guard faults.count == count else { return }
        collect(at: tls.name == nil ? anywhere("clients") : anywhere("name"), expected: "files that can be used") {
            _ = try ServerCertificates(tls, files)
        }
    }

    /// The files of addresses that are suspicious.
    private mutating func readAddresses(_ verify: VerifySettings, _ path: [ConfigurationStep]) {
        for (number, suspect) in verify.suspect.enumerated() {
            guard case .file(let file) = suspect else { continue }
            collect(at: [path + ["verify", "suspect", .index(number)]], expected: "a file of addresses") {
                var lists = AddressLists()
                try lists.read([file])
            }
        }
    }

    /// Does a part of it; what goes wrong is a mistake at a place, and says what was expected where it does not do so itself.
    private mutating func collect(at paths: [[ConfigurationStep]], expected: String, _ body: () throws -> Void) {
        do {
            try body()
        } catch {
            let text =
                switch error {
                case DaemonError.upstream(let name, let reason), DaemonError.certificate(let name, let reason),
                    DaemonError.cookies(let name, let reason):
                    "\(name): \(reason)"
                default: "\(error)"
                }
            let place = place(of: paths)
            guard let mark = text.firstRange(of: "; expected ") else {
                return faults.add(.badValue(place, problem: text, expected: expected))
            }
            let (problem, own) = (text[..<mark.lowerBound], text[mark.upperBound...])
            faults.add(.badValue(place, problem: String(problem), expected: String(own)))
        }
    }

    /// Why a file cannot be read; nil where it can.
    private static func reasonAgainst(_ path: String) -> String? {
        guard unsafe access(path, R_OK) != 0 else { return nil }
        return unsafe "cannot be read: " + String(cString: strerror(errno))
    }
}

/// What is doubtful, though the daemon takes it.
extension SettingsReading {
    /// A line for each file and directory that is not there: it may come.
    func missingFiles() -> [String] {
        var lines: [String] = []
        func warn(_ path: [ConfigurationStep], _ text: String) { lines.append(place(of: path).warning(text)) }
        if let hosts = settings.hosts, let reason = Self.reasonAgainst(hosts) {
            warn(["hosts"], "\(hosts): \(reason); until it can be, it names nobody")
        }
        let files = LibeventLoop().files
        for list in settings.rules.lists {
            for (number, name) in list.from.enumerated() where !ListURL.isURL(name) {
                let path: [ConfigurationStep] = ["lists", .key(list.name), "from", .index(number)]
                let found = ListFiles([name], downloadedTo: settings.rules.listsDirectory, files)
                if !found.unmatched.isEmpty { warn(path, "no file is \(quoted(name)); until there is one, the list lacks it") }
                for file in found.files {
                    guard let reason = Self.reasonAgainst(file.path) else { continue }
                    warn(path, "\(file.path): \(reason); until it can be, the list lacks it")
                }
            }
        }
        let downloads = settings.rules.lists.contains { $0.from.contains { ListURL.isURL($0) } }
        for written in settings.writtenPaths {
            let path = written.key.split(separator: ".").map { ConfigurationStep.key(String($0)) }
            let isNeeded = written.key == "lists-directory" ? downloads : isWritten(path)
            guard isNeeded, let directory = Sandbox.directories(of: written.path).first, !Self.isDirectory(directory) else {
                continue
            }
            let isFatal = ["control", "log.queries.to"].contains(written.key)
            warn(
                path,
                "\(quoted(directory)) is no directory; "
                    + (isFatal ? "without it the daemon does not start" : "until there is one, nothing is kept there"))
        }
        return lines
    }

    /// A line for each setting that works, and may not be what is meant.
    func doubts() -> [String] {
        var lines: [String] = []
        let wide = settings.writtenListen.filter { $0.address.ip.isWildcard && $0.access.allow == nil }
        if !wide.isEmpty, !isWritten(["allow"]) {
            lines.append(
                place(of: ["listen"]).warning(
                    "\(wide.map(\.description).joined(separator: ", ")): all networks, and there is no allow: then loopback, private and "
                        + "link-local addresses may ask, and all networks that this machine is in, public ones too"))
        }
        if settings.cache.size > 0, settings.cache.staleSeconds == 0, settings.upstreams.count == 1,
            settings.choice.fallback.isEmpty
        {
            lines.append(
                place(of: ["upstreams"]).warning(
                    "there is one upstream, and cache.serve-stale is 0: while it is down, nothing but what is fresh in the cache is "
                        + "answered; a second one, fallback, or serve-stale such as 86400 helps"))
        }
        return lines
    }

    private static func isDirectory(_ path: String) -> Bool {
        var info = Glibc.stat()
        return unsafe stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    }
}

extension ConfigurationPlace {
    /// A line that warns of what stands here.
    fileprivate func warning(_ text: String) -> String {
        var position = self
        position.key = ""
        return key.isEmpty ? "\(position): warning: \(text)" : "\(position): warning: \(key): \(text)"
    }
}

/// What there is to say of a configuration that is good.
package struct CheckedSettings: Sendable {
    /// It.
    package let settings: Settings
    /// Lines about what is doubtful, each with its place.
    package let warnings: [String]
}

extension ConfigurationLoader {
    /// Reads everything, and the files that it names; throws all that is wrong, in the order of the lines.
    package func check() throws(ConfigurationError) -> CheckedSettings {
        var reading = read()
        reading.readFiles()
        try reading.check()
        return CheckedSettings(settings: reading.settings, warnings: reading.doubts() + reading.missingFiles())
    }
}

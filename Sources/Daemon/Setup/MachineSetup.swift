internal import Glibc
internal import Green

/// What to change on this machine so that it asks Vireo, and how to take it back: a plan first, files only when asked.
///
/// Who writes /etc/resolv.conf is found by what is there: NetworkManager, systemd-resolved, resolvconf, else nobody. Each has a
/// file of ours, whose name or first line says so, which is all that is taken back; a resolv.conf that is replaced is kept beside it.
package struct MachineSetup {
    /// Who says what stands in resolv.conf.
    package enum Keeper: String, CaseIterable, Sendable {
        case networkManager = "NetworkManager"
        case resolved = "systemd-resolved"
        case resolvconf = "resolvconf"
        case nobody = "a plain /etc/resolv.conf"
    }

    /// Something to do.
    package enum Step: Equatable, Sendable {
        /// A file is written, with its former self kept beside it where there was one that is not ours.
        case write(String, String, keepingAs: String?)
        /// A file of ours is removed.
        case remove(String)
        /// A file that was kept is put back.
        case restore(String, from: String)
        /// A program is to be run, so that it reads what was written.
        case run([String])
    }

    /// Why nothing can be planned or done.
    package struct Failure: Error, CustomStringConvertible {
        /// In words.
        package let description: String

        /// For these words.
        package init(description: String) { self.description = description }
    }

    /// The directory that stands for `/`.
    private let root: String
    /// What this machine is to ask.
    private let server: String

    /// The first line of each file of ours.
    static let mark = "# Written by `vireo setup`; `vireo setup --undo --apply` takes it back."
    private static let resolvConf = "/etc/resolv.conf"
    private static let former = "/etc/resolv.conf.before-vireo"
    private static let networkManagerFile = "/etc/NetworkManager/conf.d/90-vireo.conf"
    private static let resolvedFile = "/etc/systemd/resolved.conf.d/90-vireo.conf"
    private static let resolvconfFile = "/etc/resolvconf/resolv.conf.d/head"
    private static let formerHead = "/etc/resolvconf/resolv.conf.d/head.before-vireo"
    /// A file larger than this is none of those.
    private static let sizeLimit = 1 << 20

    /// A plan for the machine below `root`, an empty text for this one; `server` is an address of Vireo's.
    package init(root: String = "", server: String = "127.0.0.1") {
        var root = root
        while root.hasSuffix("/") { root.removeLast() }
        (self.root, self.server) = (root, server)
    }

    /// Who writes resolv.conf.
    package var keeper: Keeper {
        if isThere("/run/NetworkManager") { return .networkManager }
        if isThere("/run/systemd/resolve"), asksResolved { return .resolved }
        if isThere("/etc/resolvconf/resolv.conf.d") { return .resolvconf }
        return .nobody
    }

    /// Whether names are asked of systemd-resolved, which may run without being asked: a link to a file of its own, or its stub.
    private var asksResolved: Bool {
        var target = [CChar](repeating: 0, count: 4_096)
        let count = unsafe readlink(root + Self.resolvConf, &target, target.count)
        let link = String(decoding: target.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return link.contains("systemd/resolve") || (text(Self.resolvConf) ?? "").contains("127.0.0.53")
    }

    /// What to write under `upstreams`, so that those are asked whom this machine asks now; nil where nobody is known.
    package var upstreams: String? {
        switch keeper {
        case .networkManager: "from /run/NetworkManager/no-stub-resolv.conf"
        case .resolved: "from /run/systemd/resolve/resolv.conf"
        case .resolvconf, .nobody:
            servers.isEmpty ? nil : "[" + servers.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
        }
    }

    /// The servers that resolv.conf names, or named before; none on this machine itself.
    private var servers: [String] {
        let text = text(Self.former) ?? text(Self.resolvConf) ?? ""
        return ResolverConfiguration(text).nameservers.map(\.ip).filter { !$0.isLoopback }.map(\.description)
    }

    /// Whether a text is an address that can stand in resolv.conf.
    package static func isAddress(_ text: String) -> Bool { IPAddress(text).map { !$0.isWildcard } ?? false }

    // MARK: - Plans

    /// What to do so that this machine asks Vireo; nothing where all is done.
    package func steps() -> [Step] {
        switch keeper {
        case .networkManager:
            [
                write(Self.networkManagerFile, "[main]\ndns=none\n"), writeResolvConf(),
                changes(Self.networkManagerFile, "[main]\ndns=none\n") ? .run(["systemctl", "reload", "NetworkManager"]) : nil,
            ].compactMap(\.self)
        case .resolved:
            withRun(
                write(Self.resolvedFile, "[Resolve]\nDNS=\(server)\nDomains=~.\n"), ["systemctl", "restart", "systemd-resolved"])
        case .resolvconf:
            withRun(
                write(Self.resolvconfFile, "nameserver \(server)\n", keepingAs: Self.formerHead), ["resolvconf", "-u"])
        case .nobody: [writeResolvConf()].compactMap(\.self)
        }
    }

    /// What to do so that all is as it was; of each keeper, for another may have come meanwhile.
    package func undoSteps() -> [Step] {
        var steps = takeBack(Self.resolvConf, former: Self.former)
        for (path, former, command) in [
            (Self.networkManagerFile, nil, ["systemctl", "reload", "NetworkManager"]),
            (Self.resolvedFile, nil, ["systemctl", "restart", "systemd-resolved"]),
            (Self.resolvconfFile, Self.formerHead, ["resolvconf", "-u"]),
        ] as [(String, String?, [String])] {
            let back = takeBack(path, former: former)
            if !back.isEmpty { steps += back + [.run(command)] }
        }
        return steps
    }

    private func takeBack(_ path: String, former: String?) -> [Step] {
        guard isOurs(path) else { return [] }
        if let former, isThere(former) { return [.restore(path, from: former)] }
        return [.remove(path)]
    }

    private func withRun(_ step: Step?, _ command: [String]) -> [Step] { step.map { [$0, .run(command)] } ?? [] }

    private func writeResolvConf() -> Step? {
        let own = (text(Self.resolvConf) ?? "").split(whereSeparator: \.isNewline).map(String.init)
        // Where names without a dot are looked for is nobody's affair here.
        let rest = own.filter { $0.hasPrefix("search ") || $0.hasPrefix("domain ") }
        return write(
            Self.resolvConf, (["nameserver \(server)", "options edns0 trust-ad"] + rest).joined(separator: "\n") + "\n",
            keepingAs: Self.former)
    }

    private func write(_ path: String, _ body: String, keepingAs former: String? = nil) -> Step? {
        guard changes(path, body) else { return nil }
        return .write(path, Self.mark + "\n" + body, keepingAs: isThere(path) && !isOurs(path) ? former : nil)
    }

    private func changes(_ path: String, _ body: String) -> Bool { text(path) != Self.mark + "\n" + body }

    // MARK: - Files

    private func isThere(_ path: String) -> Bool {
        var info = Glibc.stat()
        return unsafe lstat(root + path, &info) == 0
    }

    private func isOurs(_ path: String) -> Bool { text(path)?.hasPrefix(Self.mark) ?? false }

    private func text(_ path: String) -> String? { try? TextFile(root + path, limit: Self.sizeLimit).read() }

    /// Does a step; programs are run on this machine alone.
    package func apply(_ step: Step) throws(Failure) {
        switch step {
        case .write(let path, let text, let former):
            if let former, !isThere(former) { try rename(path, to: former) }
            try replace(path, with: text)
        case .remove(let path): try unsafe check(unlink(root + path), path)
        case .restore(let path, let former): try rename(former, to: path)
        case .run(let command): if root.isEmpty { try execute(command) }
        }
    }

    /// Runs a program to its end.
    private func execute(_ command: [String]) throws(Failure) {
        var arguments = unsafe command.map { unsafe strdup($0) }
        unsafe arguments.append(nil)
        defer { for index in command.indices { unsafe free(arguments[index]) } }
        var (process, status): (pid_t, Int32) = (0, 0)
        guard unsafe posix_spawnp(&process, command[0], nil, nil, arguments, environ) == 0,
            unsafe waitpid(process, &status, 0) == process, status == 0
        else { throw Failure(description: "\(command.joined(separator: " ")) failed") }
    }

    private func rename(_ path: String, to new: String) throws(Failure) {
        try unsafe check(Glibc.rename(root + path, root + new), path)
    }

    /// Writes a file anew and puts it in the place of the former, so that nobody reads half of it; directories are made.
    private func replace(_ path: String, with text: String) throws(Failure) {
        var directory = root
        for part in path.split(separator: "/").dropLast() {
            directory += "/" + part
            if unsafe mkdir(directory, 0o755) != 0, errno != EEXIST { try check(-1, directory) }
        }
        let new = root + path + ".vireo-new"
        unsafe unlink(new)
        let descriptor = unsafe Glibc.open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        try check(descriptor, path)
        let bytes = Array(text.utf8)
        let count = unsafe Glibc.write(descriptor, bytes, bytes.count)
        // Whatever the umask: everybody must read it.
        let isWritten = count == bytes.count && fchmod(descriptor, 0o644) == 0 && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, unsafe Glibc.rename(new, root + path) == 0 else {
            let number = errno
            unsafe unlink(new)
            throw Failure(description: "\(path): \(unsafe String(cString: strerror(number)))")
        }
    }

    private func check(_ code: Int32, _ path: String) throws(Failure) {
        guard code < 0 else { return }
        throw Failure(description: "\(path): \(unsafe String(cString: strerror(errno)))")
    }
}

extension MachineSetup.Step: CustomStringConvertible {
    /// For people.
    package var description: String {
        switch self {
        case .write(let path, let text, let former):
            (former.map { "keep \(path) as \($0)\n" } ?? "") + "write \(path):\n"
                + text.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
        case .remove(let path): "remove \(path)"
        case .restore(let path, let former): "put \(former) back as \(path)"
        case .run(let command): "run " + command.joined(separator: " ")
        }
    }
}

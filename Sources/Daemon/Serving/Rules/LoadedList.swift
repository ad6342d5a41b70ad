internal import DNSWire
internal import Green
internal import NameRules
internal import Resolver

/// A list as it was read last.
struct LoadedList: Sendable {
    /// What the settings say of it.
    var settings: ListSettings
    /// The files that were looked at last.
    var files: ListFiles
    /// Its rules.
    var table: RuleTable
    /// What became of its lines.
    var report: ListReport
    /// When its files were read: nanoseconds since 1970.
    var loadedAt: Int64
    /// What is wrong with its files; then an earlier content stays, if there was one.
    var problems: [String] = []
    /// When it is tried again though nothing changes, where something went wrong that may not be the files' fault, on the clock
    /// that nobody sets: nanoseconds since the machine started.
    var retryAt: Int64?
    /// How often it was tried so in a row.
    var retryCount = 0
    /// The files that it came from.
    var readable: Set<String> = []
}

/// Reads lists. All of it blocks, and gives way often: for a thread of its own.
struct ListLoader: Sendable {
    /// The key of all tables.
    let key: RuleKey
    /// The files of the machine.
    let access: any FileAccess
    /// The time: nanoseconds since 1970.
    let now: Int64
    /// The same on the clock that nobody sets: nanoseconds since the machine started.
    let uptime: Int64

    /// A file larger than this is not read.
    static let sizeLimit = 1 << 30
    /// So much is read from a file at once.
    private static let pieceSize = 256 << 10
    /// So much is compiled between two turns of others (ADR 11).
    private static let turnSize = 2048

    /// What is to be known of files that have changed.
    enum Problem: Error, CustomStringConvertible {
        /// It cannot be read.
        case unreadable(String, SocketError)
        /// It was not downloaded yet.
        case notDownloaded(String)
        /// It is larger than may be.
        case tooLarge(String)
        /// It changes while it is read.
        case changing(String)

        /// Whether it may be over though the file stays as it is.
        var mayPass: Bool {
            switch self {
            case .unreadable(_, .notFound), .tooLarge, .notDownloaded: false
            case .unreadable, .changing: true
            }
        }

        var description: String {
            switch self {
            case .notDownloaded(let url): "\(url): it has not been downloaded yet"
            case .unreadable(let path, .notFound): "\(path): it is not there"
            case .unreadable(let path, let error): "\(path): \(error)"
            case .tooLarge(let path): "\(path): it is larger than \(ListLoader.sizeLimit >> 20) MiB"
            case .changing(let path): "\(path): it changes while it is read"
            }
        }
    }

    /// The lists of some settings, read where their files or settings have changed since `former`; nil where none has.
    func refreshed(_ former: [LoadedList], _ rules: RuleSettings) -> [LoadedList]? {
        var isNew = former.map(\.settings) != rules.lists
        let lists = rules.lists.map { settings in
            let files = ListFiles(settings.from, downloadedTo: rules.listsDirectory, access)
            let known = former.first { $0.settings.name == settings.name }
            let isDue = known?.retryAt.map { $0 <= uptime } ?? false
            if let known, known.files == files, known.settings == settings, !isDue { return known }
            isNew = true
            return load(settings, files, insteadOf: known)
        }
        return isNew ? lists : nil
    }

    /// Reads a list; where one of its files cannot be read, what was known of it stays.
    private func load(_ settings: ListSettings, _ files: ListFiles, insteadOf known: LoadedList?) -> LoadedList {
        var mayPass = false
        var problems = files.unmatched.map { "\(ListURL.shown($0)): no file fits" }
        if files.hasTooMany { problems.append("more than \(ListFiles.most) files") }
        var list = ListCompiler(format: settings.format, key: key)
        var readable: Set<String> = []
        // What was in force does not go because a file that it came from cannot be read now.
        var isLost = known.map { $0.files.unmatched != files.unmatched } ?? false
        for (number, file) in files.files.enumerated() {
            if number > 0 { list.beginFile(settings.format) }
            do throws(Problem) {
                try read(file, into: &list)
                readable.insert(file.path)
            } catch {
                isLost = isLost || known?.readable.contains(file.path) == true
                problems.append("\(error)")
                mayPass = mayPass || error.mayPass
            }
        }
        list.end()
        let retryCount = mayPass ? (known?.retryCount ?? 0) + 1 : 0
        let retryAt = mayPass ? uptime + Self.pause(beforeRetry: retryCount) : nil
        if !problems.isEmpty, isLost, var known, known.settings == settings {
            (known.files, known.problems, known.retryAt, known.retryCount) = (files, problems, retryAt, retryCount)
            return known
        }
        let table = table(of: &list)
        return LoadedList(
            settings: settings, files: files, table: table, report: list.report, loadedAt: now, problems: problems,
            retryAt: retryAt, retryCount: retryCount, readable: readable)
    }

    /// For how long nothing is tried after so many failures in a row, in nanoseconds: 10 s, doubled up to 5 min 20 s.
    private static func pause(beforeRetry count: Int) -> Int64 { 10_000_000_000 << Int64(min(max(count - 1, 0), 5)) }

    /// Reads a file to its end.
    private func read(_ file: ListFiles.File, into list: inout ListCompiler) throws(Problem) {
        if file.url != nil, file.stamp == nil { throw .notDownloaded(file.name) }
        if let size = file.stamp?.size, size > Self.sizeLimit { throw .tooLarge(file.name) }
        var offset = 0
        while true {
            let bytes: [UInt8]
            do throws(SocketError) {
                bytes = try access.read(file.path, from: offset, count: Self.pieceSize)
            } catch {
                throw .unreadable(file.name, error)
            }
            var start = 0
            while start < bytes.count {
                let end = min(start + Self.turnSize, bytes.count)
                list.read(bytes.span.extracting(start..<end))
                start = end
                giveWay()
            }
            offset += bytes.count
            guard offset <= Self.sizeLimit else { throw .tooLarge(file.name) }
            if bytes.count < Self.pieceSize { break }
        }
        // Written to or replaced meanwhile: what was read may be half of the one and half of the other.
        if access.stamp(file.path) != file.stamp { throw .changing(file.name) }
    }

    /// Puts a list's table in order.
    private func table(of list: inout ListCompiler) -> RuleTable {
        while true {
            if let table = list.step() { return table }
            giveWay()
        }
    }

    /// Puts lists together, and rules that were given to the running daemon, where there are any, as one more.
    func ruleSet(of lists: [LoadedList], and own: OwnRules = OwnRules(), number: UInt64) throws -> RuleSet {
        let others = own.rules.isEmpty || lists.count >= RuleSet.maximumLists ? [] : [own.table(key)]
        var builder = try RuleSetBuilder(lists.map(\.table) + others, number: number)
        while true {
            if let set = builder.step() { return set }
            giveWay()
        }
    }
}

extension RuleBook.Content {
    /// The lists that hold for each group at a moment: seconds since 1970.
    func active(at seconds: Int64) -> [ActiveLists] {
        let offset = hasSchedules ? RuleClock.offset(seconds) : 0
        return groups.active(at: seconds, zones: lists.policyZones) { _ in offset }
    }

    /// Whether there are lists that hold at times only.
    var hasSchedules: Bool { groups.groups.contains { !$0.schedules.isEmpty } }
}

extension RuleSettings {
    /// What the resolver works by, lists apart.
    func content(
        lists: RuleSet, hasOwn: Bool = false, neighbours: Neighbours = Neighbours(), at seconds: Int64
    ) -> RuleBook.Content {
        var content = RuleBook.Content()
        let hasOwn = hasOwn && self.lists.count < RuleSet.maximumLists
        content.listNames = self.lists.map(\.name) + (hasOwn ? [OwnRules.listName] : [])
        content.lists = lists
        // The settings were checked.
        content.groups = (try? groupTable(hasOwn: hasOwn, neighbours: neighbours)) ?? .none
        content.upstreams = groupUpstreams
        content.active = content.active(at: seconds)
        content.local = local.isEmpty ? nil : NameRules.LocalZone(local)
        for rewrite in rewrites { content.rewrites[rewrite.from.lowercased.wire] = rewrite.to.lowercased }
        content.refusesPrivate = privateAddresses.isRefused
        content.privateExceptions = Set(privateAddresses.exceptions.map(\.lowercased.wire))
        return content
    }
}

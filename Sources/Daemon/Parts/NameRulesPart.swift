internal import AnswerCache
internal import Green
internal import Logging
internal import NameRules
internal import Observation
internal import Resolver

/// Names by rule: reads lists, again when they change, and makes the book of rules that resolvers work by.
final class NameRulesPart: Part {
    let name = "rules"
    let hub = Hub.current
    let logger: Logger
    private let cache: MemoryCache
    private let key: RuleKey
    private var hits = ListHits()
    private(set) var settings: RuleSettings
    /// The lists as they were read last.
    private(set) var lists: [LoadedList] = []
    /// Rules that were given to the running daemon.
    var own = OwnRules()
    /// Those that are in force.
    private var ownInForce = OwnRules()
    /// Which addresses clients have that groups know by their hardware addresses, and when that is looked at next.
    private var neighbours = Neighbours()
    private var neighboursAt = Instant(nanoseconds: 0)
    /// The minute in which the machine's zone was looked at last.
    private var zoneMinute: Int64 = -1
    /// Asks the kernel about IPv6's; may block.
    var messages: @Sendable () -> [UInt8] = { Neighbours.messages() }
    /// All rules but those lists that hold at times only.
    private var content = RuleBook.Content()
    /// What is in force; nil where there are no rules.
    private(set) var book: RuleBook?
    /// How many books there have been.
    private var generation = 0
    /// Another number for each settings: a look by earlier ones that is still going on has lost its say.
    private var round = 0
    private let looking: PeriodicLook
    /// One book at a time is put in force.
    let turn = ReentrantLock()
    /// Called when the rules have changed by themselves, with the new book in place.
    var changed: () -> Void = {}

    /// Files and schedules are looked at this often.
    private static let interval = Duration.seconds(1)
    /// And neighbours this often.
    private static let neighbourInterval = Duration.seconds(10)
    /// Marks of books: 1 to this.
    private static let marks = 255

    /// The part for the rules of some settings; answers in `cache` are marked by them.
    init(_ settings: Settings, _ cache: MemoryCache, _ logger: Logger) {
        self.settings = settings.rules
        self.cache = cache
        self.logger = logger
        looking = PeriodicLook("rules", every: Self.interval, logger)
        key = RuleKey(seed: hub.loop.random())
    }

    func start() throws {
        try readOwn()
        _ = try look()
        looking.start { [weak self] in
            try self?.look() ?? false
        } tell: { [weak self] in
            self?.changed()
        }
    }

    /// Goes on by other rules. `changed` is not called: a reload tells all.
    func adopt(_ settings: Settings) throws {
        let isNew = settings.rules != self.settings
        self.settings = settings.rules
        if isNew {
            round += 1
            hits = ListHits()
        }
        _ = try look(isNew: isNew)
    }

    func status() throws -> [StatusField] {
        guard let book else { return [] }
        let names = book.content.lists.tables.reduce(0) { $0 + $1.ruleCount }
        return [
            StatusField("lists", lists.count), StatusField("names", names), StatusField("bytes", book.content.lists.byteCount),
            StatusField("blocked", book.hits.all.reduce(0, +)),
        ]
    }

    func stop() throws {
        looking.stop()
    }

    /// Whether lists have been read since the start, or there are none.
    var isLoaded: Bool { generation > 0 }

    /// How often the lists have denied something, by their numbers.
    var hitCounts: [Int] { hits.all }

    /// Reads what has changed and looks whether other lists hold now: true when there is another book. One look after the
    /// other, so that none puts in force what another has found to be over.
    func look(isNew: Bool = false) throws -> Bool { try turn.withLock { try lookInTurn(isNew: isNew) } }

    private func lookInTurn(isNew: Bool) throws -> Bool {
        let (round, settings, former) = (round, settings, lists)
        var isNew = isNew
        if try lookAtNeighbours(settings, isNew: isNew) { isNew = true }
        guard round == self.round else { return false }
        let uptime = Int64(clamping: hub.loop.bootTime())
        let loader = ListLoader(key: key, access: hub.loop.files, now: hub.loop.wallTime(), uptime: uptime)
        let seconds = hub.loop.wallTime() / 1_000_000_000
        try lookAtZone(settings, at: seconds)
        guard round == self.round else { return false }
        var content = content
        _ = own.expire(at: seconds)
        let (own, isOwnNew) = (own, own != ownInForce)
        let isEmpty = settings.lists.isEmpty && former.isEmpty && !isOwnNew && own.rules.isEmpty
        if !isEmpty || isNew || generation == 0 {
            let number = UInt64(generation + 1)
            let found =
                try isEmpty
                ? nil
                : blocking { () throws -> ([LoadedList], RuleSet)? in
                    let lists = loader.refreshed(former, settings)
                    guard lists != nil || isOwnNew else { return nil }
                    // What lists were collected in is free again, and the filter is to be made.
                    if lists != nil { giveMemoryBack() }
                    return (lists ?? former, try loader.ruleSet(of: lists ?? former, and: own, number: number))
                }
            guard round == self.round else { return false }
            content = self.content
            if let (lists, _) = found {
                tell(lists, insteadOf: former)
                self.lists = lists
                ownInForce = own
            }
            if isNew || found != nil || generation == 0 {
                content = settings.content(
                    lists: found?.1 ?? content.lists, hasOwn: !ownInForce.rules.isEmpty, neighbours: neighbours, at: seconds)
                isNew = true
            }
        }
        let active = content.active(at: seconds)
        guard isNew || active != content.active else { return false }
        content.active = active
        return try put(content, ofRound: round)
    }

    /// Looks once in a minute by which zone the schedules go, where there are any.
    private func lookAtZone(_ settings: RuleSettings, at seconds: Int64) throws {
        guard seconds / 60 != zoneMinute, settings.groups.contains(where: { !$0.schedules.isEmpty }) else { return }
        zoneMinute = seconds / 60
        try blocking { RuleClock.lookAtZone() }
    }

    /// Finds out where clients are that are known by their hardware addresses, where that is due; says whether it is as before.
    private func lookAtNeighbours(_ settings: RuleSettings, isNew: Bool) throws -> Bool {
        let wanted = settings.machines
        guard !wanted.isEmpty || !neighbours.machines.isEmpty, isNew || neighboursAt <= hub.loop.now() else { return false }
        neighboursAt = hub.loop.now().advanced(by: Self.neighbourInterval)
        let (former, files, messages) = (neighbours, hub.loop.files, messages)
        let found = try blocking {
            var next = former
            next.look(for: wanted, files, messages: messages)
            return next
        }
        guard found != former else { return false }
        neighbours = found
        ClientDirectory.shared.adopt(machines: found.names)
        return true
    }

    /// Puts a book in force, unless there are other settings by then; says whether it did.
    private func put(_ content: RuleBook.Content, ofRound round: Int) throws -> Bool {
        let number = generation
        let markRound = UInt32(truncatingIfNeeded: number / Self.marks)
        if number > 0, number % Self.marks == 0 { try takeMarksOff(before: markRound) }
        guard round == self.round else { return false }
        generation = number + 1
        self.content = content
        book =
            content.isEmpty ? nil : RuleBook(content, mark: UInt8(number % Self.marks + 1), round: markRound, hits: hits)
        return true
    }

    /// Takes all marks off answers before one is given a second time. From the beginning on none of the former round is put on
    /// any more, by no worker, so that none is left at the end.
    private func takeMarksOff(before round: UInt32) throws {
        cache.beginMarkRound(round)
        var cursor = WalkCursor()
        while cache.forgetPassed(&cursor) {
            giveWay()
            try hub.yield(afterEvents: true)
        }
    }

    /// Says what became of lists that were read.
    private func tell(_ lists: [LoadedList], insteadOf former: [LoadedList]) {
        for list in lists {
            let known = former.first { $0.settings.name == list.settings.name }
            if !list.problems.isEmpty, list.problems != known?.problems {
                let consequence = known == nil ? "the rest of it is in force" : "its last content stays"
                logger.warning(
                    "a list cannot be read; \(consequence)",
                    metadata: [
                        "list": "\(list.settings.name)", "problems": "\(list.problems.prefix(5).joined(separator: "; "))",
                    ])
            }
            guard known?.loadedAt != list.loadedAt else { continue }
            logger.info(
                "list read",
                metadata: [
                    "list": "\(list.settings.name)", "names": "\(list.table.ruleCount)", "skipped": "\(list.report.skippedCount)",
                ])
        }
    }
}

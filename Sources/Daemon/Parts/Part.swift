// What has a life of its own in the daemon is a part: it starts, follows a reload, says how it is, and stops.
//
//     LogPart          the level of the log
//     HostsPart        the hosts file, looked at each second
//     ResolvConfPart   upstreams of resolv.conf, where none are set; looked at each second
//     ListenerPart     binds every address, once for each worker
//     ObservingServer  metrics and health over HTTP
//     UserPart         gives root up, now that the ports are taken
//     QueryLogPart     the log of queries
//     DnstapPart       hands messages to who takes dnstap
//     OTLPPart         hands traces of questions to a collector
//     CertificatePart  what clients are shown over TLS, read again when it changes
//     AccessPart       who may ask, by the settings and by the networks that this machine is in
//     NameRulesPart    lists of names, read again when they change; groups, records of our own
//     PolicyPart       settings, hosts file and upstreams, as resolvers work by them; numbers the upstreams
//     SnapshotKeeper   reads the cache's snapshot; writes it now and then, and at the end
//     CachePart        bounds of what is kept; forgets what is to be kept otherwise
//     RedisWatch       hears of other instances' flushes
//     ControlServer    the control socket
//     WorkersPart      the threads that serve
//     ListDownloads    lists that have URLs, kept as files for NameRulesPart
//     PulsePart        looks at the workers: watchdog, figures, trouble
//
// `Control` makes them and holds them in a `PartList`, in this order: each may lean on those before it. They start and
// adopt settings from the first to the last and stop from the last to the first, so that queries are taken last and
// refused first, and nobody flushes any more when the snapshot is written for the last time. All of it is on the main
// thread's hub. A part that needs another is handed a closure or the other part when it is made.
//
// A new capability of the daemon is a new part in the list.

/// Something of the daemon that has a life of its own. All calls come from the main thread's hub, and may wait.
protocol Part: AnyObject {
    /// What it is called where its status is shown.
    var name: String { get }

    /// Begins its work. What it throws ends the daemon before it serves.
    func start() throws

    /// Goes on by other settings; those that a reload cannot change are as they were. What it throws takes the reload
    /// back: then every part that had adopted it is given the former settings again.
    func adopt(_ settings: Settings) throws

    /// What an operator should know of it at this moment.
    func status() throws -> [StatusField]

    /// Ends its work in good order.
    func stop() throws

    /// Takes away what would outlive a daemon that fails, and nothing else; may come at any time after `start` began.
    func abandon()
}

extension Part {
    /// Nothing to begin.
    func start() throws {}

    /// Nothing that settings change.
    func adopt(_ settings: Settings) throws {}

    /// Nothing to say.
    func status() throws -> [StatusField] { [] }

    /// Nothing to end.
    func stop() throws {}

    /// Nothing is left behind.
    func abandon() {}
}

/// One thing that a part says of itself.
struct StatusField: Equatable {
    /// What it is, as a key of the log.
    let key: String
    /// How it stands.
    let value: String

    /// A value under a key.
    init(_ key: String, _ value: some CustomStringConvertible) {
        self.key = key
        self.value = value.description
    }
}

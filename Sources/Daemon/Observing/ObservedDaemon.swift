// What can be seen of a running daemon.
//
//     vireo metrics          GET /metrics on the control socket, and on `http`
//     ObservedDaemon         where everything is read: what workers count, and what parts say of themselves
//     MetricsReport          writes it, a metric or an upstream at a time
//     HTTPServer             asks for the next piece when the client has taken the last
//
// Workers write words that are read here at any time (Observation); what they keep besides they are asked for once a second
// by `PulsePart`. Nothing that is read here holds a worker up, and no turn of the main thread is long.

internal import AnswerCache
internal import Resolver
internal import Upstream

/// Where the figures of a running daemon are read. Of the main thread's hub.
struct ObservedDaemon {
    /// What the workers share.
    let shared: SharedState
    /// How it came to be as it is.
    let life: DaemonLife
    /// The numbers of upstreams.
    var upstreams: () -> UpstreamDirectory = { UpstreamDirectory([:]) }
    /// The workers; nil where there are none, as in tests.
    var workers: WorkersPart?
    /// Names by rule.
    var rules: NameRulesPart?
    /// Lists and zones that come from elsewhere.
    var downloads: ListDownloadsPart?
    /// What clients are shown over TLS.
    var certificates: CertificatePart?
    /// What comes most often.
    var top: TopQueries?
    /// What the log of queries has.
    var queryLog: QueryLogTotals?
    /// What was handed over as dnstap.
    var dnstap: QueryLogTotals?
    /// What became of traces.
    var otlp: OTLPTotals?
    /// Whether who sees the page may change something.
    var mayControl: () -> Bool = { false }

    /// Why it is not ready to answer; nil where it is.
    var unreadiness: String? {
        if let workers, workers.serving == 0 { return "no worker serves yet" }
        if let rules, !rules.isLoaded { return "lists are not read yet" }
        let upstreams = shared.upstreams.inUse
        if upstreams.isEmpty { return "there is no upstream" }
        if upstreams.allSatisfy(\.isFailing) { return "no upstream answers" }
        return nil
    }
}

/// When the daemon started and how its reloads went. Of the main thread's hub.
final class DaemonLife {
    /// When it started, in seconds since 1970.
    let startedAt: Int64
    /// When settings were last taken over, in seconds since 1970.
    private(set) var loadedAt: Int64
    /// Reloads that went well.
    private(set) var reloads: UInt64 = 0
    /// Reloads that changed nothing because something was wrong with the settings.
    private(set) var failedReloads: UInt64 = 0

    /// One that starts at a moment.
    init(startedAt: Int64) {
        self.startedAt = startedAt
        loadedAt = startedAt
    }

    /// Settings were read again, at a moment where they were taken over.
    func noteReload(at moment: Int64?) {
        if let moment { (reloads, loadedAt) = (reloads + 1, moment) } else { failedReloads += 1 }
    }
}

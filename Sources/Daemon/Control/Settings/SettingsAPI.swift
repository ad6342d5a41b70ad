internal import Green
internal import GreenHTTP

/// What the control socket does with the daemon's settings. The daemon's main object says how, once it is there.
final class SettingsAPI {
    /// Reads the settings again, and waits for what comes of it.
    var reload: (() throws -> ReloadOutcome)?
    /// Those in force.
    var listing: (() -> SettingsListing)?

    /// Settings that are still read after this long are reported by the log alone; clients of the socket wait 30 s.
    private static let patience = Duration.seconds(25)

    /// Reads the settings again.
    func reload(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        _ = try ControlParameters(request, known: [])
        guard let outcome = try reload?() else { throw HTTPError(503, "the daemon is only starting") }
        switch outcome {
        case .refused(let problem): throw HTTPError(422, problem)
        case .taken(let report):
            return format.response {
                report.text
            } json: { writer in
                report.write(to: &writer)
            }
        }
    }

    /// Shows those in force.
    func show(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        _ = try ControlParameters(request, known: [])
        guard let listing = listing?() else { throw HTTPError(503, "the daemon is only starting") }
        return format.response {
            listing.text
        } json: { writer in
            listing.write(to: &writer)
        }
    }

    /// A reload that somebody waits for.
    final class Reload {
        private let done = Event()
        private var outcome: ReloadOutcome?

        /// Tells who waits.
        func finish(_ outcome: ReloadOutcome) {
            self.outcome = outcome
            done.set()
        }

        /// Waits for what comes of it.
        func result() throws -> ReloadOutcome {
            let hub = Hub.current
            _ = try done.wait(until: hub.loop.now().advanced(by: SettingsAPI.patience))
            guard let outcome else {
                throw HTTPError(503, "the settings are still being read; the log will say what comes of it")
            }
            return outcome
        }
    }
}

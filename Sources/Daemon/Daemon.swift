// The daemon: from settings to serving, and from there to the end.
//
//     Control         the main thread's hub: signals, reload, the end
//     Part            what starts, follows a reload, reports and stops; Control holds a list of them (Parts/Part.swift)
//     WorkerGroup     a thread, a hub and a resolver for each worker, around one SharedState
//     Worker          a QueryServer and a QueryStreamServer for each address
//
// A query's walk begins in `QueryServer.handle`. Nothing below this module reads files, environment or the command line.

internal import Glibc
internal import Green
internal import Resolver

/// The daemon as a whole.
package enum Daemon {
    /// Serves with `settings` until a signal ends it. `reload` reads the settings anew on SIGHUP; those that `sandbox` makes
    /// impossible are refused.
    package static func run(
        settings: Settings, log: Log, sandbox: Sandbox, reload: @escaping @Sendable () throws(ConfigurationError) -> Settings
    ) throws(DaemonError) {
        raiseDescriptorLimit()
        // A limit to the size of files is an error of the write, not the end of the daemon.
        signal(SIGXFSZ, SIG_IGN)
        // Nor do these mean the end, whoever sends them; SIGUSR1 asks for the figures.
        for number in [SIGUSR1, SIGUSR2, SIGALRM, SIGPIPE] { signal(number, SIG_IGN) }
        var surroundings = Surroundings.system
        surroundings.sandbox = sandbox
        surroundings.inherited = .fromEnvironment()
        var options = HubOptions()
        options.report = TaskFailures.report()
        let hub = Hub(loop: LibeventLoop(), options: options)
        do {
            try hub.run { [surroundings] in
                try serve(settings, log: log, in: surroundings, reload: reload)
            }
        } catch let error as DaemonError {
            throw error
        } catch {
            throw .worker("\(error)")
        }
    }

    /// Serves on the running hub until a signal ends it.
    package static func serve(
        _ settings: Settings, log: Log, in surroundings: Surroundings,
        reload: @escaping @Sendable () throws(ConfigurationError) -> Settings
    ) throws {
        try Control(settings, log: log, in: surroundings, reload: reload).run()
    }

    /// As many sockets as the system lets this process have.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

// How settings come about. `SettingsTable` has one entry for each key: its name, its kind, where it is kept, whether
// it may change while the daemon runs, and one line of why. From it come the reader of the YAML file, the messages of
// `vireo check`, the list of what a reload cannot change, and `config/vireo.yaml`. Defaults stand here, as the initial
// values of the properties, and nowhere else.
//
//     let settings = try ConfigurationLoader(file: "/etc/vireo/vireo.yaml", overrides: []).load()
//
// A file becomes a `ConfigurationNode` tree, which knows for each value where it was written; the table reads the
// tree into a `Settings`; the command line's options then replace what they name. Where no upstream is given,
// `ResolvConfPart` takes those of /etc/resolv.conf, and follows it. What comes out is consistent, or else there is one error
// that names the place, the fault and what was expected.
//
// To add a key: a property with its default here (or in the struct of its section) and an entry in the table.

internal import Glibc
package import Green
package import Resolver
package import Upstream

/// Everything that can be set, as plain values.
package struct Settings: Sendable, Equatable {
    /// Where queries are taken, over UDP and TCP.
    package var listen = [SocketAddress(.loopback, port: 53), SocketAddress(.loopbackV6, port: 53)]
    /// Where queries are taken over TLS and HTTP.
    package var encrypted: [ListenAddress] = []
    /// Whether these are the operator's own words: then the daemon does without none of them.
    package private(set) var namesListeners = false
    /// Who may ask where, where that is another than those who may ask elsewhere.
    package private(set) var listenerAccess: [SocketAddress: ListenerAccess] = [:]
    /// What clients are shown over TLS.
    package var tls = TLSSettings()
    /// Whose word is believed about whom they ask for.
    package var proxies: [AccessRule] = []
    /// What is done with DNS cookies.
    package var cookies = ServerCookies.Mode.answer
    /// The file with their keys; nil for keys of this process.
    package var cookieSecret: String?
    /// Connections of clients at once, for each worker.
    package var connections = 10_000
    /// Who may ask.
    package var allow: [AccessRule] = [.local]
    /// Who of them may not.
    package var deny: [AccessRule] = []
    /// How much clients may ask.
    package var rateLimit = RateLimitSettings()
    /// Who is asked what the cache does not know; none: those of resolv.conf.
    package var upstreams: [UpstreamAddress] = []
    /// The file in the form of resolv.conf that names them; nil for /etc/resolv.conf. Followed when it changes.
    package private(set) var upstreamsFrom: String?
    /// Who of them is asked, and when another.
    package var choice = ChoiceSettings()
    /// Who knows the addresses of upstreams that are known by name; none: those of resolv.conf.
    package var bootstrap: [UpstreamAddress] = []
    /// The user that a daemon started as root becomes; nil for `vireo`, where there is one.
    package var user: String?
    /// Whether the process gives up writing to files that it does not name.
    package var sandbox = true
    /// The number of threads that serve.
    package var workers = Settings.coreCount
    /// Upstreams whose AD is believed.
    package var trustAD: [UpstreamAddress] = []
    /// Whether positive answers go without what a client does not need.
    package var minimalResponses = true
    /// The longest answer over UDP.
    package var maxUDPSize = 1232
    /// How long one try of one upstream may take.
    package var timeout = Duration.seconds(2)
    /// The cache.
    package var cache = CacheSettings()
    /// The hosts file that is answered from, if any.
    package var hosts: String?
    /// Domains with upstreams of their own.
    package var forward: [ForwardRule] = []
    /// Which names are answered here rather than forwarded.
    package var localZones = LocalZones()
    /// The control socket.
    package var control = ControlSocket.Setting.usual
    /// The mode of its file.
    package var controlMode: UInt32 = 0o600
    /// Where those ask over HTTP who watch the daemon; nil for nowhere.
    package var http: SocketAddress?
    /// Who takes a copy of each message; nil: nobody.
    package var dnstap: DnstapPlace?
    /// Who takes traces; nil: nobody.
    package var otlp: OTLPSettings?
    /// What they must say; nil for nothing.
    package var httpToken: String?
    /// Whether the page is shown without it.
    package var httpPage = false
    /// Domains whose answers are kept in ways of their own.
    package var domains: [DomainRule] = []
    /// Names by rule.
    package var rules = RuleSettings()
    /// The log.
    package var log = LogSettings()
    /// The files with secrets that do not stand in the settings.
    package var httpTokenFile: String?
    /// Answers about the server itself.
    package var chaos = ChaosSettings()

    /// The file that all this was read from, where everybody may read it and should not.
    package var openFile: String?
    /// Where the keys that are set come from, each with its section.
    var origins: [String: SettingOrigin] = [:]

    /// The defaults.
    package init() {}

    /// `listen` as the operator writes it.
    var writtenListen: [ListenAddress] {
        get {
            (listen.map { ListenAddress($0) } + encrypted).map { listener in
                var listener = listener
                listener.access = listenerAccess[listener.address] ?? ListenerAccess()
                return listener
            }
        }
        set {
            listen = newValue.filter { $0.transport == .plain }.map(\.address)
            encrypted = newValue.filter { $0.transport != .plain }
            listenerAccess = [:]
            for listener in newValue where listener.access != ListenerAccess() {
                listenerAccess[listener.address] = listener.access
            }
            namesListeners = true
        }
    }

    /// The same settings, listening elsewhere; whether the operator named places is as it was.
    func listening(at places: [ListenAddress]) -> Settings {
        var result = self
        result.writtenListen = places
        result.namesListeners = namesListeners
        return result
    }

    /// The rules that say who may ask at a listener.
    func rules(at listener: SocketAddress) -> (allow: [AccessRule], deny: [AccessRule]) {
        let own = listenerAccess[listener]
        return (own?.allow ?? allow, own?.deny ?? deny)
    }

    /// `upstreams` as the operator writes it.
    var writtenUpstreams: UpstreamSource {
        get { upstreamsFrom.map { .file($0) } ?? .addresses(upstreams) }
        set {
            switch newValue {
            case .addresses(let addresses): (upstreams, upstreamsFrom) = (addresses, nil)
            case .file(let path): (upstreams, upstreamsFrom) = ([], path)
            }
        }
    }

    /// Whether the upstreams are those that resolv.conf names.
    package var asksResolvConf: Bool { upstreams.isEmpty && upstreamsFrom == nil }

    /// Every address that is listened on.
    var allAddresses: [SocketAddress] { listen + encrypted.map(\.address) }

    /// The number of processor cores that this process may use.
    package static var coreCount: Int { max(1, min(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 256)) }
}

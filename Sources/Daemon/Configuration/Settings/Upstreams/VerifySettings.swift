internal import Resolver
package import Upstream

/// How a group of plain upstreams is verified, where the network may lie.
package struct VerifySettings: Sendable, Equatable {
    /// What makes an answer suspicious.
    package enum Suspect: Sendable, Hashable {
        /// That it comes much sooner than that upstream's own round trips.
        case early
        /// That a second, different one follows.
        case twice
        /// That it has an address of a file.
        case file(String)
    }

    /// Who is asked where an answer is suspicious; none: nothing is verified.
    package var with: [UpstreamAddress] = []
    /// What makes an answer suspicious.
    package var suspect: [Suspect] = [.early, .twice]

    /// The defaults.
    package init() {}

    /// The files that are to be read.
    var files: [String] {
        suspect.compactMap { suspect in
            if case .file(let path) = suspect { return path }
            return nil
        }
    }

    /// The same as a forwarder takes it; `lists` are the files' addresses.
    func suspicions(_ lists: [String: AddressRanges]) -> Suspicions {
        var suspicions = Suspicions()
        guard !with.isEmpty else { return suspicions }
        suspicions.early = suspect.contains(.early)
        suspicions.twice = suspect.contains(.twice)
        suspicions.listed = files.reduce(AddressRanges()) { $0.union(lists[$1] ?? AddressRanges()) }
        return suspicions
    }

    /// The keys below `verify`.
    static let table = SettingsTable<VerifySettings>(
        [
            .value(
                "with", \.with, .list(of: .upstream, "addresses such as tls://192.0.2.3#dns.example"),
                SettingFacts(
                    "Resolvers to ask what is true where an answer is suspicious.", example: #"["tls://192.0.2.3#dns.example"]"#)),
            .value(
                "suspect", \.suspect, .list(of: .suspect, "early, twice, or paths of files of addresses"),
                SettingFacts(
                    "What is suspicious: early (much too soon), twice (another follows; both are so without this), files of addresses.",
                    example: "[early, twice, /etc/vireo/forged.txt]")),
        ],
        check: { verify, node throws(ConfigurationError) in
            guard verify.with.isEmpty else { return }
            throw node.failure("with is missing", expected: "{with: [\"tls://192.0.2.3#dns.example\"], suspect: [early, twice]}")
        })
}

extension SettingKind where Value == VerifySettings.Suspect {
    /// A reason for suspicion.
    static var suspect: SettingKind {
        word(
            "early, twice, or the absolute path of a file of addresses",
            print: { suspect in
                switch suspect {
                case .early: "early"
                case .twice: "twice"
                case .file(let path): quoted(path)
                }
            },
            read: { text in
                switch text {
                case "early": .early
                case "twice": .twice
                default: text.first == "/" && !text.utf8.contains(0) ? .file(text) : nil
                }
            })
    }
}

internal import Resolver

/// What is logged of queries, and where.
package struct QueryLogSettings: Sendable, Equatable {
    /// Where it is written.
    package enum Place: Sendable, Hashable {
        /// systemd's journal.
        case journal
        /// The file at a path.
        case file(String)
    }

    /// How a query is written.
    package enum Format: String, Sendable, CaseIterable {
        case text, json
    }

    /// What is shown of clients.
    package enum Privacy: String, Sendable, CaseIterable {
        /// Their addresses.
        case off
        /// The first 24 bits of an IPv4 address, the first 48 of an IPv6 address.
        case mask
        /// A number in place of an address, the same for as long as the process runs.
        case hash
    }

    /// Where it is written; nil where it is not.
    package var place: Place?
    /// How.
    package var format = Format.text
    /// Which share of the queries.
    package var sample = 1.0
    /// What is shown of clients.
    package var privacy = Privacy.off
    /// A file that has become so long is put aside; 0: never.
    package var maxSize = 0
    /// So many files that were put aside are kept.
    package var keep = 4

    /// The defaults.
    package init() {}

    /// The keys below `log.queries`.
    static let table = SettingsTable<QueryLogSettings>(
        [
            .value(
                "to", \.place, .optional(.queryLogPlace),
                SettingFacts(
                    "A file (no symbolic link) to write each query to, or journal. Without this key: nowhere. SIGHUP opens the file anew.",
                    example: "/var/log/vireo/queries.log")),
            .value(
                "format", \.format, .choice,
                SettingFacts(
                    "text (time, client, name, type, rcode, source, milliseconds, transport, outcome, client's name) or json, a line each."
                )),
            .value(
                "sample", \.sample, .share(),
                SettingFacts("Which share of the queries is logged, picked by chance: 0.01 is one in a hundred.")),
            .value(
                "privacy", \.privacy, .choice,
                SettingFacts("What is written of clients: off (the address), mask (/24 or /48), hash (a number until a restart).")
            ),
            .value(
                "max-size", \.maxSize, .size((1 << 10)...(1 << 40)),
                SettingFacts("A file that has become so long is put aside as .1; 0: never.")),
            .value("keep", \.keep, .integer(0...99), SettingFacts("So many files that were put aside are kept.")),
        ])
}

extension SettingKind where Value: RawRepresentable<String> & CaseIterable & Sendable & Equatable {
    /// One of some words.
    fileprivate static var choice: SettingKind {
        let words = Value.allCases.map(\.rawValue)
        return word("one of " + words.joined(separator: ", "), words: words, print: { $0.rawValue }) { Value(rawValue: $0) }
    }
}

extension SettingKind where Value == QueryLogSettings.Place {
    /// Where queries are logged.
    fileprivate static var queryLogPlace: SettingKind {
        word(
            "the absolute path of a file, or journal", words: ["journal"],
            print: { place in
                switch place {
                case .journal: "journal"
                case .file(let path): quoted(path)
                }
            },
            read: { text in
                if text == "journal" { return .journal }
                return text.first == "/" && text.last != "/" && text.utf8.count < 4_000 && !text.utf8.contains(0)
                    ? .file(text) : nil
            })
    }
}

extension SettingKind where Value == Double {
    /// A share of a whole, or, where that is allowed, 0 for none.
    static func share(orNone: Bool = false) -> SettingKind {
        let expected = "a share from 0.000001 to 1, such as 0.01" + (orNone ? ", or 0 for none" : "")
        return word(expected, print: { $0 == 1 ? "1" : $0 == 0 ? "0" : "\($0)" }) { text in
            guard text.utf8.count <= 10, text.utf8.allSatisfy({ (48...57).contains($0) || $0 == 46 }), let share = Double(text)
            else { return nil }
            return (0.000_001...1).contains(share) || orNone && share == 0 ? share : nil
        }
    }
}

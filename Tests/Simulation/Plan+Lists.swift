internal import TestSupport

/// How a server of lists behaves.
package enum ListServing: String, CaseIterable, Sendable {
    /// Gives the list, or says that it has not changed.
    case well
    /// The same, piece by piece, for some seconds.
    case slow
    /// The connection ends in the middle.
    case cutOff
    /// A page for people, called text.
    case page
    /// A list without a name.
    case empty
    /// 500.
    case failing
    /// Accepts nothing.
    case down

    /// Whether a list comes of asking it.
    var isGood: Bool { self == .well || self == .slow }
}

/// Something that happens to lists.
package enum ListOccurrence: Hashable, Sendable {
    /// A list has other names from now on.
    case change(ListPlan.Source)
    /// The file is not there any more.
    case removal
    case serving(ListServing)
}

/// Lists of names, and which clients they hold for.
package struct ListPlan: Sendable {
    /// Where a list is: a file of the daemon's machine, or the web.
    package enum Source: String, CaseIterable, Sendable {
        case file, web
    }

    /// Whether the clients with odd numbers are a group with the list of the web, and the others have that of the file. Else
    /// both lists hold for all.
    package let hasGroups: Bool
    /// Whether the group's list changes places with the others' at each reload.
    package let swaps: Bool
    /// How the server behaves at first.
    package let serving: ListServing
    /// How often the list is asked for, in seconds.
    let refresh: Int
    /// How the lists are written.
    private let format: Format
    private let seed: UInt64

    /// How lists are written, which each file's content tells.
    private enum Format: String, CaseIterable {
        case domains, hosts, adblock
    }

    /// Where the file is.
    static let path = "/etc/vireo/lists/file.txt"
    /// Where the web is.
    static let address = "10.0.5.1"

    /// What a seed says.
    init(_ seed: UInt64, _ numbers: inout SeededNumbers) {
        func draw(_ range: Range<Int>) -> Int { Int.random(in: range, using: &numbers) }
        self.seed = seed
        hasGroups = draw(0..<3) > 0
        swaps = draw(0..<2) == 0
        serving = draw(0..<2) == 0 ? .well : ListServing.allCases[draw(0..<ListServing.allCases.count)]
        refresh = draw(60..<150)
        format = Format.allCases[draw(0..<Format.allCases.count)]
    }

    /// What happens, one to six things.
    static func events(_ numbers: inout SeededNumbers, seconds: Int) -> [(number: Int, at: Int, what: Occurrence)] {
        func draw(_ range: Range<Int>) -> Int { Int.random(in: range, using: &numbers) }
        return (0..<draw(1..<7)).map { number in
            let what: ListOccurrence =
                switch draw(0..<8) {
                case 0...2: .change(.file)
                case 3, 4: .change(.web)
                case 5: .removal
                default: .serving(ListServing.allCases[draw(0..<ListServing.allCases.count)])
                }
            return (100 + number, draw(0..<seconds), .list(what))
        }
    }

    /// Whether a list has a name in a version. Version -1 is that there is no list.
    func has(_ name: String, _ source: Source, version: Int) -> Bool {
        // Names of one who floods are on no list.
        guard version >= 0, !name.hasSuffix(".flood.org") else { return false }
        let salt = seed ^ UInt64(version) << 8 ^ (source == .file ? 1 : 2)
        var numbers = SeededNumbers(seed: name.utf8.reduce(salt) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 })
        return numbers.next() % 5 == 0
    }

    /// A list's text in a version: names that clients ask for, and names that those stand for.
    func text(_ source: Source, version: Int, names: Int, eras: Int) -> String {
        let all = (0..<names).flatMap { number in
            [Plan.name(number)] + (0..<eras).flatMap { era in (0..<3).map { "k\($0)-\(era).\(Plan.name(number))" } }
        }
        // One that nobody asks for, so that no list is without a name.
        let lines = (["list-\(version).example"] + all.filter { has($0, source, version: version) }).map { name in
            switch format {
            case .domains: name
            case .hosts: "0.0.0.0 \(name)"
            case .adblock: "||\(name)^"
            }
        }
        return "# version \(version)\n" + lines.joined(separator: "\n") + "\n"
    }

    /// The lists that hold for a client after so many reloads.
    func sources(ofClient number: Int, round: Int) -> [Source] {
        guard hasGroups else { return Source.allCases }
        let isOfGroup = number % 2 == 1
        return [isOfGroup != (swaps && round % 2 == 1) ? .web : .file]
    }

    /// The settings in YAML.
    func settings(round: Int) -> String {
        let groups = [1, 0].map { number in
            let clients = number == 1 ? ", clients: [10.0.3.2, 10.0.3.4, 10.0.3.6]" : ""
            let block = sources(ofClient: number, round: round).map(\.rawValue).joined(separator: ", ")
            return "{name: \(number == 1 ? "odd" : "default")\(clients), block: [\(block)]}"
        }
        return """
            lists:
              file: {from: ["\(Self.path)"]}
              web: {from: ["http://\(Self.address)/list.txt"], refresh: \(refresh)s}
            lists-directory: /var/cache/vireo
            \(hasGroups ? "groups: [\(groups.joined(separator: ", "))]" : "")

            """
    }
}

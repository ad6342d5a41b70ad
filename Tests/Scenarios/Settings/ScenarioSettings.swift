/// What stands in front of CONFIG_END, and what the daemon makes of it.
package struct ScenarioSettings: Sendable {
    /// A setting of another server.
    struct Foreign: Sendable {
        let section: String
        let key: String
        let value: String
        let line: Int
    }

    /// Our own settings, the YAML below `vireo:`.
    var own: String?
    /// Where that begins in the file.
    package internal(set) var ownLine = 0
    /// Settings of other servers, in their order.
    var foreign: [Foreign] = []
    /// Files that the daemon's machine has, by path.
    package internal(set) var files: [String: String] = [:]
    /// Seconds since 1970 at the start; nil for the world's own time.
    package internal(set) var startTime: Int64?
    /// Keys of other servers that mean nothing here.
    package internal(set) var unknownKeys: [String] = []
    /// The daemon's settings as YAML, without where it listens.
    package internal(set) var yaml = ""

    /// Who is asked where a file names nobody.
    package static let usualUpstream = "192.0.2.53"

    /// Who asks where a step names nobody.
    package static let usualClient = "10.0.0.2"

    /// No settings.
    package init() {}

    /// Makes YAML of all that was read. With `isStrict` a key that means nothing here is an error.
    mutating func finish(file: String, isStrict: Bool) throws(ScenarioError) {
        var translation = UnboundTranslation(file: file)
        for setting in foreign { try translation.take(setting) }
        startTime = translation.startTime
        unknownKeys = translation.unknownKeys.map(\.key)
        if isStrict, let first = translation.unknownKeys.first {
            throw ScenarioError(
                file: file, line: first.line, reason: "setting \(first.key)",
                detail: "\(first.key): this setting of another server means nothing here")
        }
        let isForeign = own == nil && !foreign.isEmpty
        yaml = (own ?? "") + (isForeign ? translation.yaml : "")
        if !yaml.split(separator: "\n").contains(where: { $0.hasPrefix("upstreams:") }) {
            yaml += "upstreams: [\"\(Self.usualUpstream)\"]\n"
        }
    }

    /// Every address in the settings, with a port where it has one: each is a host that answers as the ranges say.
    package var hosts: [(address: String, port: UInt16)] {
        var found: [(String, UInt16)] = []
        let separators = Set(" \t\n\"',[]{}#@()")
        for word in yaml.split(whereSeparator: { separators.contains($0) }) where !word.contains("/") {
            let parts = word.split(separator: ":", omittingEmptySubsequences: false)
            let isVersion4 = parts[0].split(separator: ".").count == 4
            if isVersion4, parts.count <= 2 {
                found.append((String(parts[0]), parts.count == 2 ? UInt16(parts[1]) ?? 53 : 53))
            } else if parts.count > 2 {
                found.append((String(word), 53))
            }
        }
        return found
    }
}

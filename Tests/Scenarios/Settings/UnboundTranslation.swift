internal import DNSWire

/// Unbound's settings as ours, as far as they mean something to a caching forwarder.
struct UnboundTranslation {
    private let file: String
    /// Seconds since 1970 at which the script plays.
    private(set) var startTime: Int64?
    /// Keys that mean nothing here and are not known to do no harm.
    private(set) var unknownKeys: [(key: String, line: Int)] = []
    private var top = ["cookies: \"off\"", "private-addresses: allow", "local-zones: {single-label: false}"]
    private var cache: [String: String] = [:]
    private var allowed: [String] = []
    private var denied: [String] = []
    private var records: [String] = []
    private var chaos: [String: String] = [:]
    private var zones: [(domain: String, upstreams: [String])] = []
    private var privateDomains: [String] = []
    private var refusesPrivate = false
    private var servesStale = false
    private var staleSeconds = 86_400

    init(file: String) {
        self.file = file
    }

    /// Sections that a setting may stand in.
    static let sections: Set<String> = [
        "server", "stub-zone", "forward-zone", "auth-zone", "rpz", "view", "python", "dynlib", "remote-control", "cachedb",
        "dnscrypt", "ipset", "dnstap",
    ]

    /// Takes one setting; throws where the script stands on something that is not here.
    mutating func take(_ setting: ScenarioSettings.Foreign) throws(ScenarioError) {
        if let need = UnboundKeys.needs[setting.section] { throw refusal(setting, need) }
        switch setting.section {
        case "stub-zone", "forward-zone": try takeZone(setting)
        case _ where setting.key.isEmpty: return
        default: try takeServer(setting)
        }
    }

    private func refusal(_ setting: ScenarioSettings.Foreign, _ need: String) -> ScenarioError {
        let name = setting.key.isEmpty ? setting.section : setting.key
        return ScenarioError(
            file: file, line: setting.line, reason: "needs \(need)", detail: "\(name): needs \(need), which is not here")
    }

    // MARK: - Zones

    private mutating func takeZone(_ setting: ScenarioSettings.Foreign) throws(ScenarioError) {
        switch setting.key {
        case "": zones.append((".", []))
        case "name": zones[zones.count - 1].domain = setting.value
        case "stub-addr", "forward-addr": zones[zones.count - 1].upstreams.append(Self.upstream(setting.value))
        case "forward-tcp-upstream", "stub-tcp-upstream":
            guard setting.value == "yes" else { return }
            zones[zones.count - 1].upstreams = zones[zones.count - 1].upstreams.map { "tcp://\($0)" }
        case "forward-tls-upstream", "stub-tls-upstream": throw refusal(setting, "certificates")
        case "forward-host", "stub-host": throw refusal(setting, "upstreams by name")
        default: if !UnboundKeys.harmless.contains(setting.key) { unknownKeys.append((setting.key, setting.line)) }
        }
    }

    /// `192.0.2.1@5353` as `192.0.2.1:5353`.
    private static func upstream(_ value: String) -> String {
        let parts = value.split(separator: "#")[0].split(separator: "@").map(String.init)
        guard parts.count == 2 else { return parts[0] }
        return parts[0].contains(":") ? "[\(parts[0])]:\(parts[1])" : "\(parts[0]):\(parts[1])"
    }

    // MARK: - Server

    private mutating func takeServer(_ setting: ScenarioSettings.Foreign) throws(ScenarioError) {
        let isOn = setting.value == "yes" || setting.value == "on"
        switch setting.key {
        case "cache-max-ttl": cache["max-ttl"] = setting.value
        case "cache-min-ttl": cache["min-ttl"] = setting.value
        case "cache-max-negative-ttl": cache["negative-ttl"] = setting.value
        case "prefetch": cache["prefetch"] = isOn ? "true" : "false"
        case "serve-expired": servesStale = isOn
        case "serve-expired-ttl": staleSeconds = Int(setting.value).flatMap { $0 > 0 ? $0 : nil } ?? 86_400
        case "serve-expired-client-timeout": cache["stale-client-timeout"] = "\(setting.value)ms"
        case "minimal-responses": top.append("minimal-responses: \(isOn)")
        case "max-udp-size": top.append("max-udp-size: \(setting.value)")
        case "private-address": refusesPrivate = true
        case "private-domain": privateDomains.append(setting.value)
        case "local-data": records.append(setting.value.replacing("'", with: "\""))
        case "local-zone": try takeLocalZone(setting)
        case "access-control": try takeAccess(setting)
        case "identity": chaos["id"] = setting.value
        case "version": chaos["version"] = setting.value
        case "val-override-date": startTime = Self.date(setting.value)
        case "stub-addr": zones.append((".", [setting.value]))
        case "module-config":
            let others = setting.value.split(separator: " ").filter { !["validator", "iterator"].contains($0) }
            if let module = others.first { throw refusal(setting, "module \(module)") }
        default:
            if let need = UnboundKeys.needs[setting.key] { throw refusal(setting, need) }
            if !UnboundKeys.harmless.contains(setting.key) { unknownKeys.append((setting.key, setting.line)) }
        }
    }

    /// `local-zone: NAME KIND`: the kinds that a line of our local records can say.
    private mutating func takeLocalZone(_ setting: ScenarioSettings.Foreign) throws(ScenarioError) {
        let words = setting.value.replacing("\"", with: "").split(separator: " ").map(String.init)
        guard words.count == 2 else { throw refusal(setting, "a local zone of this form") }
        switch words[1] {
        case "transparent", "nodefault": return
        case "always_nxdomain": records.append("\(words[0]): nxdomain")
        case "always_refuse": records.append("\(words[0]): refused")
        default: throw refusal(setting, "local zones of kind \(words[1])")
        }
    }

    private mutating func takeAccess(_ setting: ScenarioSettings.Foreign) throws(ScenarioError) {
        let words = setting.value.split(separator: " ").map(String.init)
        guard words.count == 2 else { throw refusal(setting, "access control of this form") }
        // Who asks without an address of his own is 127.0.0.1 there.
        let client = words[0].hasPrefix("127.0.0.") ? ScenarioSettings.usualClient : words[0]
        switch words[1] {
        case "allow", "allow_snoop", "allow_setrd": allowed.append(client)
        case "refuse": denied.append(client)
        default: throw refusal(setting, "access control of kind \(words[1])")
        }
    }

    /// Seconds since 1970, or YYYYMMDDHHMMSS; nil for what turns the check off.
    private static func date(_ value: String) -> Int64? {
        guard value.count != 14 else { return SignatureTime(value).map { Int64($0.rawValue) } }
        return Int64(value).flatMap { $0 > 0 ? $0 : nil }
    }

    // MARK: - YAML

    /// All of it.
    var yaml: String {
        var lines = top
        func list(_ values: [String]) -> String { "[" + values.map { "\"\($0)\"" }.joined(separator: ", ") + "]" }
        lines.append("allow: \(list(allowed.isEmpty ? ["any"] : allowed))")
        if !denied.isEmpty { lines.append("deny: \(list(denied))") }
        let root = zones.last { $0.domain == "." && !$0.upstreams.isEmpty }
        let others = zones.filter { $0.domain != "." && !$0.upstreams.isEmpty }
        if let root {
            lines.append("upstreams: \(list(root.upstreams))")
        } else if others.count == 1 {
            lines.append("upstreams: \(list(others[0].upstreams))")
        }
        if !others.isEmpty {
            let forwards = others.map { "{domain: \"\($0.domain)\", upstreams: \(list($0.upstreams))}" }
            lines.append("forward: [\(forwards.joined(separator: ", "))]")
        }
        var cache = cache
        if servesStale { cache["serve-stale"] = "\(staleSeconds)" }
        if !cache.isEmpty {
            lines.append("cache: {\(cache.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))}")
        }
        if !chaos.isEmpty {
            lines.append(
                "chaos: {\(chaos.sorted { $0.key < $1.key }.map { "\($0.key): \"\($0.value)\"" }.joined(separator: ", "))}")
        }
        if !records.isEmpty { lines += ["local: |"] + records.map { "  \($0)" } }
        if refusesPrivate {
            lines.removeAll { $0.hasPrefix("private-addresses") }
            lines.append("private-addresses: " + (privateDomains.isEmpty ? "refuse" : "{except: \(list(privateDomains))}"))
        }
        return lines.map { "\($0)\n" }.joined()
    }
}

import DNSWire
import TestSupport

/// Many small domains, each with names, aliases and wildcards of its own, and rules for them in three policy zones: all of it
/// determined by a seed.
///
/// What Vireo means to do otherwise than BIND is left out of the questions, or not made (`PolicyZoneCases.byHand` has it): in a
/// domain no zone with rules about addresses stands before one with rules about names, only the first zone lets names pass, and
/// no address leads below a wildcard.
struct RandomPolicyZones {
    private(set) var cases = PolicyZoneCases(world: "", zones: ["", "", ""], questions: [])
    /// How many questions were left out, since a name that others stand below hides a wildcard in BIND alone.
    private(set) var hiddenCount = 0

    private var random: SeededNumbers
    /// Where the world's aliases lead.
    private var targets: [String: String] = [:]
    /// The owners of each zone's rules, and whatever stands above them.
    private var owners: [Set<String>] = [[], [], []]
    private var existing: [Set<String>] = [[], [], []]

    /// Makes so many domains.
    init(seed: UInt64, count: Int) {
        random = SeededNumbers(seed: seed)
        cases.world = "walled A 192.0.2.99\nwalled AAAA 2001:db8:ffff::9\n*.walled A 192.0.2.98\n"
        for number in 0..<count { addDomain(number) }
        let all = cases.questions
        cases.questions = all.filter { !isHidden($0.name.dropLast(".example.".count).lowercased()) }
        hiddenCount = all.count - cases.questions.count
    }

    private mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }

    private mutating func one<Value>(of values: [Value]) -> Value { values[below(values.count)] }

    /// A name of one to three labels in a domain.
    private mutating func name(in domain: String) -> String {
        let labels = ["a", "b", "www", "x-1", "_s", "xn--bcher-kva", #"q\.r"#, "1"]
        return (0..<1 + below(3)).map { _ in one(of: labels) + "." }.joined() + domain
    }

    /// An address of a domain, in one of a few networks.
    private mutating func address(_ number: Int, isIPv4: Bool) -> String {
        let (net, host) = (one(of: [0, 64, 96, 128]), 1 + below(6))
        return isIPv4 ? "198.18.\(number).\(net + host)" : "2001:db8:\(number):\(net)::\(host)"
    }

    private mutating func addDomain(_ number: Int) {
        let domain = "z\(number)"
        var names: [String] = []
        for _ in 0..<10 {
            let host = name(in: domain)
            guard !names.contains(host) else { continue }
            cases.world += records(of: host, aliases: names, number)
            names.append(host)
        }
        // Behind the zone of rules about addresses none has any about names.
        let last = below(3)
        for _ in 0..<8 { addRule(of: below(last + 1), names, domain) }
        for _ in 0..<below(4) { addAddressRule(of: last, number) }
        let others = names.map { "x.\($0)" } + (0..<4).map { _ in name(in: domain) }
        for name in names {
            // Who asks for the alias itself is told otherwise of one to what is denied.
            let other = one(of: [.mx, .txt, .https, targets[name] == nil ? RecordType.cname : .ns])
            for type in [.a, .aaaa, other] { ask(name, type) }
        }
        for name in others.shuffled(using: &random).prefix(8) { ask(name, one(of: [.a, .a, .aaaa, .txt])) }
    }

    private mutating func ask(_ name: String, _ type: RecordType) {
        let name = EndToEnd.AgreementTests.mixed("\(name).example.", &random)
        cases.questions.append(PolicyQuestion(name: name, type: type))
    }

    /// The world's records of a name.
    private mutating func records(of name: String, aliases: [String], _ number: Int) -> String {
        func lines(_ data: [String]) -> String { data.map { "\(name) \($0)\n" }.joined() }
        let both = ["A \(address(number, isIPv4: true))", "AAAA \(address(number, isIPv4: false))"]
        switch below(8) {
        case 0...2 where !aliases.isEmpty:
            let target = one(of: aliases)
            targets[name] = target
            return lines(["CNAME \(target)"])
        case 3: return lines(["TXT \"\(name.replacing("\\", with: ""))\"", "MX 10 walled", "HTTPS 1 . alpn=h2"])
        case 4:
            return lines(both) + "*.\(name) A \(address(number, isIPv4: true))\n"
        case 5: return lines([one(of: both)])
        default: return lines((0..<3).map { _ in "A \(address(number, isIPv4: true))" } + both)
        }
    }

    /// What a rule does; only some zones let names pass.
    private mutating func action(passes: Bool) -> [String] {
        switch below(20) {
        case 0...3: ["CNAME ."]
        case 4...6: ["CNAME *."]
        case 7...10 where passes: ["CNAME rpz-passthru."]
        case 11, 12: ["CNAME rpz-tcp-only."]
        case 13, 14: ["CNAME walled.example."]
        case 15: ["CNAME *.walled.example."]
        case 16 where below(4) == 0: ["CNAME rpz-drop."]
        default:
            ["10 A 192.0.2.\(below(99))", "10 A 192.0.2.1\(below(99))", "11 AAAA 2001:db8:f::1", "12 TXT x", "13 MX 1 mx.a."]
                .shuffled(using: &random).dropLast(below(5))
        }
    }

    private mutating func addRule(of zone: Int, _ names: [String], _ domain: String) {
        var owner = below(4) == 0 ? name(in: domain) : one(of: names)
        if below(5) < 2 { owner = "*." + (below(2) == 0 ? owner : Self.parent(of: owner) ?? domain) }
        guard owners[zone].insert(owner).inserted else { return }
        var above = owner
        while existing[zone].insert(above).inserted, let parent = Self.parent(of: above) { above = parent }
        for line in action(passes: zone == 0) { cases.zones[zone] += "\(owner).example \(line)\n" }
    }

    private mutating func addAddressRule(of zone: Int, _ number: Int) {
        let net = one(of: [0, 64, 96, 128])
        // A word that is 0 is part of what `zz` stands for.
        let words = (net == 0 ? "zz." : "zz.\(net).") + "\(number).db8.2001"
        let owner = one(of: [
            "24.0.\(number).18.198", "25.128.\(number).18.198", "27.\(net).\(number).18.198",
            "32.\(net + 1 + below(6)).\(number).18.198", "48.zz.\(number).db8.2001", "64.\(words)",
            "128.\(1 + below(6)).\(words)",
        ])
        guard number > 0, owners[zone].insert(owner).inserted else { return }
        for line in action(passes: true) where !line.hasPrefix("CNAME *.w") { cases.zones[zone] += "\(owner).rpz-ip \(line)\n" }
    }

    /// The name without its first label; nil for a domain.
    private static func parent(of name: String) -> String? {
        var isEscaped = false
        for index in name.indices {
            if name[index] == ".", !isEscaped { return String(name[name.index(after: index)...]) }
            isEscaped = name[index] == "\\" && !isEscaped
        }
        return nil
    }

    /// Whether a name, or one that it is an alias for, is hidden from a wildcard by one that exists in the zone.
    private func isHidden(_ name: String) -> Bool {
        var next: String? = name
        while let name = next {
            if (0..<3).contains(where: { isHidden(name, in: $0) }) { return true }
            next = targets[name]
        }
        return false
    }

    private func isHidden(_ name: String, in zone: Int) -> Bool {
        guard !owners[zone].contains(name) else { return false }
        var isBelowOther = existing[zone].contains(name)
        var above = Self.parent(of: name)
        while let parent = above {
            if owners[zone].contains("*.\(parent)") { return isBelowOther }
            isBelowOther = isBelowOther || existing[zone].contains(parent)
            above = Self.parent(of: parent)
        }
        return false
    }
}

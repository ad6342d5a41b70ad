/// Clients that are treated alike: who they are, and which lists hold for them.
package struct Group: Hashable, Sendable {
    /// Its name.
    package var name: String
    /// Addresses of its clients; the longest prefix of all groups decides.
    package var prefixes: [AddressPrefix] = []
    /// Names of its clients, as TLS, certificates or paths over HTTPS say them.
    package var clientNames: Set<String> = []
    /// Lists whose rules deny, a bit for each.
    package var blocks: UInt64 = 0
    /// Lists that let pass whatever they name, a bit for each.
    package var allows: UInt64 = 0
    /// When lists hold; those without a schedule always do.
    package var schedules: [Int: Schedule] = [:]
    /// What clients are told of a denied name.
    package var blockAnswer = BlockAnswer.zero
    /// Whether search engines are to leave out what is not for children.
    package var usesSafeSearch = false

    /// Puts a group together.
    package init(name: String) { self.name = name }

    /// The lists that hold now: those without a schedule, and those whose schedule does. To be asked once a minute, not
    /// for each query. `zones` says which lists are policy zones (`RuleSet.policyZones`), a bit for each.
    package func active(at seconds: Int64, zones: UInt64 = 0, offset: (Int64) -> Int) -> ActiveLists {
        var off: UInt64 = 0
        for (list, schedule) in schedules where (0..<64).contains(list) && !schedule.contains(seconds, offset: offset) {
            off |= 1 << UInt64(list)
        }
        return ActiveLists(blocks: blocks & ~off, allows: allows & ~off, zones: zones)
    }
}

/// The lists that hold for a group at a time.
package struct ActiveLists: Hashable, Sendable {
    /// Lists whose rules deny.
    package var blocks: UInt64
    /// Lists that let pass.
    package var allows: UInt64
    /// Which of those that deny are policy zones: the first of them that says anything is the only one to be heard.
    package var zones: UInt64

    /// Puts them together.
    package init(blocks: UInt64, allows: UInt64, zones: UInt64 = 0) {
        self.blocks = blocks
        self.allows = allows
        self.zones = zones & blocks & ~allows
    }

    /// The lists that deny, but for policy zones behind the first one that says anything.
    @inline(__always) private func heard(_ verdicts: ListVerdicts) -> UInt64 {
        let speaking = verdicts.any & zones
        return blocks & ~(speaking & (speaking &- 1))
    }

    /// What the group does with a name, and the list that says so. Important rules go before others, and what lets pass goes
    /// before what denies: an exception of a list that the group blocks by counts for all of them, and so does any rule of a
    /// list that the group allows. Of policy zones the first one that says anything is heard, whatever later ones let pass or deny.
    package func decide(_ verdicts: ListVerdicts) -> GroupDecision {
        let blocks = heard(verdicts)
        let lists = blocks | allows
        let passes = verdicts.any & allows | verdicts.allowed & lists
        for (bits, isAllow) in [
            (verdicts.allowedImportantly & lists, true), (verdicts.deniedImportantly & blocks & ~allows, false),
            (passes, true), (verdicts.denied & blocks, false),
        ] where bits != 0 {
            return isAllow ? .allow(list: bits.trailingZeroBitCount) : .deny(list: bits.trailingZeroBitCount)
        }
        return .none
    }

    /// Whether the group denies a name: `decide` in a few instructions.
    @inline(__always) package func denies(_ verdicts: ListVerdicts) -> Bool {
        let blocks = heard(verdicts)
        let lists = blocks | allows
        guard verdicts.allowedImportantly & lists == 0 else { return false }
        if verdicts.deniedImportantly & blocks & ~allows != 0 { return true }
        return (verdicts.any & allows | verdicts.allowed & lists) == 0 && verdicts.denied & blocks != 0
    }
}

/// What a group does with a name.
package enum GroupDecision: Hashable, Sendable {
    /// No list of the group says anything.
    case none
    /// It passes, because this list says so.
    case allow(list: Int)
    /// It is denied, because this list says so.
    case deny(list: Int)
}

/// What clients are told of a denied name.
package enum BlockAnswer: Hashable, Sendable {
    /// 0.0.0.0 and ::, and no data of other types.
    case zero
    /// There is no such name.
    case nxdomain
    /// The name has no data.
    case nodata
    /// REFUSED.
    case refused
    /// These addresses, and no data of other types.
    case addresses(ipv4: IPAddress?, ipv6: IPAddress?)

    /// Reads a setting: `zero`, `nxdomain`, `nodata`, `refused`, an address or two.
    package init?(_ text: String) {
        switch text {
        case "zero": self = .zero
        case "nxdomain": self = .nxdomain
        case "nodata": self = .nodata
        case "refused": self = .refused
        default:
            var (ipv4, ipv6): (IPAddress?, IPAddress?) = (nil, nil)
            for word in text.split(whereSeparator: { $0 == " " || $0 == "," }) {
                guard let address = IPAddress(word) else { return nil }
                if address.isIPv4, ipv4 == nil {
                    ipv4 = address
                } else if !address.isIPv4, ipv6 == nil {
                    ipv6 = address
                } else {
                    return nil
                }
            }
            guard ipv4 != nil || ipv6 != nil else { return nil }
            self = .addresses(ipv4: ipv4, ipv6: ipv6)
        }
    }
}

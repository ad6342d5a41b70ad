internal import DNSWire

/// What lists have to do with an answer.
extension Judge {
    /// Whether a name was denied to who asked, by any list that may have been in force.
    private func verdict(_ name: String, _ asked: Asked) -> (surely: Bool, perhaps: Bool) {
        lists?.denies(name, to: asked.client, asked: asked.at, answered: now()) ?? (false, false)
    }

    /// Whether the name asked for is on a list that holds for who asked.
    func isListed(_ given: Given) -> Bool { lists != nil && verdict(given.asked.name, given.asked).surely }

    /// Whether it may be, or a name that it stood for at any time.
    func mayBeListed(_ given: Given) -> Bool {
        guard lists != nil else { return false }
        let asked = given.asked
        if verdict(asked.name, asked).perhaps { return true }
        return (0...era).contains { era in
            Self.targets(zone.whole(asked.name, asked.type, era: era).answers).contains { verdict($0, asked).perhaps }
        }
    }

    /// Whether a client is denied what a question is answered with at present: its name, or one that it stands for.
    func isDenied(_ asked: Asked) -> Bool {
        let names = [asked.name] + Self.targets(zone.whole(asked.name, asked.type, era: era).answers)
        return denied[asked.name] != nil || lists != nil && names.contains { verdict($0, asked).perhaps }
    }

    /// Whether an answer has an alias onto a name that is on a list that holds for who asked.
    func hasListedAlias(_ given: Given) -> Bool {
        lists != nil && Self.targets(given.answer.answers).contains { verdict($0, given.asked).surely }
    }

    private static func targets(_ records: [ResourceRecord]) -> [String] {
        records.compactMap { if case .cname(let alias) = $0.data { ZoneTruth.text(alias.target) } else { nil } }
    }
}

import Belief
import DNSWire

/// A reply of a stranger against a model of what may be kept of it.
enum BeliefTarget {
    private static let rules = Belief.Rules(seed: 7)

    /// Reads any bytes as the reply to the question that stands in them.
    static func belief(_ bytes: [UInt8]) {
        guard bytes.count > 3, let asked = question(bytes) else {
            _ = Belief.read(bytes, to: Asked([3, 0x77, 0x77, 0x77, 0], .a, .internet, flags: flags(0)), rules)
            return
        }
        guard case .answer(let answer) = Belief.read(bytes, to: asked, rules) else { return }
        let written = answer.message(to: asked)
        guard let message = try? Message(written.span) else { return promise(false, "an answer can be read") }
        check(message, asked, answer)
        if let reply = try? Message(bytes.span) { compare(message, with: reply) }
        // What another machine would read from Redis.
        guard answer.notKept == nil else { return }
        guard case .answer(let again) = Belief.read(written, to: asked, rules) else {
            return promise(false, "an answer to keep is believed again")
        }
        promise(again.message(to: asked) == written, "an answer that is read again is the same")
        promise(again.lifetimeSeconds == answer.lifetimeSeconds, "and is kept for the same time")
    }

    /// The question of a reply in lower case; DO and CD as a bit of the id says.
    private static func question(_ bytes: [UInt8]) -> Asked? {
        guard let view = try? MessageView(bytes.span), view.questionCount == 1, let question = try? view.question() else {
            return nil
        }
        return Asked(Name(question.name).lowercased.wire, question.type, question.class, flags: flags(bytes[0]))
    }

    private static func flags(_ bits: UInt8) -> KeyFlags {
        KeyFlags(dnssecOK: bits & 1 != 0, checkingDisabled: bits & 2 != 0)
    }

    /// What holds for every answer.
    private static func check(_ message: Message, _ asked: Asked, _ answer: Answer) {
        promise(message.questions.count == 1 && message.questions[0].name.wire == asked.name, "it is to the question")
        promise(message.flags.isResponse && message.edns == nil, "it is a response without another's OPT")
        promise((answer.lifetimeSeconds == 0) == (answer.notKept != nil), "what is kept is kept for a time")
        let all = message.answers + message.authorities + message.additionals
        promise(all.allSatisfy { $0.class == asked.class || asked.class == .any }, "no record is of another class")
        promise(all.allSatisfy { $0.type != .tsig && $0.type != .sig }, "no signature of a transaction is kept")
        promise(all.allSatisfy { $0.ttl <= rules.limits.maximumSeconds }, "no TTL is above its bound")
        if answer.notKept == nil {
            promise(message.answers.allSatisfy { $0.ttl >= answer.lifetimeSeconds }, "nothing is kept beyond a TTL")
        }
        for section in [message.answers, message.authorities] {
            for record in section where record.type != .rrsig {
                promise(section.allSatisfy { !isSameSet($0, record) || $0.ttl == record.ttl }, "an RRset has one TTL")
            }
        }
        checkChain(message, asked)
    }

    private static func isSameSet(_ left: ResourceRecord, _ right: ResourceRecord) -> Bool {
        left.type == right.type && left.owner == right.owner
    }

    /// Each record of the answer section belongs to a name that the question leads to.
    private static func checkChain(_ message: Message, _ asked: Asked) {
        guard let first = try? Name(wire: asked.name) else { return promise(false, "the question has a name") }
        var names: Set<Name> = [first]
        var before = 0
        while before != names.count {
            before = names.count
            for record in message.answers {
                switch record.data {
                case .cname(let alias) where names.contains(record.owner): names.insert(alias.target)
                case .dname(let alias):
                    for name in names where name != record.owner && name.isSubdomain(of: record.owner) {
                        let kept = name.labels.prefix(name.labelCount - record.owner.labelCount).map(Array.init)
                        if let target = try? Name(labels: kept + alias.target.labels.map(Array.init)) { names.insert(target) }
                    }
                default: break
                }
            }
            if names.count > 1000 { return }
        }
        for record in message.answers {
            let isAbove = names.contains { $0.isSubdomain(of: record.owner) }
            switch record.data {
            case .dname: promise(isAbove, "a DNAME is above a name of the chain")
            case .rrsig(let signature) where signature.typeCovered == .dname: promise(isAbove, "so is its signature")
            default: promise(names.contains(record.owner), "each record belongs to the chain")
            }
        }
    }

    /// Each record was in the reply, and lives no longer than there.
    private static func compare(_ answer: Message, with reply: Message) {
        let given = reply.answers + reply.authorities + reply.additionals
        for record in answer.answers + answer.authorities + answer.additionals {
            let isGiven = given.contains {
                isSameSet($0, record) && $0.ttl >= record.ttl && "\($0.data)".lowercased() == "\(record.data)".lowercased()
            }
            promise(isGiven, "each record was in the reply, with no smaller TTL")
        }
    }
}

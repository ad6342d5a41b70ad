internal import Belief
internal import DNSWire
internal import NameRules

/// What the rules have to do with in an answer besides its question: its aliases, and addresses.
struct AnswerFacts {
    /// A name or an address of an answer.
    enum Subject {
        /// The question's name.
        case question
        /// An alias' target, in wire form and lower case.
        case name([UInt8])
        /// A service's host, in wire form and lower case.
        case host([UInt8])
        /// An address.
        case address(IPAddress)
        /// The addresses that lists chose, by the lists' numbers.
        case chosen([Int: IPAddress])
    }

    /// Whether one of the addresses is one that no host on the internet has.
    private(set) var hasPrivateAddress = false
    /// How many aliases have been looked up.
    private var aliasCount = 0
    /// The rules.
    private let book: RuleBook

    /// So many aliases of an answer are looked up: more than are followed. A pointer of two bytes may stand for a long name.
    private static var mostAliases: Int { 20 }

    /// Whether rules may have to do with an answer besides its question: no with most, where no rule is about addresses. What an
    /// upstream adds to it is looked at.
    static func mayStand(in answer: borrowing Answer, to asked: Asked, _ book: RuleBook) -> Bool {
        if book.judgesAddresses || answer.aliasCount > 0 || answer.counts.additionals > 0 { return true }
        if answer.counts.authorities > (answer.isNegative ? 1 : 0) { return true }
        switch asked.type {
        case .cname, .svcb, .https, .any: return true
        default: return false
        }
    }

    /// Reads the records that stand in a message from an offset on, and tells each name and address of which lists say
    /// something.
    init(
        _ book: RuleBook, _ message: Span<UInt8>, at start: Int, count: Int, tell: (Subject, ListVerdicts) -> Void
    ) {
        self.book = book
        var offset = start
        for _ in 0..<count {
            guard let record = try? RecordView(message, at: offset, section: .answer) else { return }
            offset = record.endOffset
            switch record.type {
            case .cname where aliasCount < Self.mostAliases:
                aliasCount += 1
                guard let target = try? NameView(message, at: record.rdataOffset, limit: record.endOffset) else { continue }
                look(at: target, tell) { .name($0) }
            case .a, .aaaa:
                if book.judgesAddresses { look(at: record.rdata, tell) }
            case .svcb, .https: readService(record, tell)
            default: break
            }
        }
    }

    /// Reads a service's host and the addresses it is said to have (RFC 9460 7.3). The name is written out, so that its own
    /// bytes bound what it costs.
    private mutating func readService(_ record: borrowing RecordView, _ tell: (Subject, ListVerdicts) -> Void) {
        let message = record.message
        guard let target = try? NameView(message, at: record.rdataOffset + 2, limit: record.endOffset, allowingPointers: false)
        else { return }
        var position = target.endOffset
        if !target.isRoot { look(at: target, tell) { .host($0) } }
        guard book.judgesAddresses else { return }
        while position + 4 <= record.endOffset {
            let key = message.loadUInt16(at: position)
            let length = Int(message.loadUInt16(at: position + 2))
            position += 4
            guard position + length <= record.endOffset else { return }
            let size = key == 4 ? 4 : key == 6 ? 16 : 0
            var start = position
            while size > 0, start + size <= position + length {
                look(at: message.extracting(start..<start + size), tell)
                start += size
            }
            position += length
        }
    }

    /// Looks a name up.
    private func look(
        at name: consuming NameView, _ tell: (Subject, ListVerdicts) -> Void, as subject: ([UInt8]) -> Subject
    ) {
        let fixed = FixedName(name)
        let found = book.content.lists.verdicts(of: fixed.span)
        if !found.isEmpty { tell(subject([UInt8](copying: fixed.span)), found) }
    }

    /// Looks an address of 4 or 16 bytes up.
    private mutating func look(at bytes: Span<UInt8>, _ tell: (Subject, ListVerdicts) -> Void) {
        let address: IPAddress
        switch bytes.count {
        case 4: address = IPAddress(ipv4: bytes.loadUInt32(at: 0))
        case 16: address = IPAddress(high: bytes.loadWord(at: 0).byteSwapped, low: bytes.loadWord(at: 8).byteSwapped)
        default: return
        }
        if book.content.refusesPrivate, address.isPrivate { hasPrivateAddress = true }
        let found = book.content.lists.verdicts(of: address)
        if !found.isEmpty { tell(.address(address), found) }
    }
}

extension IPAddress {
    /// Whether it is one that no host on the internet has: unspecified, loopback, private, shared or link-local (RFC 1122, 1918,
    /// 3927, 4193, 4291, 6598), also as an IPv4 address mapped into IPv6.
    var isPrivate: Bool {
        guard isIPv4 else {
            if high == 0 { return low <= 1 }
            return high >> 57 == 0xFC >> 1 || high >> 54 == 0xFE80 >> 6
        }
        let address = UInt32(truncatingIfNeeded: low)
        switch address >> 24 {
        case 0, 10, 127: return true
        case 100: return address >> 22 == 0x6440_0000 >> 22
        case 169: return address >> 16 == 0xA9FE
        case 172: return address >> 20 == 0xAC1
        case 192: return address >> 16 == 0xC0A8
        default: return false
        }
    }
}

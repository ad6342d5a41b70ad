internal import DNSWire
internal import NameRules

/// What the rules have to do with in an answer besides its question: its aliases, and addresses.
struct AnswerFacts {
    /// What the lists say of them.
    private(set) var verdicts = ListVerdicts()
    /// Whether one of the addresses is one that no host on the internet has.
    private(set) var hasPrivateAddress = false
    /// The names of which lists say something, in wire form and lower case.
    private(set) var names: [[UInt8]] = []
    /// The addresses of which lists say something.
    private(set) var addresses: [IPAddress] = []
    /// How many names have been looked up.
    private var nameCount = 0

    /// So many names of an answer are looked up: more than aliases are followed.
    private static var mostNames: Int { 32 }
    /// So many addresses of which lists say something are kept.
    private static var mostAddresses: Int { 8 }

    /// Reads the records that stand in a message from an offset on.
    init(_ book: RuleBook, _ message: Span<UInt8>, at start: Int, count: Int) {
        var offset = start
        for _ in 0..<count {
            guard let record = try? RecordView(message, at: offset, section: .answer) else { return }
            offset = record.endOffset
            switch record.type {
            case .cname: note(try? NameView(message, at: record.rdataOffset, limit: record.endOffset), book)
            case .a, .aaaa:
                if book.judgesAddresses { note(record.rdata, book) }
            case .svcb, .https: readService(record, book)
            default: break
            }
        }
    }

    /// Whether the rules have nothing to do with it.
    var isEmpty: Bool { verdicts.isEmpty && !hasPrivateAddress }

    /// Reads a service's host and the addresses it is said to have (RFC 9460 7.3).
    private mutating func readService(_ record: borrowing RecordView, _ book: RuleBook) {
        let message = record.message
        guard let target = try? NameView(message, at: record.rdataOffset + 2, limit: record.endOffset, allowingPointers: false)
        else { return }
        if !target.isRoot { note(target, book) }
        guard book.judgesAddresses else { return }
        var position = target.endOffset
        while position + 4 <= record.endOffset {
            let key = message.loadUInt16(at: position)
            let length = Int(message.loadUInt16(at: position + 2))
            position += 4
            guard position + length <= record.endOffset else { return }
            let size = key == 4 ? 4 : key == 6 ? 16 : 0
            var start = position
            while size > 0, start + size <= position + length {
                note(message.extracting(start..<start + size), book)
                start += size
            }
            position += length
        }
    }

    /// Takes in what is said of a name.
    private mutating func note(_ name: consuming NameView?, _ book: RuleBook) {
        guard let name, nameCount < Self.mostNames else { return }
        nameCount += 1
        let fixed = FixedName(name)
        let found = book.content.lists.verdicts(of: fixed.span)
        guard !found.isEmpty else { return }
        verdicts.formUnion(found)
        names.append([UInt8](copying: fixed.span))
    }

    /// Takes in what is said of an address of 4 or 16 bytes.
    private mutating func note(_ bytes: Span<UInt8>, _ book: RuleBook) {
        let address: IPAddress
        switch bytes.count {
        case 4: address = IPAddress(ipv4: bytes.loadUInt32(at: 0))
        case 16: address = IPAddress(high: bytes.loadWord(at: 0).byteSwapped, low: bytes.loadWord(at: 8).byteSwapped)
        default: return
        }
        if book.content.refusesPrivate, address.isPrivate { hasPrivateAddress = true }
        let found = book.content.lists.verdicts(of: address)
        guard !found.isEmpty else { return }
        verdicts.formUnion(found)
        if addresses.count < Self.mostAddresses { addresses.append(address) }
    }

    /// The rule of a list that denies one of the names or addresses.
    func reason(in list: Int, _ book: RuleBook) -> RuleBook.Reason? {
        for name in names {
            if let reason = book.reason(for: name.span, in: list) { return reason }
        }
        for address in addresses {
            guard let match = book.content.lists.matches(of: address).first(where: { $0.list == list && !$0.rule.isAllow }) else {
                continue
            }
            return RuleBook.Reason(text: "an address in the answer", actions: [match.rule.action])
        }
        return nil
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

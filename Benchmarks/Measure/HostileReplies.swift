internal import Belief
internal import DNSWire

/// Replies that were found to be dear to read or to write somewhere, each nearly as long as a message can be.
enum HostileReplies {
    /// A reply and its question.
    struct Reply {
        var asked: Asked
        var bytes: [UInt8]

        /// A reply to `name type` without records; letters of the name as they are.
        init(_ name: String, _ type: RecordType) {
            let labels = name.split(separator: ".").map { [UInt8($0.utf8.count)] + Array($0.utf8) }
            let wire: [UInt8] = labels.reduce([], +) + [0]
            let flags = KeyFlags(dnssecOK: false, checkingDisabled: false)
            asked = Asked(wire.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }, type, .internet, flags: flags)
            bytes = [0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0] + wire + [0, UInt8(type.rawValue), 0, 1]
        }

        /// Adds a record to the answer section, where there is room; whether there was.
        mutating func add(_ owner: [UInt8], _ type: RecordType, _ rdata: [UInt8]) -> Bool {
            let record = owner + [0, UInt8(type.rawValue), 0, 1, 0, 0, 1, 44, UInt8(rdata.count >> 8), UInt8(rdata.count & 255)]
            guard bytes.count + record.count + rdata.count <= 65_000 else { return false }
            bytes += record + rdata
            let count = Int(bytes[6]) << 8 + Int(bytes[7]) + 1
            bytes[6] = UInt8(count >> 8)
            bytes[7] = UInt8(count & 255)
            return true
        }
    }

    private static let toQuestion: [UInt8] = [0xC0, 12]

    /// A name of so many labels of one letter.
    private static func deep(_ labels: Int, _ letter: UInt8 = 97) -> [UInt8] { (0..<labels).flatMap { _ in [1, letter] } + [0] }

    /// PTR records with names of 254 bytes of one repeated label, of lengths that differ.
    static var repeatedLabels: Reply {
        var reply = Reply("1.2.0.192.in-addr.arpa", .ptr)
        var number = 0
        while reply.add(toQuestion, .ptr, deep(126 - number % 4, 97 + UInt8(number / 4 % 26))) { number += 1 }
        return reply
    }

    /// NS records whose names are each a label before a pointer to the one before, as deep as that goes.
    static var pointerChains: Reply {
        var reply = Reply("example", .ns)
        var target = 12
        var depth = 0
        while reply.add(toQuestion, .ns, [1, 98, 0xC0 | UInt8(target >> 8), UInt8(target & 255)]) {
            let place = reply.bytes.count - 4
            depth = (depth + 1) % 100
            target = depth == 0 || place >= 0x3FFF ? 12 : place
        }
        return reply
    }

    /// Records that are of no use, each with an owner of 127 labels by a pointer.
    static var deepOwners: Reply {
        var reply = Reply("example", .a)
        _ = reply.add(deep(126), .a, [192, 0, 2, 1])
        while reply.add([0xC0, 25], .null, []) {}
        return reply
    }

    /// Aliases that lead on and on.
    static var manyAliases: Reply {
        var reply = Reply("n0", .a)
        var number = 0
        while reply.add(name(number), .cname, name(number + 1)) { number += 1 }
        return reply
    }

    private static func name(_ number: Int) -> [UInt8] {
        let text = Array("n\(number)".utf8)
        return [UInt8(text.count)] + text + [0]
    }

    /// DNAMEs above the question's name.
    static var manyDNAMEs: Reply {
        var reply = Reply((0..<60).map { _ in "a" }.joined(separator: "."), .a)
        while reply.add([0xC0, 14], .dname, deep(20, 98)) {}
        return reply
    }

    /// Names that repeat the letters of the question in places that may not be compressed.
    static var letters: Reply {
        var reply = Reply("_sIp._tCp." + (0..<40).map { _ in "eX" }.joined(separator: "."), .srv)
        let name = Array(reply.bytes[22..<reply.bytes.count - 4])
        while reply.add(toQuestion, .srv, [0, 0, 0, 0, 0, 53, 3, 120, 89, 122] + name) {}
        return reply
    }

    /// As many addresses as a message holds.
    static var addresses: Reply {
        var reply = Reply("www.example", .a)
        while reply.add(toQuestion, .a, [192, 0, 2, reply.bytes[7]]) {}
        return reply
    }
}

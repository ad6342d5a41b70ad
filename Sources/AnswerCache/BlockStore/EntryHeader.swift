internal import DNSWire

/// What stands at the start of an entry's first block. Its layout is the memory's: 48 bytes, so that an A answer with the
/// name servers' records beside it fits into two blocks.
struct EntryHeader: BitwiseCopyable {
    /// The entry's second block, 0 for none. First, as in every block.
    var nextBlock: UInt32 = 0
    /// The next entry of the same bucket, 0 for none.
    var nextInBucket: UInt32 = 0
    /// The low half of the key's hash, which picks the bucket.
    var hash: UInt32 = 0
    /// When it came: seconds of CLOCK_BOOTTIME.
    var storedAt: UInt32 = 0
    /// For how many seconds it may be given out: the smallest TTL in it.
    var lifetime: UInt32 = 0
    /// The entry that came before it in the eviction queue, 0 for none.
    var older: UInt32 = 0
    /// The entry that came after it in the eviction queue, 0 for none.
    var newer: UInt32 = 0
    /// The number of records in each section; of a failure, the epoch it belongs to and the number of its text.
    var counts = RecordCounts()
    /// The type asked for.
    var type: UInt16 = 0
    /// In which view it was asked. The class is always IN.
    var viewNumber = ViewNumber.general
    /// The stable id of the upstream that gave it.
    var upstream: UInt16 = 0
    /// The length of the stored records; of a failure, its extended error plus one, 0 for none.
    var detail: UInt16 = 0
    /// How often it was given out; stays at the largest number.
    var uses: UInt16 = 0
    /// The rcode, and the security status in the high four bits.
    var codes: UInt16 = 0
    /// What kind of entry it is, and the key's flags.
    var flags = EntryFlags()
    /// The length of its name.
    var nameLength: UInt8 = 0
    /// Over which transport it came.
    var transport: UInt8 = 0
    /// The mark of the rule set by which every client may have it; 0 where none has judged it.
    var passedBy: UInt8 = 0

    /// Whether it is a failure rather than an answer.
    var isFailure: Bool { flags.contains(.failure) }
    /// The length of the stored records.
    var tailLength: Int { isFailure ? 0 : Int(detail) }
    /// How many bytes its blocks hold besides links and this header.
    var payloadLength: Int { Int(nameLength) + tailLength }

    /// Whether its time is over.
    func isExpired(at now: BootSeconds) -> Bool { age(at: now) >= lifetime }

    /// How long ago it came. A clock that seems to run backwards (another thread's reading is newer) makes no age. The
    /// difference is taken round the end of the numbers: what a snapshot brings may be older than the machine's last start.
    @inline(__always)
    func age(at now: BootSeconds) -> UInt32 {
        let difference = Int32(bitPattern: now.rawValue &- storedAt)
        return difference > 0 ? UInt32(bitPattern: difference) : 0
    }

    /// Whether it came in a second before another.
    func isBefore(_ moment: BootSeconds) -> Bool { Int32(bitPattern: moment.rawValue &- storedAt) > 0 }

    /// Whether it may be given out for a while after its time.
    func mayBecomeStale(staleSeconds: UInt32) -> Bool {
        staleSeconds > 0 && flags.intersection([.failure, .neverStale]).isEmpty
    }

    /// Whether it is of no more use: its time is over, and so is that in which it may be given out stale (RFC 8767 5, the
    /// maximum stale timer), whatever its own time was. A failure is never given out stale.
    func isOver(at now: BootSeconds, staleSeconds: UInt32) -> Bool {
        let age = age(at: now)
        guard age >= lifetime else { return false }
        guard mayBecomeStale(staleSeconds: staleSeconds) else { return true }
        return age - lifetime >= staleSeconds
    }
}

/// The number of records in the three sections, in 32 bits: no message of 64 KiB that is worth keeping has more.
struct RecordCounts: BitwiseCopyable, Equatable {
    /// 12 bits of answer records, 10 each of authority and additional records; of a failure, 8 bits for its text and 24 of
    /// its epoch.
    var rawValue: UInt32 = 0

    /// No records.
    init() {}

    /// Packs numbers of records; nil when one is too large.
    init?(answers: Int, authorities: Int, additionals: Int) {
        guard answers < 4096, authorities < 1024, additionals < 1024 else { return nil }
        rawValue = UInt32(answers) << 20 | UInt32(authorities) << 10 | UInt32(additionals)
    }

    /// A failure's epoch, and the number of its text, in place of counts.
    init(epoch: UInt32, text: UInt8) { rawValue = UInt32(text) << 24 | epoch & 0xFF_FFFF }

    /// Whether a failure belongs to an epoch.
    func isOf(epoch: UInt32) -> Bool { (rawValue ^ epoch) << 8 == 0 }
    /// The number of a failure's text.
    var failureText: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 24) }

    /// Records in the answer section.
    var answers: UInt16 { UInt16(truncatingIfNeeded: rawValue >> 20) }
    /// Records in the authority section.
    var authorities: UInt16 { UInt16(truncatingIfNeeded: rawValue >> 10 & 0x3FF) }
    /// Records in the additional section, OPT not among them.
    var additionals: UInt16 { UInt16(truncatingIfNeeded: rawValue & 0x3FF) }
}

/// An entry's flags.
struct EntryFlags: OptionSet, BitwiseCopyable {
    /// The bits.
    var rawValue: UInt8 = 0

    /// The question had DO set; part of the key.
    static let dnssecOK = EntryFlags(rawValue: 1)
    /// The question had CD set; part of the key.
    static let checkingDisabled = EntryFlags(rawValue: 2)
    /// A failure (RFC 9520), kept beside a good answer and never in place of one.
    static let failure = EntryFlags(rawValue: 4)
    /// NXDOMAIN or NODATA (RFC 2308).
    static let negative = EntryFlags(rawValue: 8)
    /// Of a failure: it is not the first in a row, and other questions were answered in between.
    static let failsAlone = EntryFlags(rawValue: 16)
    /// AA as the upstream gave it.
    static let authoritative = EntryFlags(rawValue: 16)
    /// AD as the upstream gave it.
    static let authenticData = EntryFlags(rawValue: 32)
    /// Given out since the eviction hand last passed.
    static let visited = EntryFlags(rawValue: 64)
    /// Not to be given out after its time, whatever holds for others.
    static let neverStale = EntryFlags(rawValue: 128)
}

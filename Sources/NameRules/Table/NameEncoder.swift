internal import DNSWire

/// Codes a name from its last label to its first, and hashes each suffix on the way.
///
/// `capacity` says how many words it keeps, at least four: 84 are enough for every name (254 codes of at most 20 bits, and
/// two words more). With fewer, places and hashes are right all the same, and so are tails as far as they go.
struct NameEncoder<let capacity: Int>: ~Copyable {
    /// Complete words; the two after them are those of the suffix that was closed last.
    private var words: InlineArray<capacity, UInt64>
    /// How many words are complete.
    private var wordCount = 0
    /// Bits of the word that is not complete, the first one lowest.
    private var accumulator: UInt64 = 0
    /// How many there are.
    private var used: UInt64 = 0
    /// The hash of the complete words, without the bits that make up the place.
    private var state: UInt64
    /// The row of what came last.
    private var row = NameCode.start << 6
    /// The first row for the label.
    private var base = 0
    /// The key of the hash.
    private let key: RuleKey

    /// Starts with the root.
    init(key: RuleKey) {
        self.key = key
        state = key.seed
        words = InlineArray(repeating: 0)
    }

    /// Starts anew.
    mutating func reset() {
        wordCount = 0
        accumulator = 0
        used = 0
        state = key.seed
        row = NameCode.start << 6
        base = 0
    }

    /// Says that a label follows in front of what there is.
    @inline(__always) mutating func openLabel(_ codes: Span<UInt16>) {
        if used | UInt64(truncatingIfNeeded: wordCount) != 0 {
            var (bits, used) = (accumulator, used)
            append(codes[row | NameCode.next], &bits, &used)
            (accumulator, self.used) = (bits, used)
            base = min(base &+ NameCode.rowsOfSet, 2 &* NameCode.rowsOfSet)
        }
        row = (base &+ NameCode.start) &<< 6
    }

    /// Codes a label that was opened.
    @inline(__always) mutating func append(label: Span<UInt8>, _ codes: Span<UInt16>, _ symbols: Span<UInt8>) {
        // In registers: through memory each bit would wait for the one before.
        var (bits, used, row) = (accumulator, used, row)
        let base = base
        for index in label.indices {
            let symbol = Int(symbols[Int(label[index])])
            append(codes[row | symbol], &bits, &used)
            if symbol == NameCode.escape { append(UInt16(label[index]) << 4 | 8, &bits, &used) }
            row = (base &+ symbol) &<< 6
        }
        (accumulator, self.used, self.row) = (bits, used, row)
    }

    /// Appends a code to the word that is not complete, of which so many bits are used.
    @inline(__always) private mutating func append(_ code: UInt16, _ word: inout UInt64, _ used: inout UInt64) {
        let length = UInt64(code & 15)
        let bits = UInt64(code &>> 4)
        word |= bits &<< used
        used &+= length
        if used >= 64 {
            used &-= 64
            put(word)
            word = bits &>> (length &- used)
        }
    }

    /// Puts a complete word away, if there is room for it.
    @inline(__always) private mutating func put(_ word: UInt64) {
        state = key.fold(state, wordCount == 0 ? word & ~Self.placeMask : word)
        if wordCount < capacity {
            var target = words.mutableSpan
            target[wordCount] = word
        }
        wordCount &+= 1
    }

    /// What of the first word makes up the place.
    private static var placeMask: UInt64 { 1 &<< CodedSuffix.placeBits &- 1 }

    /// Ends the name here: what is to be known of it as a suffix. Coding may go on afterwards.
    @inline(__always) mutating func close(_ codes: Span<UInt16>) -> CodedSuffix {
        let code = codes[row | NameCode.end]
        let length = UInt64(code & 15)
        let bits = UInt64(code &>> 4)
        let low = accumulator | bits &<< used
        let total = Int(truncatingIfNeeded: used &+ length)
        let whole = wordCount &* 64
        let count = max(CodedSuffix.shortestTail, (whole &+ total &- Int(CodedSuffix.placeBits) &+ 7) &>> 3)
        var hash = key.fold(state, wordCount == 0 ? low & ~Self.placeMask : low)
        let high = total > 64 ? bits &>> (64 &- used) : 0
        // The hash is one of the whole bytes of the tail: those who read it there do not know where its bits end.
        if Int(CodedSuffix.placeBits) &+ 8 &* count > whole &+ 64 { hash = key.fold(hash, high) }
        var target = words.mutableSpan
        if wordCount < capacity { target[wordCount] = low }
        if wordCount &+ 1 < capacity { target[wordCount &+ 1] = high }
        // What is behind the end must be zero as far as `tail` reads, not what an earlier suffix left there.
        if wordCount &+ 2 < min(capacity, 4) { target[wordCount &+ 2] = 0 }
        if wordCount &+ 3 < min(capacity, 4) { target[wordCount &+ 3] = 0 }
        hash = key.finish(hash)
        let place = UInt32(truncatingIfNeeded: (target[0] ^ hash &>> CodedSuffix.placeShift) & Self.placeMask)
        let tail = SIMD3(
            Self.joined(target[0], target[1]), Self.joined(target[1], target[2]), Self.joined(target[2], target[3]))
        return CodedSuffix(place: place, hash: hash, count: count, tail: tail)
    }

    /// The word of a tail that begins in one word of a code and ends in the next.
    @inline(__always) private static func joined(_ first: UInt64, _ second: UInt64) -> UInt64 {
        first &>> CodedSuffix.placeBits | second &<< CodedSuffix.placeShift
    }

    /// Whether the tail of the suffix that was closed last stands in a segment, behind whose last entry a word more can be read;
    /// its first 24 bytes were compared before.
    borrowing func hasTail(of suffix: CodedSuffix, _ segment: Span<UInt8>, at position: Int) -> Bool {
        let words = words.span
        var offset = CodedSuffix.tailStart
        while offset < suffix.count {
            let index = offset &>> 3
            let difference = segment.loadWord(at: position &+ offset) ^ Self.joined(words[index], words[index &+ 1])
            let left = suffix.count &- offset
            guard (left >= 8 ? difference : difference &<< UInt64(truncatingIfNeeded: 64 &- 8 &* left)) == 0 else { return false }
            offset &+= 8
        }
        return true
    }

    /// Writes the tail of the suffix that was closed last, in whole words.
    borrowing func writeTail(of suffix: CodedSuffix, to target: inout MutableSpan<UInt8>, at offset: Int) {
        guard suffix.count > CodedSuffix.tailStart else {
            target.storeWord(suffix.tail[0], at: offset)
            if suffix.count > 8 { target.storeWord(suffix.tail[1], at: offset + 8) }
            if suffix.count > 16 { target.storeWord(suffix.tail[2], at: offset + 16) }
            return
        }
        let words = words.span
        for index in 0..<(suffix.count + 7) / 8 {
            target.storeWord(Self.joined(words[index], words[index + 1]), at: offset + index * 8)
        }
    }
}

/// A coded name or suffix: where it belongs in tables. Its first 28 bits and its hash make up the place, and the place and
/// the tail make up the first 28 bits: so place and tail are the whole name, and what is found is never another.
struct CodedSuffix {
    /// The first 28 bits of the code, XOR 28 bits of the hash of the rest.
    let place: UInt32
    /// The hash of all but the first 28 bits.
    let hash: UInt64
    /// How many bytes the tail has.
    let count: Int
    /// The first 24 of them, the first one lowest; zeros behind its end.
    let tail: SIMD3<UInt64>

    /// How many bits of the code make up the place.
    static var placeBits: UInt64 { 28 }
    /// Where in a word so many bits are the highest.
    static var placeShift: UInt64 { 64 - placeBits }
    /// How many bytes of its tail it has with it.
    static var tailStart: Int { 24 }
    /// The fewest bytes a tail is given: so many need no words to say how many they are.
    static var shortestTail: Int { 2 }

    /// What the filter goes by: the place first, so that a filter is filled in the order of the table.
    @inline(__always) var filterHash: UInt64 { UInt64(place) &<< Self.placeShift | hash & (1 &<< Self.placeShift &- 1) }
}

extension NameEncoder {
    /// Codes a whole name in wire form, lower case, known to be good; its own words can be read afterwards.
    mutating func encode(_ wire: Span<UInt8>, _ code: borrowing NameCode) -> CodedSuffix {
        let codes = code.codes.span
        let symbols = code.symbols.span
        var labels = LabelStarts(wire)
        reset()
        while let label = labels.previous() {
            openLabel(codes)
            append(label: wire.extracting(label), codes, symbols)
        }
        return close(codes)
    }
}

/// The keyed hash of what is asked: name, type, class, DO and CD. The same for a query just read and for a key made
/// elsewhere; worthless to an attacker who does not know the seed.
public enum QuestionHash {
    /// What is asked besides the name, packed into one word.
    @inlinable @inline(__always)
    static func trailer(_ type: RecordType, _ class: RecordClass, dnssecOK: Bool, checkingDisabled: Bool) -> UInt64 {
        UInt64(type.rawValue) | UInt64(`class`.rawValue) << 16 | (dnssecOK ? 1 << 32 : 0) | (checkingDisabled ? 1 << 33 : 0)
    }

    /// Hashes a question; flags are those of the key, so pass false for what the key leaves out.
    public static func hash(
        _ name: borrowing FixedName, _ type: RecordType, _ class: RecordClass, flags: KeyFlags, seed: UInt64
    ) -> UInt64 {
        var state = State(length: name.count, seed: seed)
        // Through a span: subscripts of the inline array itself would copy all of it each time.
        let bytes = name.storage.span
        var index = 0
        while index < name.count {
            state.add(word(bytes, at: index))
            index += 8
        }
        return state.end(type, `class`, flags)
    }

    /// The same for a name's wire form, lower-cased, without pointers, off the path of a hit.
    package static func hash(
        _ name: Span<UInt8>, _ type: RecordType, _ class: RecordClass, flags: KeyFlags, seed: UInt64
    ) -> UInt64 {
        var state = State(length: name.count, seed: seed)
        var index = 0
        while index < name.count {
            state.add(name.loadWord(at: index, count: name.count - index))
            index += 8
        }
        return state.end(type, `class`, flags)
    }

    /// A hash under way: the name in words of eight bytes, the last one filled up with zeros, then what else is asked.
    private struct State {
        private var value: UInt64
        private let multiplier: UInt64

        /// Two keys from one seed: the fold's multiplier must be secret as well, and odd.
        @inline(__always)
        init(length: Int, seed: UInt64) {
            value = seed ^ 0x9E37_79B9_7F4A_7C15 &* UInt64(truncatingIfNeeded: length)
            multiplier = (seed &* 0xD6E8_FEB8_6659_FD93) ^ (seed >> 32) | 1
        }

        /// Goes on with a word of the name.
        @inline(__always)
        mutating func add(_ word: UInt64) { value = fold(value ^ word, multiplier) }

        /// The hash.
        @inline(__always)
        func end(_ type: RecordType, _ class: RecordClass, _ flags: KeyFlags) -> UInt64 {
            let last = trailer(type, `class`, dnssecOK: flags.dnssecOK, checkingDisabled: flags.checkingDisabled)
            return fold(value ^ last, multiplier ^ 0xA076_1D64_78BD_642F)
        }
    }

    /// Eight bytes of a name's storage from an offset that is a multiple of eight; bytes after the name are zero.
    @inline(__always) private static func word(_ bytes: Span<UInt8>, at offset: Int) -> UInt64 {
        // With its low bits known to be zero, the base and the indices need no bounds checks, and eight loads become one.
        let base = offset & 0xF8
        var word: UInt64 = 0
        for index in 0..<8 { word |= UInt64(bytes[base | index]) << UInt64(8 * index) }
        return word
    }

    /// Multiplies to 128 bits and folds the halves together.
    @inlinable @inline(__always) static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}

/// The two flags that are part of a question's identity in the cache.
public struct KeyFlags: Hashable, Sendable {
    /// DO of EDNS.
    public var dnssecOK: Bool
    /// CD of the header.
    public var checkingDisabled: Bool

    /// Puts both together.
    @inlinable public init(dnssecOK: Bool, checkingDisabled: Bool) {
        self.dnssecOK = dnssecOK
        self.checkingDisabled = checkingDisabled
    }
}

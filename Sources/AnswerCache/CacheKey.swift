package import Belief
package import DNSWire

/// What an answer is kept under: name without case, type, class, DO and CD. Small, whatever the name's length: it is handed
/// through every call of a miss, and stands on the stacks of greenlets that wait.
package struct CacheKey: Sendable {
    /// The name's wire form, lower-cased, without pointers. Copies of the key share it.
    package let wireName: [UInt8]
    private let labelCount: Int
    /// The type asked for.
    package let type: RecordType
    /// The class asked for.
    package let `class`: RecordClass
    /// DO and CD.
    package let flags: KeyFlags
    /// The keyed hash of all that; with the seed of the cache that it is used with.
    package let hash: UInt64

    /// The key of a query that was read with the cache's seed.
    package init(_ query: inout QueryView) {
        wireName = [UInt8](copying: query.nameBytes)
        labelCount = query.labelCount
        type = query.type
        `class` = query.class
        flags = query.keyFlags
        hash = query.hash
    }

    /// The key of a question; `seed` is the cache's.
    package init(_ name: FixedName, _ type: RecordType, _ class: RecordClass, flags: KeyFlags, seed: UInt64) {
        wireName = [UInt8](copying: name.span)
        labelCount = name.labelCount
        self.type = type
        self.class = `class`
        self.flags = flags
        hash = QuestionHash.hash(name, type, `class`, flags: flags, seed: seed)
    }

    private init(_ key: borrowing CacheKey, type: RecordType, flags: KeyFlags, seed: UInt64) {
        wireName = key.wireName
        labelCount = key.labelCount
        self.type = type
        `class` = key.class
        self.flags = flags
        hash = QuestionHash.hash(key.wireName.span, type, key.class, flags: flags, seed: seed)
    }

    /// The key under which an answer stands that says that the name does not exist, whatever type is asked for (RFC 2308 5):
    /// that of type 0, which nobody can ask for. `seed` is the cache's. DS is apart: others are asked about it, on the other
    /// side of a zone cut (RFC 4035 3.1.4.1).
    package func forAllTypes(seed: UInt64) -> CacheKey {
        CacheKey(self, type: type == .ds ? .ds : .allTypes, flags: flags, seed: seed)
    }

    /// The key of the same question with DO the other way round. `seed` is the cache's.
    package func withOtherDO(seed: UInt64) -> CacheKey {
        let flags = KeyFlags(dnssecOK: !flags.dnssecOK, checkingDisabled: flags.checkingDisabled)
        return CacheKey(self, type: type, flags: flags, seed: seed)
    }

    /// The question.
    package var asked: Asked { Asked(wireName, type, `class`, flags: flags) }

    /// The name as a value of its own.
    package var name: FixedName { FixedName(nameView) }

    /// The name as a view.
    package var nameView: NameView {
        @_lifetime(borrow self) get { NameView(lowercased: wireName.span, labelCount: labelCount) }
    }

    /// The key as the shards compare it.
    var view: KeyView {
        @_lifetime(borrow self) get { KeyView(wireName.span, hash: hash, type: type, class: `class`, flags: flags) }
    }
}

extension RecordType {
    /// Stands for all types in the key of an answer that is about a name (RFC 6895 3.1 reserves the number).
    package static var allTypes: RecordType { RecordType(rawValue: 0) }
}

/// A key that borrows its name from a query or a `CacheKey`.
struct KeyView: ~Escapable {
    /// The name's wire form, lower-cased.
    let name: Span<UInt8>
    /// The keyed hash.
    let hash: UInt64
    /// The type asked for.
    let type: UInt16
    /// The class asked for.
    let recordClass: UInt16
    /// DO and CD as an entry's header has them.
    let flags: EntryFlags

    /// Puts a key together.
    @_lifetime(copy name)
    @inline(__always)
    init(_ name: Span<UInt8>, hash: UInt64, type: RecordType, class: RecordClass, flags: KeyFlags) {
        self.name = name
        self.hash = hash
        self.type = type.rawValue
        recordClass = `class`.rawValue
        self.flags = EntryFlags(rawValue: (flags.dnssecOK ? 1 : 0) | (flags.checkingDisabled ? 2 : 0))
    }

    /// The key under which what is known of the name stands, whatever type is asked for; DS has its own.
    @_lifetime(copy self)
    func forAllTypes(seed: UInt64) -> KeyView {
        let isDS = type == RecordType.ds.rawValue
        return changed(isDS ? .ds : .allTypes, dnssecOK: flags.contains(.dnssecOK), seed: seed)
    }

    /// The key of the same question with DO the other way round.
    @_lifetime(copy self)
    func withOtherDO(seed: UInt64) -> KeyView {
        changed(RecordType(rawValue: type), dnssecOK: !flags.contains(.dnssecOK), seed: seed)
    }

    /// The key for the same name with another type or DO.
    @_lifetime(copy self)
    private func changed(_ type: RecordType, dnssecOK: Bool, seed: UInt64) -> KeyView {
        let keyFlags = KeyFlags(dnssecOK: dnssecOK, checkingDisabled: flags.contains(.checkingDisabled))
        let recordClass = RecordClass(rawValue: recordClass)
        let hash = QuestionHash.hash(name, type, recordClass, flags: keyFlags, seed: seed)
        return KeyView(name, hash: hash, type: type, class: recordClass, flags: keyFlags)
    }
}

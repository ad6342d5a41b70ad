package import Belief
package import DNSWire

/// What an answer is kept under: name without case, type, class, view, DO and CD. Small, whatever the name's length: it is handed
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
    /// In which view it is asked.
    package private(set) var viewNumber = ViewNumber.general
    /// The keyed hash of all that; with the seed of the cache that it is used with.
    package private(set) var hash: UInt64

    /// The key of a query that was read with the cache's seed.
    package init(_ query: inout QueryView) {
        wireName = [UInt8](copying: query.nameBytes)
        labelCount = query.labelCount
        type = query.type
        `class` = query.class
        flags = query.keyFlags
        viewNumber = query.viewNumber
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
        viewNumber = key.viewNumber
        let general = QuestionHash.hash(key.wireName.span, type, key.class, flags: flags, seed: seed)
        hash = QuestionHash.hash(general, in: key.viewNumber, seed: seed)
    }

    /// The key of the same question in a view, of a key in the general one. `seed` is the cache's.
    package consuming func inView(_ view: ViewNumber, seed: UInt64) -> CacheKey {
        viewNumber = view
        hash = QuestionHash.hash(hash, in: view, seed: seed)
        return self
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
        @_lifetime(borrow self) get {
            KeyView(wireName.span, hash: hash, type: type, view: `class` == .internet ? viewNumber : .none, flags: flags)
        }
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
    /// In which view it is asked; none for a class other than IN, of which nothing is kept.
    let viewNumber: ViewNumber
    /// DO and CD as an entry's header has them.
    let flags: EntryFlags

    /// Puts a key together.
    @_lifetime(copy name)
    @inline(__always)
    init(_ name: Span<UInt8>, hash: UInt64, type: RecordType, view: ViewNumber, flags: KeyFlags) {
        self.name = name
        self.hash = hash
        self.type = type.rawValue
        viewNumber = view
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
        let general = QuestionHash.hash(name, type, .internet, flags: keyFlags, seed: seed)
        let hash = QuestionHash.hash(general, in: viewNumber, seed: seed)
        return KeyView(name, hash: hash, type: type, view: viewNumber, flags: keyFlags)
    }
}

extension QueryView {
    /// The view as keys have it: none for a class other than IN, of which nothing is kept.
    @inline(__always)
    var keyView: ViewNumber { `class` == .internet ? viewNumber : .none }
}

// The cache as a file, so that a restart does not begin with nothing.
//
//     head      "VireoSnp", version
//     block     length, count, checksum; when it was written, the fleet's epoch, the views' numbers and ids, each once, and
//               the upstreams' numbers and names
//     block     length, count, checksum; that many entries      as often as needed
//     block     length 0, count of all entries, checksum        the end: a file without it is not whole
//
// Numbers stand little end first. An entry is its header's facts, when it came by the wall clock, its name and its records
// as the cache keeps them.
//
// `SnapshotWriter` makes the blocks, one at a time, from a walk that holds no lock for more than eight entries.
// `SnapshotReader` goes over the whole file twice: first over the checksums, so that nothing is taken from a file that is
// damaged anywhere, then over the entries, each of which is looked at as if a stranger had written it. Neither knows files.

/// What a snapshot consists of.
package enum SnapshotFormat {
    /// What a snapshot begins with.
    package static let magic = Array("VireoSnp".utf8)
    /// The version that is written, and the only one that is read.
    package static let version: UInt32 = 3
    /// Magic and version.
    static let headLength = 12
    /// Length, count and checksum.
    static let blockHeadLength = 12
    /// A block is closed once it is this long.
    static let blockLength = 64 << 10
    /// No block is longer: a step of 64 of the largest entries more.
    static let longestBlock = 8 << 20
    /// An entry's bytes before its name.
    static let entryHeadLength = 32

    /// A block around a payload.
    package static func block(_ payload: [UInt8], count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(blockHeadLength + payload.count)
        bytes.append(UInt32(truncatingIfNeeded: payload.count))
        bytes.append(UInt32(truncatingIfNeeded: count))
        bytes.append(checksum(bytes.span, payload.span))
        bytes += payload
        return bytes
    }

    /// The checksum of a block's length and count, which `head` begins with, and its payload.
    static func checksum(_ head: Span<UInt8>, _ payload: Span<UInt8>) -> UInt32 {
        var checksum = Checksum()
        checksum.add(head.extracting(first: 8))
        checksum.add(payload)
        return checksum.value
    }
}

/// A moment by both clocks: the wall's, which snapshots keep, and the machine's, which the cache goes by.
package struct SnapshotMoment: Hashable, Sendable {
    /// Seconds since 1970.
    package var wallSeconds: Int64
    /// The same moment to the cache.
    package var boot: BootSeconds

    /// Puts both together.
    package init(wallSeconds: Int64, boot: BootSeconds) {
        self.wallSeconds = wallSeconds
        self.boot = boot
    }
}

/// Why a snapshot is left out.
package enum SnapshotError: Error, Hashable, Sendable {
    /// It is no snapshot at all.
    case notASnapshot
    /// It has another version.
    case otherVersion(UInt32)
    /// It is damaged or not whole; how far it was good.
    case damaged(atByte: Int)
    /// It was written later than it is now: one of the clocks was wrong, and ages mean nothing.
    case fromTheFuture
}

extension SnapshotError: CustomStringConvertible {
    /// A few words.
    package var description: String {
        switch self {
        case .notASnapshot: "what is there is not a snapshot; expected one, or no file"
        case .otherVersion(let version): "it has version \(version), and this program reads \(SnapshotFormat.version)"
        case .damaged(let byte): "it is damaged or not whole, at byte \(byte)"
        case .fromTheFuture: "it was written later than the clock says it is now"
        }
    }
}

extension [UInt8] {
    /// Appends a number, little end first.
    mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        for place in 0..<Number.bitWidth / 8 { append(UInt8(truncatingIfNeeded: number >> (8 * place))) }
    }
}

extension Span<UInt8> {
    /// The number at an offset, little end first. The caller has checked that it is all there.
    func number<Number: FixedWidthInteger>(at offset: Int, _ type: Number.Type = Number.self) -> Number {
        var number: Number = 0
        for place in 0..<Number.bitWidth / 8 { number |= Number(truncatingIfNeeded: self[offset + place]) << (8 * place) }
        return number
    }
}

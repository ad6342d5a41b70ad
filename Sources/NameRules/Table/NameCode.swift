/// The prefix code that names are kept in: a Huffman code for each character, given the one before it, four bits a
/// character on average. It is fixed, so that a name is coded once for all lists.
///
/// A name is coded from its last label to its first, each label from its first character to its last. So the code of a
/// suffix is the beginning of the code of every name below it, but for the symbol that ends it.
struct NameCode: Sendable {
    /// For what comes before and a symbol (`row | symbol`): the code in the upper twelve bits, its first bit lowest, and its
    /// length in the lower four.
    let codes: [UInt16]
    /// The symbol of each byte; `escape` for those that have none of their own.
    let symbols: [UInt8]

    /// The byte itself follows in eight bits.
    static var escape: Int { 38 }
    /// Another label follows.
    static var next: Int { 39 }
    /// The name is over.
    static var end: Int { 40 }
    /// As what comes before: the label has just begun.
    static var start: Int { 39 }
    /// The rows of one set; there are three: for top-level labels, second-level ones, and all others.
    static var rowsOfSet: Int { 40 }

    /// The code of all tables.
    static let shared = NameCode()

    /// Makes codes from their lengths: canonical ones, shortest first.
    private init() {
        var symbols = [UInt8](repeating: UInt8(Self.escape), count: 256)
        for (index, byte) in "abcdefghijklmnopqrstuvwxyz0123456789-_".utf8.enumerated() {
            symbols[Int(byte)] = UInt8(truncatingIfNeeded: index)
        }
        self.symbols = symbols
        var codes = [UInt16](repeating: 0, count: Self.lengths.count << 6)
        for (row, text) in Self.lengths.enumerated() {
            let lengths = text.description.utf8.map { $0 < 0x3A ? Int($0) - 0x30 : Int($0) - 0x57 }
            var code = 0
            for length in 1...12 {
                for (symbol, own) in lengths.enumerated() where own == length {
                    let reversed = (0..<length).reduce(0) { $0 << 1 | (code >> $1 & 1) }
                    codes[row << 6 | symbol] = UInt16(truncatingIfNeeded: reversed << 4 | length)
                    code += 1
                }
                code <<= 1
            }
        }
        self.codes = codes
    }
}

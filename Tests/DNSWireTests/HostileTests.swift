import DNSWire
import Testing

@Suite struct HostileTests {
    /// A response with one answer whose owner stands right after the question for `a.` (offset 12, 3 bytes long).
    static func answer(owner: String, rest: String = "0001 0001 00000001 0004 c0000201") -> [UInt8] {
        bytes(hex: "0000 8000 0001 0001 0000 0000 0161 00 0001 0001" + owner + rest)
    }

    /// What reading a message throws, if it does.
    static func failure(_ message: [UInt8]) -> WireError? {
        do throws(WireError) {
            _ = try Message(message.span)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a pointer back is followed`() throws {
        let message = try Message(Self.answer(owner: "0162 c00c").span)
        #expect(message.answers.first?.owner == Name("b.a."))
    }

    @Test func `a pointer to itself is refused`() { #expect(Self.failure(Self.answer(owner: "c013")) == .badName) }

    @Test func `a pointer forward is refused`() { #expect(Self.failure(Self.answer(owner: "c020")) == .badName) }

    @Test func `a pointer into its own name is refused`() {
        #expect(Self.failure(Self.answer(owner: "0162 c013")) == .badName)
    }

    @Test func `a pointer into the header is refused`() { #expect(Self.failure(Self.answer(owner: "c004")) == .badName) }

    @Test func `two pointers at each other are refused`() {
        let rdata = "0002 0001 00000001 0002 c020"
        #expect(Self.failure(Self.answer(owner: "c01f", rest: rdata)) == .badName)
    }

    @Test func `extended and unassigned label types are refused`() {
        #expect(Self.failure(Self.answer(owner: "4161 00")) == .badName)
        #expect(Self.failure(Self.answer(owner: "8161 00")) == .badName)
    }

    @Test func `a name of 255 bytes is read and one of 256 is not`() throws {
        let labels = String(repeating: "3f" + String(repeating: "61", count: 63), count: 3)
        let longest = labels + "3d" + String(repeating: "61", count: 61) + "00"
        let longer = labels + "3e" + String(repeating: "61", count: 62) + "00"
        #expect(try Message(Self.answer(owner: longest).span).answers.first?.owner.wire.count == 255)
        #expect(Self.failure(Self.answer(owner: longer)) == .badName)
    }

    @Test func `a name that grows over 255 bytes by pointers is refused`() throws {
        var message = bytes(hex: "0000 8000 0001 0001 0000 0000")
        message += (0..<3).flatMap { _ in [63] + [UInt8](repeating: 0x61, count: 63) } + [60]
        message += [UInt8](repeating: 0x61, count: 60) + bytes(hex: "00 0001 0001 0161 c00c 0001 0001 00000001 0000")
        #expect(Self.failure(message) == .badName)
    }

    /// A message whose answers' owners are each a pointer to the one before.
    static func chain(_ count: Int) -> [UInt8] {
        var message = bytes(hex: "0000 8000 0001 0000 0000 0000 0161 00 0001 0001")
        message[6] = UInt8(count >> 8)
        message[7] = UInt8(count & 255)
        var target = 12
        for _ in 0..<count {
            let here = message.count
            message += [0xC0 | UInt8(target >> 8), UInt8(target & 255)] + bytes(hex: "0001 0001 00000001 0004 c0000201")
            target = here
        }
        return message
    }

    @Test func `pointers to pointers are followed 128 deep and no further`() throws {
        let message = try Message(Self.chain(128).span)
        #expect(message.answers.count == 128 && message.answers.allSatisfy { $0.owner == Name("a") })
        #expect(Self.failure(Self.chain(129)) == .badName)
    }

    @Test func `counts that promise more than there is are refused`() {
        #expect(Self.failure(bytes(hex: "0000 8000 ffff ffff ffff ffff")) == .truncated)
        #expect(Self.failure(bytes(hex: "0000 8000 0000 ffff ffff ffff")) == .truncated)
    }

    @Test func `rdata lengths that lie are refused`() {
        #expect(Self.failure(Self.answer(owner: "c00c", rest: "0001 0001 00000001 0005 c0000201")) == .truncated)
        #expect(Self.failure(Self.answer(owner: "c00c", rest: "0001 0001 00000001 0003 c00002")) == .badRData)
        #expect(Self.failure(Self.answer(owner: "c00c", rest: "0001 0001 00000001 0003 c0000201")) == .badRData)
        #expect(Self.failure(Self.answer(owner: "c00c", rest: "0002 0001 00000001 0001 c00c")) == .truncated)
        #expect(Self.failure(Self.answer(owner: "c00c", rest: "0010 0001 00000001 0003 056162")) == .badRData)
    }

    @Test func `pointers in rdata where they are forbidden are refused`() {
        let nsec = "002f 0001 00000001 0005 c00c 0001 40"
        #expect(Self.failure(Self.answer(owner: "c00c", rest: nsec)) == .badName)
    }

    @Test(arguments: [-1, Int.min, 35, Int.max]) func `a record that is looked for outside of its message is refused`(
        _ offset: Int
    ) {
        let message = Self.answer(owner: "c00c")
        do throws(WireError) {
            _ = try RecordView(message.span, at: offset, section: .answer)
            Issue.record("a record at \(offset)")
        } catch {
            #expect(error == .truncated)
        }
    }

    @Test func `bytes after the last record are refused`() {
        #expect(Self.failure(Self.answer(owner: "c00c") + [0]) == .badMessage)
    }

    @Test func `an OPT record twice, with a name or in the wrong section is refused`() {
        let opt = "00 0029 04d0 00000000 0000"
        #expect(Self.failure(bytes(hex: "0000 8000 0000 0000 0000 0002" + opt + opt)) == .badMessage)
        #expect(Self.failure(bytes(hex: "0000 8000 0000 0001 0000 0000" + opt)) == .badMessage)
        #expect(Self.failure(bytes(hex: "0000 8000 0000 0000 0000 0001 0161" + opt)) == .badMessage)
        #expect(QueryViewTests.verdict(bytes(hex: "0000 0000 0001 0000 0000 0001 00 0001 0001 0161" + opt)) == .refuse(.formErr))
    }

    @Test func `options that overrun their OPT record are refused`() {
        let opt = "00 0029 04d0 00000000 0004 000a 0001"
        #expect(Self.failure(bytes(hex: "0000 8000 0000 0000 0000 0001" + opt)) != nil)
        #expect(QueryViewTests.verdict(bytes(hex: "0000 0000 0001 0000 0000 0001 00 0001 0001" + opt)) == .refuse(.formErr))
    }

    @Test func `a compressed question is refused in a query`() {
        #expect(QueryViewTests.verdict(bytes(hex: "0000 0000 0001 0000 0000 0000 c00c 0001 0001")) == .refuse(.formErr))
    }
}

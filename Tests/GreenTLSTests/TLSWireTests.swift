import Testing

@testable import GreenTLS

/// What many connections of a thread have in common.
@Suite struct TLSWireTests {
    /// A client's first bytes.
    private func hello() throws -> (client: TLSEngine, bytes: [UInt8]) {
        let client = try TLSEngine(TLSTests.certificates.client(), peer: TLSPeer("green.test"))
        _ = client.handshake()
        return (client, output(client))
    }

    private func output(_ client: TLSEngine) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
            count = client.takeOutput(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    private func receive(_ bytes: [UInt8], by server: TLSEngine) -> Int {
        withUnsafeTemporaryAllocation(byteCount: 32_768, alignment: 8) { room in
            bytes.withUnsafeBytes { server.receive($0, into: room).count }
        }
    }

    @Test func `what was to go to a client that is gone goes to no other`() throws {
        struct Gone: Error {}
        let context = try TLSTests.certificates.server()
        let wire = TLSWire()
        let first = try TLSEngine(context, over: wire)
        #expect(receive(try hello().bytes, by: first) == 0 && wire.outputCount > 0)
        #expect(throws: Gone.self) { try wire.takeOutput { _ throws(Gone) in throw Gone() } }
        #expect(wire.outputCount == 0)
        let second = try TLSEngine(context, over: wire)
        let (client, bytes) = try hello()
        #expect(receive(bytes, by: second) == 0)
        try wire.takeOutput { bytes throws(TLSError) in try client.feed(bytes) }
        guard case .done = client.handshake() else { Issue.record("no handshake"); return }
        #expect(receive(output(client), by: second) == 0 && second.isEstablished)
    }
}

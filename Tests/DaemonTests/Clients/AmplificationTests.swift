import DNSWire
import Resolver
import TestSupport
import Testing

@testable import Daemon

/// How much larger than a query an answer to a stranger is: what a forged address could be sent.
@Suite struct AmplificationTests {
    /// Messages of all shapes, short ones most of all: any opcode, with a question or none, with OPT of any version, a cookie,
    /// a broken tail.
    private static var messages: [[UInt8]] {
        var messages: [[UInt8]] = []
        let questions: [[UInt8]] = [
            [], [0, 0, 1, 0, 1], [0, 0, 255, 0, 255], [1, 97, 0, 0, 16, 0, 3],
            [7] + Array("version".utf8) + [4] + Array("bind".utf8) + [0, 0, 16, 0, 3],
        ]
        func opt(_ version: UInt8, _ options: [UInt8]) -> [UInt8] {
            [0, 0, 41, 255, 255, 0, version, 0x80, 0, 0, UInt8(options.count)] + options
        }
        let additional: [[UInt8]] = [
            [], opt(0, []), opt(1, []), opt(255, []), opt(0, [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]),
            opt(0, [0, 10, 0, 3, 1, 2, 3]),
            opt(0, [0, 12, 0, 0]), opt(0, [0, 11, 0, 0]),
        ]
        for opcode in UInt8(0)..<16 {
            for question in questions {
                for tail in additional {
                    let head: [UInt8] = [
                        1, 2, opcode << 3 | 1, 0, 0, question.isEmpty ? 0 : 1, 0, 0, 0, 0, 0, tail.isEmpty ? 0 : 1,
                    ]
                    for broken in [[], [0]] as [[UInt8]] { messages.append(head + question + tail + broken) }
                }
            }
        }
        return messages
    }

    @Test func `no answer to a stranger is more than 2.5 times the query, whatever that is`() throws {
        try ServingWorld.run(access: .nobody) { world throws in
            var most = 0.0
            for message in Self.messages {
                var buffer = message + [UInt8](repeating: 0, count: 4_096)
                var span = buffer.mutableSpan
                let step = world.worker.resolver.refuse(length: message.count, in: &span, from: TappedClient(1, over: .udp))
                guard case .answered(let count) = step else { continue }
                most = max(most, Double(count) / Double(message.count))
                #expect(Double(count) <= 2.5 * Double(message.count), "\(message) is answered by \(count) bytes")
            }
            // As SECURITY.md says.
            #expect(most > 1 && most < 2.3, "\(most)")
        }
    }
}

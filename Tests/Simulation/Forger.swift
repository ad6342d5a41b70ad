internal import DNSWire
internal import Green
internal import TestSupport

/// Answers before the upstream does, with all right but one thing.
final class Forger {
    /// The upstream's own socket, one at another port of it, and one at another address.
    private let own: DatagramSocket
    private let otherPort: DatagramSocket
    private let otherAddress: DatagramSocket
    private var random: SeededNumbers

    /// A forger beside an upstream that has two addresses and answers at the first.
    init(_ own: DatagramSocket, _ host: VirtualHost, random: SeededNumbers) throws {
        self.own = own
        self.random = random
        otherPort = try DatagramSocket(boundTo: SocketAddress(host.addresses[0], port: 54))
        otherAddress = try DatagramSocket(boundTo: SocketAddress(host.addresses[1], port: 53))
    }

    /// Sends forged answers to a question.
    func send(to query: Message, at peer: SocketAddress) throws {
        let whole = forged(query)
        for socket in [otherPort, otherAddress] { _ = try socket.send(whole.encoded(), to: peer) }
        for _ in 0..<3 {
            var guess = whole
            guess.id = query.id ^ (UInt16(1) << UInt16.random(in: 0...15, using: &random))
            _ = try own.send(guess.encoded(), to: peer)
        }
        for other in [SocketAddress(peer.ip, port: peer.port ^ 1), SocketAddress(peer.ip, port: peer.port ^ 256)] {
            _ = try own.send(whole.encoded(), to: other)
        }
        var question = whole
        question.questions = [Question(Name("other.org")!, query.questions[0].type)]
        _ = try own.send(question.encoded(), to: peer)
        switch Int.random(in: 0..<10, using: &random) {
        case 0...1: _ = try own.send(otherLetters(whole).encoded(), to: peer)
        case 2:
            var type = whole
            type.questions = [Question(query.questions[0].name, query.questions[0].type == .a ? .aaaa : .a)]
            _ = try own.send(type.encoded(), to: peer)
        case 3:
            // No more than a guess at port and id: a failure without its question.
            var bare = Message.reply(to: query, .servFail)
            bare.questions = []
            bare.edns = nil
            _ = try own.send(bare.encoded(), to: peer)
        default: break
        }
    }

    private func forged(_ query: Message) -> Message {
        let question = query.questions[0]
        let data =
            switch question.type {
            case .a: ZoneTruth.address(ZoneTruth.forged)
            case .aaaa: "4242::42"
            case .txt: "\"forged\""
            default: "10 forged.example."
            }
        return Message.reply(to: query, .noError, ["\(question.name) 300 IN \(question.type) \(data)"])
    }

    /// The same with the case of a letter changed.
    private func otherLetters(_ message: Message) -> Message {
        var other = message
        var text = Array(message.questions[0].name.description)
        let index = text.indices.filter { text[$0].isLetter }.randomElement(using: &random)!
        text[index] = Character(text[index].isUppercase ? text[index].lowercased() : text[index].uppercased())
        other.questions = [Question(Name(String(text))!, message.questions[0].type)]
        return other
    }
}

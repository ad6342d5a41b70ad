internal import Green
internal import Observation

/// A message as dnstap writes it (dnstap.info, dnstap.proto).
struct DnstapFrame {
    private let identity: [UInt8]
    private let version: [UInt8]

    /// Frames of a server.
    init(identity: String, version: String) {
        (self.identity, self.version) = (Array(identity.utf8), Array(version.utf8))
    }

    /// The frame of a message.
    func bytes(_ tapped: MessageTap.Message) -> [UInt8] {
        var message = ProtobufWriter()
        let isResponse = tapped.kind == .clientResponse || tapped.kind == .forwarderResponse
        let isClients = tapped.kind == .clientQuery || tapped.kind == .clientResponse
        let peer = IPAddress(number: tapped.peer)
        message.number(1, UInt64(tapped.kind.rawValue))
        message.number(2, peer.family == .v4 ? 1 : 2)
        message.number(3, UInt64(tapped.carrier.rawValue))
        // Who asked, or who was asked.
        message.data(isClients ? 4 : 5, peer.bytes)
        if tapped.port > 0 { message.number(isClients ? 6 : 7, UInt64(tapped.port)) }
        Self.time(tapped.asked, 8, to: &message)
        if isResponse {
            Self.time(tapped.time, 12, to: &message)
            message.data(14, tapped.bytes)
        } else {
            message.data(10, tapped.bytes)
        }
        var frame = ProtobufWriter()
        frame.data(1, identity)
        frame.data(2, version)
        frame.data(14, message.bytes)
        // Of the kind that is a message.
        frame.number(15, 1)
        return frame.bytes
    }

    /// A moment, as seconds and nanoseconds in two fields.
    private static func time(_ time: Int64, _ field: UInt64, to message: inout ProtobufWriter) {
        let (seconds, rest) = max(0, time).quotientAndRemainder(dividingBy: 1_000_000_000)
        message.number(field, UInt64(seconds))
        message.fixed(field + 1, UInt32(rest))
    }
}

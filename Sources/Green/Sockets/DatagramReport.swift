internal import CGreen
internal import Glibc

/// What the kernel or the network said of one datagram that a connected socket has sent: that it was refused at sending,
/// or that an ICMP message (port unreachable, too big) came for it.
///
/// An ICMP message is a hint, no verdict: anybody can send one who guesses the socket's port. What it quotes shows which
/// datagram it is about, and whether its sender has seen that datagram; believe it of that one alone.
public struct DatagramReport: Sendable, Hashable {
    /// Who says so.
    public enum Origin: Sendable, Hashable {
        /// The kernel, when it was to send the datagram: it never left. Nobody else can cause this.
        case sending
        /// The kernel, later (SO_EE_ORIGIN_LOCAL).
        case local
        /// An ICMP or ICMPv6 message, true or forged.
        case icmp
        /// Unknown: an error was pending on the socket, without an entry in its error queue.
        case unknown
    }

    /// Who says so.
    public let origin: Origin
    /// What is wrong.
    public let error: SocketError
    /// The same, as the system numbers it.
    public let errno: Int32
    /// Type and code of the ICMP message, else 0.
    public let icmpType: UInt8
    /// See `icmpType`.
    public let icmpCode: UInt8
    /// For EMSGSIZE the size of packets that is claimed to fit, else 0.
    public let mtu: UInt32
    /// The address from which the ICMP message seemed to come.
    public let reporter: IPAddress?
    /// The datagram's payload: all of it for one that was refused at sending, else as much as is quoted, which may be
    /// nothing.
    public let payload: [UInt8]

    /// Bytes of a quoted payload that are kept at most. Routers quote 548 (RFC 1812 4.3.2.3), or 1232 (RFC 4443 2.4).
    static let longestQuote = 2048

    /// A report of which only the number is known.
    init(_ origin: Origin, errno code: Int32, payload: [UInt8] = []) {
        self.origin = origin
        error = SocketError(errno: code, call: "sendmmsg")
        errno = code
        (icmpType, icmpCode, mtu, reporter) = (0, 0, 0, nil)
        self.payload = payload
    }

    /// A report of an ICMP message, as the error queue has it.
    init(errno code: Int32, type: UInt8, code icmpCode: UInt8, mtu: UInt32, reporter: IPAddress?, payload: [UInt8]) {
        origin = .icmp
        error = SocketError(errno: code, call: "recvmsg")
        errno = code
        icmpType = type
        self.icmpCode = icmpCode
        self.mtu = mtu
        self.reporter = reporter
        self.payload = payload
    }

    /// An entry of the kernel's error queue.
    init(_ entry: green_report, payload: [UInt8]) {
        origin =
            switch Int(entry.origin) {
            case GREEN_ORIGIN_LOCAL: .local
            case GREEN_ORIGIN_ICMP: .icmp
            default: .unknown
            }
        error = SocketError(errno: entry.error, call: "recvmsg")
        errno = entry.error
        icmpType = entry.type
        icmpCode = entry.code
        mtu = entry.error == EMSGSIZE ? entry.info : 0
        reporter = SocketAddress(entry.reporter)?.ip
        self.payload = payload
    }
}

extension DatagramReport: CustomStringConvertible {
    /// One line for a log, without the payload.
    public var description: String {
        switch origin {
        case .sending: "the kernel did not send it: \(error)"
        case .local: "the kernel: \(error)"
        case .icmp: "ICMP type \(icmpType) code \(icmpCode) from \(reporter.map(String.init(describing:)) ?? "nobody"): \(error)"
        case .unknown: "\(error)"
        }
    }
}

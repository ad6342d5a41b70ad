import Glibc
import Green

/// Gives the calling thread a network of its own; false where it may not.
func leaveNetwork() -> Bool {
    // Swift's Glibc does not show `unshare`.
    guard let symbol = dlsym(nil, "unshare") else { return false }
    let unshare = unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Int32).self)
    return unshare(0x4000_0000) == 0
}

/// Whether this process may make network namespaces and raw sockets.
let mayMakeNamespaces: Bool = {
    let result = Lockbox(false)
    onThread { result.value = leaveNetwork() }
    return result.value
}()

/// A value that a thread leaves for who joins it.
final class Lockbox<Value>: @unchecked Sendable {
    var value: Value
    init(_ value: Value) { self.value = value }
}

/// Runs `body` on a thread of its own and waits for it.
func onThread(_ body: @escaping () -> Void) {
    let box = Unmanaged.passRetained(Lockbox(body))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { context in
            Unmanaged<Lockbox<() -> Void>>.fromOpaque(context!).takeRetainedValue().value()
            return nil
        }, box.toOpaque())
    precondition(code == 0)
    pthread_join(thread, nil)
}

/// Runs `body` on a hub of a thread that has a network of its own, with loopback alone, and waits for it.
func onPrivateNetwork(_ body: @escaping (Hub) throws -> Void) throws {
    let failure = Lockbox<(any Error)?>(nil)
    onThread {
        precondition(leaveNetwork())
        setLoopback()
        do { try onHub { try body($0) } } catch { failure.value = error }
    }
    if let error = failure.value { throw error }
}

/// Takes the loopback interface of the thread's network up, with an address in place of the one that it had.
func setLoopback(_ address: SocketAddress = SocketAddress(.loopback, port: 0)) {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    var request = ifreq()
    withUnsafeMutableBytes(of: &request.ifr_ifrn) { $0.copyBytes(from: "lo".utf8) }
    var raw = sockaddr_in()
    raw.sin_family = sa_family_t(AF_INET)
    raw.sin_addr.s_addr = address.ip.bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
    withUnsafeMutableBytes(of: &request.ifr_ifru) { room in withUnsafeBytes(of: raw) { room.copyMemory(from: $0) } }
    precondition(ioctl(descriptor, UInt(SIOCSIFADDR), &request) == 0)
    request.ifr_ifru.ifru_flags = Int16(IFF_UP | IFF_LOOPBACK | IFF_RUNNING)
    precondition(ioctl(descriptor, UInt(SIOCSIFFLAGS), &request) == 0)
}

/// Sends a forged ICMP message to 127.0.0.1, from 127.0.0.66, about a datagram between two of its ports.
func forgeICMP(type: UInt8, code: UInt8, from local: UInt16, to peer: UInt16, quoting payload: [UInt8]) {
    func word(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }
    var quoted: [UInt8] = [0x45, 0] + word(28 + payload.count) + [0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]
    quoted += word(Int(local)) + word(Int(peer)) + word(8 + payload.count) + [0, 0] + payload
    var message: [UInt8] = [type, code, 0, 0, 0, 0, 2, 0] + quoted
    if message.count % 2 == 1 { message.append(0) }
    var sum = 0
    for index in stride(from: 0, to: message.count, by: 2) { sum += Int(message[index]) << 8 | Int(message[index + 1]) }
    while sum > 0xFFFF { sum = (sum & 0xFFFF) + sum >> 16 }
    message.replaceSubrange(2..<4, with: word(~sum & 0xFFFF))
    let descriptor = socket(AF_INET, Int32(SOCK_RAW.rawValue), 1)
    precondition(descriptor >= 0)
    defer { close(descriptor) }
    func address(_ last: UInt32) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = (0x7F00_0000 | last).bigEndian
        return address
    }
    func with<Result>(_ address: sockaddr_in, _ body: (UnsafePointer<sockaddr>) -> Result) -> Result {
        withUnsafePointer(to: address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) } }
    }
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    precondition(with(address(66)) { bind(descriptor, $0, size) } == 0)
    precondition(with(address(1)) { sendto(descriptor, message, message.count, 0, $0, size) } == message.count)
}

import Foundation

/// Stands in for systemd: starts the program with the sockets of units and those that it keeps, and keeps what the program
/// gives it to keep.
final class ServiceManager {
    private let directory: TestDirectory
    private let socket: Int32
    private let configuration: String
    /// What is kept, by name, and what units have opened.
    private(set) var kept: [(name: String, descriptor: Int32)] = []
    private(set) var opened: [(name: String, descriptor: Int32)] = []
    /// All that it was told.
    private(set) var messages: [String] = []
    private(set) var process: ManagedProcess?

    /// A manager of a service with some configuration.
    init(_ yaml: String) throws {
        directory = try TestDirectory()
        configuration = try directory.write(yaml + "\ncontrol: off\n", to: "vireo.yaml")
        socket = Foundation.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: directory.file("notify").utf8) }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0 else { throw POSIXError(.EADDRINUSE) }
    }

    deinit {
        for each in kept + opened { close(each.descriptor) }
        close(socket)
    }

    /// Opens a socket of a unit on a port of 127.0.0.1, or of all addresses.
    func open(_ type: __socket_type, port: UInt16, named name: String, anywhere: Bool = false) throws {
        let descriptor = Self.high(Foundation.socket(AF_INET, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
        var address = loopback(port)
        if anywhere { address.sin_addr.s_addr = 0 }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw POSIXError(.EADDRINUSE) }
        if type == SOCK_STREAM { listen(descriptor, 100) }
        opened.append((name, descriptor))
    }

    /// A descriptor above those that programs are handed.
    private static func high(_ descriptor: Int32) -> Int32 {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 200)
        close(descriptor)
        return copy
    }

    /// Starts the program and waits until it says that it is ready.
    func start() throws {
        let process = try startOnly()
        let before = messages.count
        try eventually("the program to be ready; it says: \(process.errors)") {
            takeMessages()
            return messages.dropFirst(before).contains("READY=1") ? true : nil
        }
    }

    /// Starts the program.
    func startOnly() throws -> ManagedProcess {
        let all = opened + kept
        // Only the program itself knows its number.
        let names = all.map(\.name).joined(separator: ":")
        let script = "export LISTEN_PID=$$ LISTEN_FDS=\(all.count) LISTEN_FDNAMES='\(names)'; exec \"$0\" serve --config \"$1\""
        let process = try ManagedProcess(
            ["sh", "-c", script, VireoServer.binary, configuration], environment: ["NOTIFY_SOCKET": directory.file("notify")],
            handed: all.map(\.descriptor))
        self.process = process
        return process
    }

    /// Stops the program and starts it anew.
    func restart() throws {
        process?.send(SIGTERM)
        try process?.waitForExit(within: .seconds(10))
        takeMessages()
        try start()
    }

    /// Takes what the program has said.
    func takeMessages() {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        var control = [UInt64](repeating: 0, count: 200)
        while true {
            var received: [Int32] = []
            let count = buffer.withUnsafeMutableBytes { data in
                control.withUnsafeMutableBytes { rights in
                    var part = iovec(iov_base: data.baseAddress, iov_len: data.count)
                    return withUnsafeMutablePointer(to: &part) { parts in
                        var header = msghdr()
                        header.msg_iov = parts
                        header.msg_iovlen = 1
                        header.msg_control = rights.baseAddress
                        header.msg_controllen = rights.count
                        let count = recvmsg(socket, &header, Int32(MSG_DONTWAIT) | Int32(MSG_CMSG_CLOEXEC))
                        let head = MemoryLayout<cmsghdr>.size
                        if count > 0, header.msg_controllen >= head {
                            let length = rights.load(as: cmsghdr.self).cmsg_len
                            for offset in stride(from: head, to: length, by: 4) {
                                received.append(rights.load(fromByteOffset: offset, as: Int32.self))
                            }
                        }
                        return count
                    }
                }
            }
            guard count > 0 else { return }
            note(String(decoding: buffer[..<count], as: UTF8.self), received)
        }
    }

    private func note(_ message: String, _ descriptors: [Int32]) {
        messages.append(message)
        let lines = message.split(separator: "\n").map(String.init)
        let name = lines.first { $0.hasPrefix("FDNAME=") }.map { String($0.dropFirst(7)) } ?? ""
        if lines.contains("FDSTOREREMOVE=1") {
            for each in kept where each.name == name { close(each.descriptor) }
            kept.removeAll { $0.name == name }
        }
        for descriptor in descriptors {
            // What it has already is not kept twice.
            if kept.contains(where: { Self.number($0.descriptor) == Self.number(descriptor) }) {
                close(descriptor)
            } else {
                kept.append((name, Self.high(descriptor)))
            }
        }
    }

    private static func number(_ descriptor: Int32) -> ino_t {
        var info = stat()
        fstat(descriptor, &info)
        return info.st_ino
    }
}

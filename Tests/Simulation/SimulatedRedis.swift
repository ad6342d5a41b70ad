internal import Green
internal import SimulatedDaemon
internal import TestSupport

/// A Redis on a host of its own, at the level of its protocol: what answers and flushes need of it.
final class SimulatedRedis {
    var behaviour: RedisBehaviour
    private let log: Chronicle
    private var lists: [String: [[UInt8]]] = [:]
    /// Who listens to channels.
    private var listeners: [Link] = []
    private var values: [String: [UInt8]] = [:]
    /// When values end, on its own clock.
    private var ends: [String: Double] = [:]
    private let now: () -> Double
    private var random: SeededNumbers
    private var server: StreamServer?

    /// A connection, on which one writes at a time.
    private final class Link {
        let stream: StreamSocket
        private let turn = Semaphore(1)

        init(_ stream: StreamSocket) { self.stream = stream }

        func write(_ bytes: [UInt8]) throws { try turn.withPermit { try stream.write(bytes) } }
    }

    init(_ world: VirtualWorld, _ behaviour: RedisBehaviour, _ log: Chronicle) {
        self.behaviour = behaviour
        self.log = log
        now = { log.now() }
        random = SeededNumbers(seed: world.seed ^ 0x5ED1)
        let host = world.addHost("redis", [IPAddress("10.0.2.1")!])
        world.run(on: host, name: "redis") { [self] hub in
            let address = SocketAddress(host.addresses[0], port: 6379)
            let listener = try hub.loop.listen(.stream, at: address, options: ListenOptions())
            server = try StreamServer(listener: listener, limit: 100) { [unowned self] in try serve($0) }
            server?.start()
            try sleep(.seconds(10_000_000))
        }
    }

    private func serve(_ stream: StreamSocket) throws {
        let link = Link(stream)
        defer { listeners.removeAll { $0 === link } }
        var input: [UInt8] = []
        var count = 0
        while true {
            while let command = Self.takeCommand(&input) {
                count += 1
                log.say(of: Self.name(in: command), "redis, which is \(behaviour), is asked \(Self.text(command))")
                switch behaviour {
                case .down: return
                case .silent: continue
                case .closing where count % 5 == 0: return
                case .garbage where count % 2 == 0:
                    try link.write(Array("$-7\r\n*x\r\n".utf8))
                    continue
                case .slow: try sleep(.milliseconds(Int.random(in: 1...60, using: &random)))
                default: break
                }
                try link.write(reply(to: command, from: link))
            }
            let more = try stream.read(upTo: 4096)
            if more.isEmpty { return }
            input += more
        }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// A command in words, without the value that it may bring.
    private static func text(_ command: [[UInt8]]) -> String {
        command.prefix(3).map { $0.count < 60 ? String(decoding: $0, as: UTF8.self) : "\($0.count) bytes" }.joined(separator: " ")
    }

    /// The name that the key of a command is about, as in `vireo:1:n1.z1.org.:A:IN`.
    private static func name(in command: [[UInt8]]) -> String {
        let words = command.count > 1 ? String(decoding: command[1], as: UTF8.self).split(separator: ":") : []
        return words.count == 5 ? String(words[2].dropLast()) : "redis"
    }

    /// Hands a message to all who listen: to how many.
    private func publish(_ channel: [UInt8], _ message: [UInt8]) -> Int {
        let bytes = Array("*3\r\n$7\r\nmessage\r\n".utf8) + bulk(channel) + bulk(message)
        for link in listeners { spawn(name: "message") { try? link.write(bytes) } }
        return listeners.count
    }

    private func bulk(_ bytes: [UInt8]) -> [UInt8] { Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8) }

    private func reply(to command: [[UInt8]], from link: Link) -> [UInt8] {
        let key = command.count > 1 ? text(command[1]) : ""
        for (each, end) in ends where end <= now() { (values[each], ends[each]) = (nil, nil) }
        switch text(command[0]).uppercased() {
        case "GETRANGE":
            var value = values[key] ?? []
            // A wrong value: a bit of its last record is another. The checksum behind it, four bytes, is as it was.
            if behaviour == .wrongValues, value.count > 40 {
                value[value.count - 5 - Int.random(in: 0..<4, using: &random)] ^= 4
            }
            return bulk(value)
        case "GET": return values[key].map(bulk) ?? Array("$-1\r\n".utf8)
        case "SET":
            values[key] = command[2]
            ends[key] = command.count > 4 ? Double(text(command[4])).map { now() + $0 / 1_000 } : nil
            return Array("+OK\r\n".utf8)
        case "GETSET":
            defer { values[key] = command[2] }
            return values[key].map(bulk) ?? Array("$-1\r\n".utf8)
        case "UNLINK", "DEL":
            let count = command.dropFirst().count { values.removeValue(forKey: text($0)) != nil }
            return Array(":\(count)\r\n".utf8)
        case "EXISTS": return Array(":\(values[key] == nil ? 0 : 1)\r\n".utf8)
        case "SCAN":
            let keys = values.keys.sorted()
            return Array("*2\r\n$1\r\n0\r\n*\(keys.count)\r\n".utf8) + keys.flatMap { bulk(Array($0.utf8)) }
        case "PUBLISH": return Array(":\(publish(command[1], command[2]))\r\n".utf8)
        case "RPUSH":
            lists[key, default: []] += command.dropFirst(2)
            return Array(":\(lists[key]!.count)\r\n".utf8)
        case "LRANGE":
            let items = lists[key] ?? []
            return Array("*\(items.count)\r\n".utf8) + items.flatMap(bulk)
        case "SUBSCRIBE":
            listeners.append(link)
            return Array("*3\r\n$9\r\nsubscribe\r\n".utf8) + bulk(command[1]) + Array(":1\r\n".utf8)
        case "PING": return Array("+PONG\r\n".utf8)
        default: return Array("+OK\r\n".utf8)
        }
    }

    /// Takes a whole command from the front; nil when there is none.
    private static func takeCommand(_ input: inout [UInt8]) -> [[UInt8]]? {
        var position = 0
        func number(after mark: Character) -> Int? {
            guard position < input.count, input[position] == mark.asciiValue,
                let end = input[position...].firstIndex(of: 13), end + 1 < input.count
            else { return nil }
            defer { position = end + 2 }
            return Int(String(decoding: input[(position + 1)..<end], as: UTF8.self))
        }
        guard let count = number(after: "*") else { return nil }
        var parts: [[UInt8]] = []
        for _ in 0..<count {
            guard let length = number(after: "$"), position + length + 2 <= input.count else { return nil }
            parts.append(Array(input[position..<position + length]))
            position += length + 2
        }
        input.removeFirst(position)
        return parts
    }
}

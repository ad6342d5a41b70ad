import Green

/// A Redis in the simulated world, with as much of it as answers need, and as slow as a test wants.
final class ScriptedRedis {
    /// How long each reply takes.
    var delay = Duration.zero
    /// How often a value was asked for.
    private(set) var gets = 0
    /// The keys that were set, one by one.
    private(set) var sets: [String] = []
    /// For how many milliseconds each of them is kept.
    private(set) var lives: [Int?] = []
    private var values: [[UInt8]: [UInt8]] = [:]
    private var server: StreamServer?

    init() throws {
        let address = SocketAddress(.loopback, port: 6379)
        let listener = try Hub.current.loop.listen(.stream, at: address, options: ListenOptions())
        server = try StreamServer(listener: listener, limit: 10) { [unowned self] in try serve($0) }
        server?.start()
    }

    /// Loses all it has.
    func removeAll() { values = [:] }

    private func serve(_ stream: StreamSocket) throws {
        var input: [UInt8] = []
        while true {
            while let command = takeCommand(&input) {
                if delay > .zero { try sleep(delay) }
                try stream.write(reply(to: command))
            }
            let more = try stream.read(upTo: 4096)
            if more.isEmpty { return }
            input += more
        }
    }

    private func reply(to command: [[UInt8]]) -> [UInt8] {
        switch String(decoding: command[0], as: UTF8.self) {
        case "GETRANGE":
            gets += 1
            let value = values[command[1]] ?? []
            return Array("$\(value.count)\r\n".utf8) + value + Array("\r\n".utf8)
        case "SET":
            sets.append(String(decoding: command[1], as: UTF8.self))
            let life = command.count == 5 ? Int(String(decoding: command[4], as: UTF8.self)) : nil
            lives.append(life)
            values[command[1]] = command[2]
            return Array("+OK\r\n".utf8)
        default:
            return Array("+PONG\r\n".utf8)
        }
    }

    /// Takes a whole command from the front; nil when there is none.
    private func takeCommand(_ input: inout [UInt8]) -> [[UInt8]]? {
        var position = 0
        func number(after mark: Character) -> Int? {
            guard let end = input[position...].firstIndex(of: 13), end + 1 < input.count, input[position] == mark.asciiValue
            else {
                return nil
            }
            defer { position = end + 2 }
            return Int(String(decoding: input[(position + 1)..<end], as: UTF8.self))
        }
        guard !input.isEmpty, let count = number(after: "*") else { return nil }
        var parts: [[UInt8]] = []
        for _ in 0..<count {
            guard position < input.count, let length = number(after: "$"), position + length + 2 <= input.count else {
                return nil
            }
            parts.append(Array(input[position..<position + length]))
            position += length + 2
        }
        input.removeFirst(position)
        return parts
    }
}

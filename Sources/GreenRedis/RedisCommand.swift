public import Green

/// A command as it is written on a line: words apart by spaces, and values in between, each of which stays whole whatever is in
/// it.
///
/// ```swift
/// try connection.command("SET user:\(id) \(name) EX 60", until: soon)
/// ```
public struct RedisCommand: ExpressibleByStringInterpolation, Sendable {
    /// Its parts.
    public let arguments: [RedisArgument]

    /// A command without values.
    public init(stringLiteral text: String) {
        var parts = StringInterpolation(literalCapacity: text.utf8.count, interpolationCount: 0)
        parts.appendLiteral(text)
        self.init(stringInterpolation: parts)
    }

    /// A command with values.
    public init(stringInterpolation parts: StringInterpolation) {
        arguments = parts.words.map { RedisArgument($0) }
    }

    /// Its parts as they come.
    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var words: [[UInt8]] = []
        /// Whether what comes next belongs to the last word.
        private var isWithin = false

        /// No parts.
        public init(literalCapacity: Int, interpolationCount: Int) {}

        /// Words of the program's text.
        public mutating func appendLiteral(_ text: String) {
            for byte in text.utf8 {
                if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") { isWithin = false } else { add([byte]) }
            }
        }

        /// A text.
        public mutating func appendInterpolation(_ text: String) { add(Array(text.utf8)) }

        /// A number.
        public mutating func appendInterpolation(_ number: some BinaryInteger) { add(Array("\(number)".utf8)) }

        /// Any bytes.
        public mutating func appendInterpolation(_ bytes: [UInt8]) { add(bytes) }

        /// Several values, each a part of its own.
        public mutating func appendInterpolation(_ values: [RedisArgument]) {
            for value in values {
                isWithin = false
                add(value.bytes)
                isWithin = false
            }
        }

        private mutating func add(_ bytes: [UInt8]) {
            if isWithin { words[words.count - 1] += bytes } else { words.append(bytes) }
            isWithin = true
        }
    }
}

extension RedisConnection {
    /// Sends a command; as the other `command`.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func command(_ command: RedisCommand, until deadline: Instant = .never) throws -> RedisReply {
        try self.command(command.arguments, until: deadline)
    }
}

extension RedisSession {
    /// Sends a command; as the other `command`.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func command(_ command: RedisCommand, until deadline: Instant = .never) throws -> RedisReply {
        try self.command(command.arguments, until: deadline)
    }
}

extension RedisPool {
    /// Sends one command; as the other `command`.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func command(_ command: RedisCommand, until deadline: Instant = .never) throws -> RedisReply {
        try self.command(command.arguments, until: deadline)
    }
}

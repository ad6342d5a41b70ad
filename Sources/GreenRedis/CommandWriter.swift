/// Writes commands as the server reads them (RESP2): an array of texts, each with its length before it.
enum CommandWriter {
    /// Appends a command.
    static func append(_ arguments: [RedisArgument], to buffer: inout [UInt8]) {
        append(UInt8(ascii: "*"), arguments.count, to: &buffer)
        for argument in arguments {
            append(UInt8(ascii: "$"), argument.bytes.count, to: &buffer)
            buffer.append(contentsOf: argument.bytes)
            buffer.append(UInt8(ascii: "\r"))
            buffer.append(UInt8(ascii: "\n"))
        }
    }

    /// A line with a mark and a number.
    private static func append(_ mark: UInt8, _ number: Int, to buffer: inout [UInt8]) {
        buffer.append(mark)
        var scale = 1
        while number / scale >= 10 { scale *= 10 }
        while scale > 0 {
            buffer.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / scale % 10))
            scale /= 10
        }
        buffer.append(UInt8(ascii: "\r"))
        buffer.append(UInt8(ascii: "\n"))
    }
}

internal import CHiredis

/// Writes commands as the server reads them; hiredis does it.
enum CommandWriter {
    /// Appends a command.
    static func append(_ arguments: [RedisArgument], to buffer: inout [UInt8]) {
        let lengths = arguments.map(\.bytes.count)
        var joined: [UInt8] = []
        joined.reserveCapacity(lengths.reduce(0, +) + 1)
        for argument in arguments { joined += argument.bytes }
        // An address even where all arguments are empty.
        joined.append(0)
        unsafe joined.withUnsafeBytes { bytes in
            var offset = 0
            var starts: [UnsafePointer<CChar>?] = unsafe []
            for length in lengths {
                unsafe starts.append((bytes.baseAddress! + offset).assumingMemoryBound(to: CChar.self))
                offset += length
            }
            var target: UnsafeMutablePointer<CChar>?
            let length = unsafe redisFormatCommandArgv(&target, Int32(starts.count), &starts, lengths)
            guard length > 0, let target = unsafe target else { preconditionFailure("GreenRedis: no memory") }
            unsafe buffer.append(contentsOf: UnsafeRawBufferPointer(start: target, count: Int(length)))
            unsafe redisFreeCommand(target)
        }
    }
}

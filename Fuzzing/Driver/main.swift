import CLibFuzzer
import Glibc

// `FUZZ_TARGET=message fuzz CORPUS… -max_total_time=60`: all options are libFuzzer's. Without a target it lists them.

let name = String(cString: getenv("FUZZ_TARGET") ?? strdup(""))

/// What is tried, for a function without a context.
let target = FuzzTarget.all.first { $0.name == name }

guard target != nil else {
    print(FuzzTarget.all.map(\.name).joined(separator: "\n"))
    exit(name.isEmpty ? 0 : 2)
}

var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
let code = withUnsafeMutablePointer(to: &arguments) { arguments in
    LLVMFuzzerRunDriver(&count, arguments) { bytes, count in
        target?.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
        return 0
    }
}
exit(code)

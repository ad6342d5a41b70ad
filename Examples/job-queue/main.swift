// Four workers take jobs from a list in Redis, as they come, and count in a transaction what is done. `job-queue REDIS [JOBS]`,
// such as `job-queue redis://127.0.0.1 100`.
import Green
import GreenRedis

let arguments = Array(CommandLine.arguments.dropFirst())
guard let url = arguments.first.flatMap({ RedisURL($0) }) else { fatalError("usage: job-queue REDIS [JOBS]") }
let jobs = Int(arguments.dropFirst().first ?? "100") ?? 100

try green {
    // Many greenlets use one connection at once; who waits for a job has one for itself.
    let redis = RedisConnection(RedisOptions(url))
    let pool = RedisPool(RedisOptions(url), size: 4)
    _ = try redis.command("DEL example:jobs example:done")
    try withGreenlets { scope in
        for _ in 0..<pool.size {
            scope.spawn {
                while case .array(let job) = try pool.command("BLPOP example:jobs 1") {
                    _ = try redis.transaction([
                        ["INCR", "example:done"], ["SET", "example:last", RedisArgument(job[1].text ?? "")],
                    ])
                }
            }
        }
        for number in 0..<jobs { _ = try redis.command("RPUSH example:jobs \(number)") }
    }
    print("\(try redis.command("GET example:done").text ?? "none") jobs done")
    pool.close()
    redis.close()
}

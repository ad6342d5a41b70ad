// GreenRedis: Redis for greenlets. hiredis writes the protocol (RESP2), `ReplyReader` reads it; the bytes travel over Green's
// own streams.
//
//     let connection = RedisConnection(RedisOptions(RedisURL("redis://127.0.0.1:6379/0")!))
//     let reply = try connection.command(["GET", "key"], until: soon)       // .bytes([…]) or .null
//
//     let pool = RedisPool(RedisOptions(url), size: 10)
//     let job = try pool.command("BLPOP jobs 0")                            // on a connection of its own: it blocks
//
// One command's way over a connection that many share:
//
//     RedisConnection.command   CommandWriter puts it behind those that wait to go out; the greenlet waits
//     the writer's greenlet     sends all that this turn's greenlets wanted, in one call
//     the reader's greenlet     reads what came: often many replies
//     ReplyReader               takes them apart, within limits: nobody else reads them
//     RedisConnection.deliver   replies come in the order of the commands: each wakes the greenlet at the front
//
// A greenlet whose time is over goes away, its place in the row stays: the late reply is dropped there, so that it never
// answers another command. A connection that breaks fails all commands in flight and is made anew, after a pause that
// doubles each time; meanwhile commands fail at once.
//
// Invariants: nothing a server sends makes memory grow beyond the limits of `RedisOptions`. A password is in no text that
// is made for people.

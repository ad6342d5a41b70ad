import GreenRedis
import Testing

@Suite struct URLTests {
    @Test func `a URL is read to its parts`() throws {
        let plain = try #require(RedisURL("redis://cache.example"))
        #expect(plain == RedisURL(.tcp(host: "cache.example", port: 6379)))
        let full = try #require(RedisURL("redis://me:p%40ss:%2F@[2001:db8::1]:7000/3"))
        #expect(full.transport == .tcp(host: "2001:db8::1", port: 7000))
        #expect(full.user == "me")
        #expect(full.password == "p@ss:/")
        #expect(full.database == 3)
        let unix = try #require(RedisURL("redis+unix:///run/redis/redis.sock?db=2"))
        #expect(unix.transport == .unix(path: "/run/redis/redis.sock"))
        #expect(unix.database == 2)
        let entered = try #require(RedisURL("redis+unix://:secret@/run/r.sock"))
        #expect(entered.transport == .unix(path: "/run/r.sock"))
        #expect(entered.user == nil)
        #expect(entered.password == "secret")
        let secure = try #require(RedisURL("rediss://:x@cache.example:6380/1?ca=/etc/ca.pem"))
        #expect(secure.transport == .tls(host: "cache.example", port: 6380))
        #expect(secure.certificateFile == "/etc/ca.pem")
        #expect(secure.database == 1)
    }

    @Test(arguments: [
        "", "redis", "redis:", "redis://", "http://a", "redis://a:b", "redis://a:0", "redis://a:70000", "redis://a/x",
        "redis://me@a", "redis://me:@a", "redis://a:1:2", "redis://[::1", "redis://[::1]x", "redis://%zz", "redis://a%00b",
        "redis+unix://relative", "redis+unix:///", "redis://a?db=x", "redis://a?what=1", "redis://a?ca=/x", "redis://a/1/2",
    ])
    func `what is no URL of a Redis is refused`(_ text: String) {
        #expect(RedisURL(text) == nil)
    }

    @Test func `a URL for people hides the password`() throws {
        #expect("\(try #require(RedisURL("redis://me:hush@a/1")))" == "redis://me:***@a:6379/1")
        #expect("\(try #require(RedisURL("redis+unix://:hush@/r")))" == "redis+unix://:***@/r?db=0")
        #expect("\(try #require(RedisURL("rediss://[::1]")))" == "rediss://[::1]:6379/0")
    }
}

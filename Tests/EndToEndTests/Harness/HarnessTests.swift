import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// The servers that the other tests stand on do what those tests take for granted.
    @Suite struct HarnessTests {
        @Test func `NSD serves the root zone and the tests' own`() throws {
            let nsd = try NSDServer()
            #expect(try nsd.client.ask(".", .soa).answers.count == 1)
            #expect(try nsd.client.ask("com.", .ds, edns: EDNS(dnssecOK: true)).answers.count == 2)
            #expect(try nsd.client.ask("mail.types.example.", .aaaa, over: .tcp).answers.count == 1)
            #expect(try nsd.client.askFully(.query("txt-long.types.example.", .txt)).answers.count == 1)
        }

        @Test func `the fake upstream answers after its delay and counts`() throws {
            let upstream = try FakeUpstream(delay: .milliseconds(50), ip: [192, 0, 2, 9])
            let start = ContinuousClock.now
            let reply = try DNSClient(port: upstream.port).ask("wWw.example.", .a)
            #expect(ContinuousClock.now - start >= .milliseconds(50))
            #expect(reply.answers.map { "\($0)" } == ["wWw.example.\t300\tIN\tA\t192.0.2.9"])
            #expect(upstream.questionCount == 1)
        }

        @Test func `a process is gone when its object is`() throws {
            var process: ManagedProcess? = try ManagedProcess(["sleep", "1000"])
            let pid = try #require(process).pid
            #expect(kill(pid, 0) == 0)
            process = nil
            #expect(kill(pid, 0) == -1)
        }

        @Test(arguments: ["WARNING: ThreadSanitizer: data race (pid=1)", "==1==ERROR: AddressSanitizer: heap-use-after-free on"])
        func `what a sanitizer reports in a program fails the test that started it`(report: String) throws {
            try withKnownIssue {
                try ManagedProcess(["sh", "-c", "echo starting >&2; echo '\(report)' >&2"]).waitForExit()
            } matching: { issue in
                issue.comments.contains { $0.rawValue.contains("Sanitizer: ") }
            }
        }
    }
}

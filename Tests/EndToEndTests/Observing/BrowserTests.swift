import Foundation
import Testing

extension EndToEnd {
    /// A browser that looks names up over HTTPS.
    @Suite struct BrowserTests {
        @Test(.enabled(if: Tool.exists("chromium") && Tool.exists("certutil")))
        func `chromium looks names up over HTTPS, with an authority that it was told to trust`() throws {
            let vireo = try EncryptedVireo(upstreams: ["127.0.0.1:9"], "local: |\n  web.test. 60 IN A 127.0.0.1")
            let home = try TestDirectory()
            let store = home.file("home/.pki/nssdb")
            try FileManager.default.createDirectory(atPath: store, withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: home.file("profile"), withIntermediateDirectories: true)
            #expect(try Tool(["certutil", "-d", "sql:\(store)", "-N", "--empty-password"]).exit == .code(0))
            let trust = ["certutil", "-d", "sql:\(store)", "-A", "-t", "C,,", "-n", "test", "-i", vireo.authority]
            #expect(try Tool(trust).exit == .code(0))
            // Secure: it asks nobody else, whatever happens.
            let template = "https://127.0.0.1:\(vireo.httpsPort)/dns-query"
            try "{\"dns_over_https\":{\"mode\":\"secure\",\"templates\":\"\(template)\"}}"
                .write(toFile: home.file("profile/Local State"), atomically: true, encoding: .utf8)
            let browser = [
                "env", "HOME=\(home.file("home"))", "timeout", "60", "chromium", "--headless", "--no-sandbox", "--disable-gpu",
                "--user-data-dir=\(home.file("profile"))", "--dump-dom",
            ]
            let known = try Tool(browser + ["http://web.test:\(vireo.httpPort)/nowhere"])
            #expect(known.output.contains("no such path"), "\(known.output.prefix(500)) \(known.errors.suffix(500))")
        }
    }
}

import Foundation
import GreenRedis
import Testing

@testable import Daemon

/// Secrets that stand in files of their own, or are handed over by systemd.
@Suite struct SecretFileTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("vireo-secret-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try body(directory)
    }

    private func load(_ yaml: String, in directory: String, credentials: String? = nil) throws -> Settings {
        let file = directory + "/vireo.yaml"
        try yaml.write(toFile: file, atomically: true, encoding: .utf8)
        return try ConfigurationLoader(file: file, usualFile: nil, credentials: credentials, machine: { [] }).load()
    }

    @Test func `a password and a token are read from files and credentials, and are shown nowhere`() throws {
        try withDirectory { directory in
            try "topsecret\n".write(toFile: directory + "/redis", atomically: true, encoding: .utf8)
            try "a-long-random-word-here\n".write(toFile: directory + "/token", atomically: true, encoding: .utf8)
            let yaml = """
                cache: {redis: "redis://192.0.2.6/0", redis-password-file: redis}
                http: 0.0.0.0:9153
                http-token-file: \(directory)/token
                """
            let settings = try load(yaml, in: directory, credentials: directory)
            #expect(settings.cache.redis?.password == "topsecret" && settings.httpToken == "a-long-random-word-here")
            let shown = SettingsListing(settings).text
            #expect(!shown.contains("topsecret") && !shown.contains("a-long-random"))
            // The file of the settings itself holds none.
            #expect(settings.warnings.allSatisfy { !$0.contains("every user of this machine can read") })
        }
    }

    @Test func `headers of a collector stand in a file one a line, and of a line that is none the number is said`() throws {
        try withDirectory { directory in
            let yaml = "otlp: {to: \"http://collector.example:4318\", headers-file: \(directory)/headers}"
            func write(_ text: String) throws {
                try text.write(toFile: directory + "/headers", atomically: true, encoding: .utf8)
            }
            try write("Authorization: Bearer topsecret\n\n \r\nX-Scope: one\n")
            let settings = try load(yaml, in: directory)
            #expect(settings.otlp?.headersOfFile == ["Authorization: Bearer topsecret", "X-Scope: one"])
            #expect(!SettingsListing(settings).text.contains("topsecret"))
            #expect(settings.warnings.contains { $0.hasPrefix("otlp sends its headers") })
            let near = yaml.replacing("http://collector.example", with: "http://127.0.0.1")
            for quiet in [near, yaml.replacing("http:", with: "https:")] {
                #expect(try !load(quiet, in: directory).warnings.contains { $0.hasPrefix("otlp") })
            }
            try write("a: b\n\ntopsecret without a colon\n")
            let failure = #expect(throws: ConfigurationError.self) { try load(yaml, in: directory) }
            #expect(failure.map { "\($0)".contains("line 3 of") && !"\($0)".contains("topsecret") } == true)
        }
    }

    @Test func `a collector's authorities are read from a PEM file, for https alone`() throws {
        try withDirectory { directory in
            try "no certificate".write(toFile: directory + "/ca", atomically: true, encoding: .utf8)
            for (yaml, part) in [
                ("otlp: {to: \"https://a.example\", ca: \(directory)/ca}", "no certificate in"),
                ("otlp: {to: \"https://a.example\", ca: \(directory)/none}", "none"),
                ("otlp: {to: \"http://a.example\", ca: \(directory)/ca}", "no https URL"),
            ] {
                let failure = #expect(throws: ConfigurationError.self) { try load(yaml, in: directory) }
                #expect(failure.map { "\($0)".contains(part) } == true, "\(yaml)")
            }
        }
    }

    @Test func `a secret that is missing, empty or no secret is named, never shown`() throws {
        try withDirectory { directory in
            try "short".write(toFile: directory + "/token", atomically: true, encoding: .utf8)
            try "\n".write(toFile: directory + "/empty", atomically: true, encoding: .utf8)
            for (yaml, part) in [
                ("http-token-file: \(directory)/token", "16 to 256"), ("http-token-file: \(directory)/none", "none"),
                ("cache: {redis: \"redis://192.0.2.6/0\", redis-password-file: \(directory)/empty}", "empty"),
                ("cache: {redis-password-file: \(directory)/token}", "cache.redis"),
                ("http-token-file: token", "LoadCredential"),
                ("http-token: a-long-random-word-here\nhttp-token-file: \(directory)/token", "http-token"),
            ] {
                do {
                    _ = try load(yaml, in: directory)
                    Issue.record("taken: \(yaml)")
                } catch {
                    #expect("\(error)".contains(part) && !"\(error)".contains("short"), "\(error)")
                }
            }
        }
    }
}

internal import Glibc
internal import GreenRedis
internal import Resolver

/// Secrets that stand in files of their own: by path, or by the name of a systemd credential (`LoadCredential=`), which has no slash.
extension ConfigurationLoader {
    /// Where systemd has put the credentials of this service.
    package static var systemCredentials: String? {
        unsafe getenv("CREDENTIALS_DIRECTORY").map { unsafe String(cString: $0) }
    }

    /// A longer file holds no secret.
    private static let longestSecret = 4_096

    /// Whether a word can be `http-token`.
    static func isToken(_ text: String) -> Bool {
        (16...256).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// Reads those that the settings name; what is wrong with one is said without showing it, and the others are read as well.
    func readSecrets(into reading: inout SettingsReading) {
        var settings = reading.settings
        var faults = ConfigurationFaults()
        if let path = settings.cache.redisPasswordFile {
            let place = reading.place(of: ["cache", "redis-password-file"])
            faults.collect { () throws(ConfigurationError) in
                guard settings.cache.redis != nil else {
                    // One that cannot be read is told of already.
                    if reading.isWritten(["cache", "redis"]) { return }
                    throw .badValue(place, problem: "there is no cache.redis whose password it would be", expected: "cache.redis")
                }
                guard settings.cache.redis?.password == nil else {
                    throw .badValue(place, problem: "cache.redis has a password as well", expected: "one of both")
                }
                settings.cache.redis?.password = try secret(path, place)
            }
        }
        if let path = settings.httpTokenFile {
            let place = reading.place(of: ["http-token-file"])
            faults.collect { () throws(ConfigurationError) in
                guard settings.httpToken == nil else {
                    throw .badValue(place, problem: "there is http-token as well", expected: "one of both")
                }
                let token = try secret(path, place)
                guard Self.isToken(token) else {
                    throw .badValue(
                        place, problem: "what stands in \(quoted(path)) is not that",
                        expected: "a word of 16 to 256 printable characters without spaces")
                }
                settings.httpToken = token
            }
        }
        if let path = settings.otlp?.headersFile {
            let place = reading.place(of: ["otlp", "headers-file"])
            faults.collect { () throws(ConfigurationError) in
                settings.otlp?.headersOfFile = try headers(try secret(path, place), path, place)
            }
        }
        if let path = settings.otlp?.ca {
            let place = reading.place(of: ["otlp", "ca"])
            faults.collect { () throws(ConfigurationError) in settings.otlp?.authorities = try authorities(path, place) }
        }
        reading.settings = settings
        reading.faults.add(contentsOf: faults)
    }

    /// A longer file holds no certificates of authorities.
    private static let longestAuthorities = 1 << 20

    /// The certificates in a file.
    private func authorities(_ path: String, _ place: ConfigurationPlace) throws(ConfigurationError) -> String {
        let expected = "certificates in PEM"
        let text = try read(path, limit: Self.longestAuthorities, place, expected: expected)
        guard text.contains("-----BEGIN ") else {
            throw .badValue(place, problem: "there is no certificate in \(quoted(path))", expected: expected)
        }
        return text
    }

    /// The headers in a text, one a line; what is wrong with a line is said without showing it.
    private func headers(_ text: String, _ path: String, _ place: ConfigurationPlace) throws(ConfigurationError) -> [String] {
        var headers: [String] = []
        for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            if line.allSatisfy({ $0 == " " || $0 == "\t" }) { continue }
            guard OTLPSettings.header(String(line)) != nil else {
                throw .badValue(
                    place, problem: "line \(number + 1) of \(quoted(path)) is not that",
                    expected: "a header such as \"Authorization: Bearer a-word\"")
            }
            headers.append(String(line))
        }
        return headers
    }

    /// The text of a file that a setting names.
    private func read(
        _ path: String, limit: Int, _ place: ConfigurationPlace, expected: String
    ) throws(ConfigurationError) -> String {
        do throws(ConfigurationError) {
            return try TextFile(path, limit: limit).read()
        } catch {
            throw .badValue(place, problem: "\(error)", expected: expected)
        }
    }

    /// What stands in a file, but for the end of its line.
    private func secret(_ path: String, _ place: ConfigurationPlace) throws(ConfigurationError) -> String {
        var file = path
        if !path.contains("/") {
            guard let credentials else {
                throw .badValue(
                    place, problem: "\(quoted(path)) has no slash and is no credential: this process was handed none",
                    expected: "a path, or LoadCredential=\(path):… in the unit")
            }
            file = credentials + "/" + path
        }
        var text = try read(file, limit: Self.longestSecret, place, expected: "a file with a secret in it")
        while text.last?.isNewline == true { text.removeLast() }
        guard !text.isEmpty else { throw .badValue(place, problem: "\(quoted(file)) is empty", expected: "a secret in it") }
        return text
    }
}

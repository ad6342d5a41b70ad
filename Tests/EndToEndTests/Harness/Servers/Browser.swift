import Foundation
import Testing

/// A real browser without a window (Debian's chromium), driven over its pipe by the DevTools protocol.
final class Browser {
    private let directory: TestDirectory
    private let process: ManagedProcess
    private let input: Int32
    private let output: Int32
    private var pending: [UInt8] = []
    private var number = 0
    private var session: String?
    /// What the page has complained of: exceptions, errors of the console, what its policy forbids.
    private(set) var complaints: [String] = []

    /// A command that the browser could not do, or an answer that did not come.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Starts it with an empty page of a size.
    init(width: Int = 1440, height: Int = 1000) throws {
        directory = try TestDirectory()
        let (commands, answers) = (directory.file("commands"), directory.file("answers"))
        for path in [commands, answers] where mkfifo(path, 0o600) != 0 { throw POSIXError(.EIO) }
        let arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
            "--user-data-dir=\(directory.file("profile"))", "about:blank",
        ]
        let line = "exec chromium \(arguments.map { "'\($0)'" }.joined(separator: " ")) 3<'\(commands)' 4>'\(answers)'"
        process = try ManagedProcess(["sh", "-c", line], environment: ["HOME": directory.file("home")])
        // Both ends of each are opened, so that no open waits for the other side.
        input = open(commands, O_RDWR | O_CLOEXEC)
        output = open(answers, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        let target = try command("Target.createTarget", ["url": "about:blank"])
        let attached = try command("Target.attachToTarget", ["targetId": target["targetId"] ?? "", "flatten": true])
        session = attached["sessionId"] as? String
        for domain in ["Runtime", "Log", "Page"] { try command("\(domain).enable") }
        try resize(width: width, height: height)
    }

    deinit {
        close(input)
        close(output)
    }

    /// Shows the page as on a screen of a size.
    func resize(width: Int, height: Int, isMobile: Bool = false) throws {
        try command(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": isMobile])
    }

    /// Shows it in light or dark colours.
    func prefer(dark: Bool) throws {
        let feature = ["name": "prefers-color-scheme", "value": dark ? "dark" : "light"]
        try command("Emulation.setEmulatedMedia", ["features": [feature]])
    }

    /// Goes to an address, and waits until what is there is loaded.
    func go(to url: String) throws {
        try command("Page.navigate", ["url": url])
        try wait(for: "location.href === '\(url)' && document.readyState === 'complete'")
    }

    /// The value of an expression of JavaScript; what it promises is waited for.
    @discardableResult
    func value(_ expression: String) throws -> Any? {
        let found = try command("Runtime.evaluate", ["expression": expression, "awaitPromise": true, "returnByValue": true])
        if let details = found["exceptionDetails"] { throw Failure(description: "\(expression): \(details)") }
        return (found["result"] as? [String: Any])?["value"]
    }

    /// Waits until an expression is true.
    func wait(for expression: String, within limit: Duration = .seconds(20)) throws {
        do {
            try eventually(expression, within: limit) {
                // While a page comes there may be nothing to look at.
                (try? value(expression)) as? Bool == true ? true : nil
            }
        } catch is TimedOut {
            let body = try? value("document.body ? document.body.innerText : ''")
            throw Failure(
                description: "not true: \(expression); complaints: \(complaints); the page says: \(body ?? "nothing")")
        }
    }

    /// Presses a key: a character, `Tab` or `Enter`.
    func press(_ key: String) throws {
        let (code, text) = ["Tab": (9, ""), "Enter": (13, "\r")][key] ?? (0, key)
        for type in ["keyDown", "keyUp"] {
            try command(
                "Input.dispatchKeyEvent",
                ["type": type, "key": key, "windowsVirtualKeyCode": code, "text": type == "keyDown" ? text : ""])
        }
    }

    /// Writes where the focus is.
    func enter(_ text: String) throws { try command("Input.insertText", ["text": text]) }

    /// A picture of what is seen, or of the whole page, as a PNG file.
    func picture(wholePage: Bool = false) throws -> Data {
        let found = try command("Page.captureScreenshot", ["format": "png", "captureBeyondViewport": wholePage])
        return Data(base64Encoded: found["data"] as? String ?? "") ?? Data()
    }

    /// Sends a command and waits for its answer, and notes what the page complains of meanwhile.
    @discardableResult
    private func command(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
        number += 1
        let own = number
        var message: [String: Any] = ["id": own, "method": method, "params": parameters]
        if let session { message["sessionId"] = session }
        let bytes = Array(try JSONSerialization.data(withJSONObject: message)) + [0]
        guard write(input, bytes, bytes.count) == bytes.count else { throw POSIXError(.EPIPE) }
        return try eventually("an answer to \(method); it says: \(process.errors.suffix(2_000))", within: .seconds(30)) {
            if let exit = process.exit { throw Failure(description: "chromium ended with \(exit): \(process.errors)") }
            while let next = try nextMessage() {
                note(next)
                guard next["id"] as? Int == own else { continue }
                if let error = next["error"] { throw Failure(description: "\(method): \(error)") }
                return next["result"] as? [String: Any] ?? [:]
            }
            return nil
        }
    }

    private func note(_ message: [String: Any]) {
        let parameters = message["params"] as? [String: Any] ?? [:]
        let entry = parameters["entry"] as? [String: Any]
        switch message["method"] as? String {
        case "Runtime.exceptionThrown": complaints.append("\(parameters)")
        case "Runtime.consoleAPICalled" where parameters["type"] as? String == "error": complaints.append("\(parameters)")
        case "Log.entryAdded" where entry?["level"] as? String == "error": complaints.append("\(entry ?? [:])")
        default: break
        }
    }

    private func nextMessage() throws -> [String: Any]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(output, &buffer, buffer.count)
            guard count > 0 else { break }
            pending += buffer[..<count]
        }
        guard let end = pending.firstIndex(of: 0) else { return nil }
        defer { pending.removeFirst(end + 1) }
        return try JSONSerialization.jsonObject(with: Data(pending[..<end])) as? [String: Any]
    }
}

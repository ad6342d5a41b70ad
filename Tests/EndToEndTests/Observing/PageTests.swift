import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// The page of a running daemon, in a real browser.
    @Suite(.enabled(if: Tool.exists("chromium"), "chromium is not installed: make test-deps")) struct PageTests {
        private static let token = "0123456789abcdef"

        @Test func `the page loads, shows live figures, explains a name, and complains of nothing`() throws {
            let (upstream, directory) = (try FakeUpstream(delay: .milliseconds(3)), try TestDirectory())
            let port = FreePort.take()
            let ads = try directory.write("||ads.example^\n", to: "ads.txt")
            let server = try VireoServer(
                upstreams: [upstream.address], "http: \"127.0.0.1:\(port)\"\nhttp-page: true\nlists: {ads: {from: \(ads)}}")
            let browser = try Browser()
            try browser.go(to: "http://127.0.0.1:\(port)/")
            try browser.wait(for: "document.getElementById('link').textContent.includes('live')")
            for _ in 0..<5 { _ = try server.ask(#"<img\032src=x\032onerror=alert\(1\)>.example"#, .a) }
            for _ in 0..<5 { _ = try server.ask("www.example.", .a) }
            try browser.wait(for: "document.getElementById('names').innerText.includes('<img\\\\032src=x')")
            try browser.wait(for: "document.getElementById('clients').innerText.includes('127.0.0.1')")
            try browser.wait(for: "document.getElementById('rcodes').innerText.includes('NOERROR')")
            try browser.wait(for: "document.getElementById('slow').innerText.includes('<img\\\\032src=x')")
            try browser.wait(for: "document.getElementById('lists').innerText.includes('ads')")
            // A ratio of hits, and times of what was waited for.
            try browser.wait(for: "/Answered from memory\\s+[0-9.]+ %/.test(document.getElementById('tiles').innerText)")
            try browser.wait(for: "/p99\\s+[0-9.]+ ms/.test(document.getElementById('tiles').innerText)")
            try browser.value("document.querySelector('#slow button').click()")
            try browser.wait(for: "document.getElementById('walk').innerText.includes('memory: an answer')")
            #expect(try browser.value("document.getElementById('said').innerText.includes('as 127.0.0.1')") as? Bool == true)
            try browser.value("document.activeElement.blur()")
            #expect(try browser.value("document.querySelectorAll('img, main script, main a').length") as? Int == 0)
            #expect(try browser.value("document.getElementById('upstreams').innerText.includes('well')") as? Bool == true)
            // By the keyboard alone.
            try browser.press("/")
            #expect(try browser.value("document.activeElement.id") as? String == "name")
            try browser.enter("new.example")
            for id in ["type", "client"] {
                try browser.press("Tab")
                #expect(try browser.value("document.activeElement.id") as? String == id)
            }
            try browser.press("Enter")
            try browser.wait(for: "document.getElementById('walk').innerText.includes('asked over udp')")
            let said = try browser.value("document.getElementById('said').innerText") as? String
            #expect(said?.hasPrefix("NOERROR for new.example. A, as 127.0.0.1 asks, in ") == true, "\(said ?? "")")
            #expect(try browser.value("document.getElementById('acts').hidden") as? Bool == true)
            #expect(try browser.value(Self.unlabelled) as? [String] == [])
            #expect(browser.complaints == [])
        }

        @Test func `in light and dark, wide and on a phone, all words can be read and nothing is wider than the screen`() throws {
            let upstream = try FakeUpstream(delay: .milliseconds(3))
            let port = FreePort.take()
            let server = try VireoServer(upstreams: [upstream.address], "http: \"127.0.0.1:\(port)\"\nhttp-page: true")
            let browser = try Browser()
            try browser.go(to: "http://127.0.0.1:\(port)/")
            try browser.wait(for: "document.getElementById('link').textContent.includes('live')")
            let long = (0..<3).map { "\($0)" + String(repeating: "w", count: 62) }.joined(separator: ".")
            _ = try server.ask("\(long).example.", .a)
            try browser.wait(for: "document.getElementById('names').innerText.includes('wwww')")
            try browser.wait(for: "document.getElementById('slow').innerText.includes('wwww')")
            try browser.value(
                "document.getElementById('name').value = '\(long).example'; document.getElementById('ask').requestSubmit()")
            try browser.wait(for: "document.getElementById('walk').innerText.includes('answer: from')")
            var backgrounds: Set<String> = []
            for dark in [false, true] {
                try browser.prefer(dark: dark)
                backgrounds.insert(
                    try browser.value("getComputedStyle(document.documentElement).backgroundColor") as? String ?? "")
                for width in [1_440, 390] {
                    try browser.resize(width: width, height: 844, isMobile: width < 500)
                    #expect(try browser.value(Self.unreadable) as? [String] == [], "\(dark ? "dark" : "light"), \(width) wide")
                    let needed = try browser.value("document.documentElement.scrollWidth") as? Int ?? .max
                    #expect(needed <= width, "\(needed) of \(width)")
                }
            }
            try browser.value("document.getElementById('peak').style.color = 'var(--line)'")
            #expect((try browser.value(Self.unreadable) as? [String])?.count == 1)
            // The button goes through the system's colours, light and dark.
            for theme in ["light", "dark", ""] {
                try browser.value("document.getElementById('theme').click()")
                #expect(try browser.value("document.documentElement.dataset.theme || ''") as? String == theme)
            }
            #expect(backgrounds.count == 2 && browser.complaints == [])
        }

        @Test func `the page says when no upstream answers any more`() throws {
            let (port, nobody) = (FreePort.take(), FreePort.take())
            let server = try VireoServer(upstreams: ["127.0.0.1:\(nobody)"], "http: \"127.0.0.1:\(port)\"\nhttp-page: true")
            let browser = try Browser()
            try browser.go(to: "http://127.0.0.1:\(port)/")
            try browser.wait(for: "document.getElementById('ready').innerText === 'ready'")
            try eventually("the page to say so", within: .seconds(30)) {
                _ = try? server.ask("www.example.", .a)
                let ready = try browser.value("document.getElementById('ready').innerText") as? String
                return ready == "no upstream answers" ? true : nil
            }
            #expect(try browser.value("document.title") as? String == "⚠ Vireo")
            #expect(try browser.value("document.getElementById('upstreams').innerText.includes('well')") as? Bool == false)
            #expect(browser.complaints == [])
        }

        /// Texts whose colour is too near to what is behind them (WCAG 2.1, 1.4.3: 4.5, and 3 for large ones).
        private static let unreadable = """
            (() => {
              const parse = text => text.match(/[\\d.]+/g).map(Number), isSRGB = text => text.startsWith("color(");
              const rgb = text => { const v = parse(text); return isSRGB(text) ? [...v.slice(0, 3).map(x => x * 255), v[3] ?? 1]
                : [v[0], v[1], v[2], v[3] ?? 1]; };
              const light = c => c.slice(0, 3).map(x => x / 255).map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4)
                .reduce((sum, x, i) => sum + x * [.2126, .7152, .0722][i], 0);
              const behind = node => { for (; node; node = node.parentElement) { const c = rgb(getComputedStyle(node).backgroundColor);
                if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
              const found = [];
              for (const node of document.querySelectorAll("body *")) {
                const style = getComputedStyle(node), box = node.getBoundingClientRect();
                const isText = [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
                if (!isText || box.width < 2 || style.visibility !== "visible" || node.closest(".skip, .unseen, script, option")) continue;
                const [one, other] = [light(rgb(style.color)), light(behind(node))].sort((a, b) => b - a);
                const least = parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 600 ? 3 : 4.5;
                const contrast = (one + .05) / (other + .05);
                if (contrast < least) found.push(contrast.toFixed(2) + " " + node.outerHTML.slice(0, 90));
              }
              return found;
            })()
            """

        /// What a screen reader would have no name for.
        private static let unlabelled = """
            [...document.querySelectorAll("button, input, select, section, dialog, [role=img], table")].filter(node =>
              !(node.getAttribute("aria-label") || document.getElementById(node.getAttribute("aria-labelledby")) ||
                node.caption || node.labels?.length || (node.tagName === "BUTTON" && node.textContent.trim()))
            ).map(node => node.outerHTML.slice(0, 80))
            """

        @Test func `with a token the page asks for it, and then flushes and blocks what it is told to`() throws {
            let upstream = try FakeUpstream()
            let port = FreePort.take()
            let server = try VireoServer(
                upstreams: [upstream.address], "http: \"127.0.0.1:\(port)\"\nhttp-token: \(Self.token)")
            _ = try server.ask("www.example.", .a)
            let browser = try Browser(width: 390, height: 844)
            try browser.resize(width: 390, height: 844, isMobile: true)
            try browser.go(to: "http://127.0.0.1:\(port)/")
            try browser.wait(for: "document.getElementById('token-box').open")
            try browser.value(
                "document.getElementById('token').value = '\(Self.token)'; document.getElementById('token-form').requestSubmit()")
            try browser.wait(for: "!document.getElementById('acts').hidden")
            // Nothing is wider than a phone.
            #expect(try browser.value("document.documentElement.scrollWidth <= 390") as? Bool == true)
            func act(_ name: String, _ act: String, saying text: String) throws {
                try browser.value(
                    "document.getElementById('name').value = '\(name)'; document.querySelector('[data-act=\(act)]').click()")
                try browser.wait(for: "document.getElementById('said').innerText.includes('\(text)')")
            }
            try act("www.example", "flush", saying: "1 answers for www.example were removed")
            try act("www.example", "deny", saying: "deny www.example. for 1h more")
            #expect(try server.ask("www.example.", .a).answers.map { "\($0.data)" } == ["0.0.0.0"])
            try act("www.example", "undo", saying: "removed www.example.")
            #expect(try server.ask("www.example.", .a).answers.map { "\($0.data)" } == ["192.0.2.1"])
            // The token was wanted once, which the browser says as an error of the network.
            #expect(browser.complaints.allSatisfy { $0.contains("401") }, "\(browser.complaints)")
        }

        @Test func `a page of another site is told nothing, and nothing is changed without a token`() throws {
            let upstream = try FakeUpstream()
            let port = FreePort.take()
            let server = try VireoServer(upstreams: [upstream.address], "http: \"127.0.0.1:\(port)\"\nhttp-page: true")
            func status(_ path: String, _ arguments: String...) throws -> Int {
                let curl = ["curl", "-s", "-o", "/dev/null", "--max-time", "2", "-w", "%{http_code}"]
                return Int(try Tool(curl + arguments + ["http://127.0.0.1:\(port)\(path)"]).output) ?? 0
            }
            #expect(try status("/") == 200 && status("/v1/live") == 200 && status("/v1/explain?name=a.example") == 403)
            #expect(try status("/v1/explain?name=a.example", "-H", "Sec-Fetch-Site: same-origin") == 200)
            #expect(try status("/v1/live", "-I") == 405 && status("/", "-I") == 200)
            for path in ["/", "/v1/live", "/v1/explain?name=a.example"] {
                #expect(try status(path, "-H", "Host: rebound.example") == 403, "\(path)")
            }
            #expect(try status("/v1/live", "-H", "Sec-Fetch-Site: cross-site") == 403)
            #expect(try status("/v1/explain?name=a.example", "-H", "Sec-Fetch-Site: same-site") == 403)
            #expect(try status("/v1/cache?name=a.example", "-X", "DELETE") == 403)
            #expect(try status("/v1/rules?name=a.example", "-X", "POST") == 403)
            for path in ["/v1/reload", "/v1/log-level?level=trace", "/v1/config", "/v1/cache"] {
                #expect(try status(path, "-X", "PUT") == 405 && status(path) == 404, "\(path)")
            }
            withExtendedLifetime(server) {}
        }

        /// Not a test of behaviour: writes the picture of README anew where it is told where to (VIREO_SCREENSHOT).
        @Test(.enabled(if: ProcessInfo.processInfo.environment["VIREO_SCREENSHOT"] != nil))
        func `a picture of the page is taken where one is wanted`() throws {
            let folder = ProcessInfo.processInfo.environment["VIREO_SCREENSHOT"] ?? "."
            let (one, other) = (
                try FakeUpstream(delay: .milliseconds(12)), try FakeUpstream(delay: .milliseconds(31), silent: "lost")
            )
            let port = FreePort.take()
            let directory = try TestDirectory()
            let ads = try directory.write(
                (0..<50_000).map { "||ads\($0).example^" }.joined(separator: "\n") + "\n||tracker.example^\n", to: "ads.txt")
            let server = try VireoServer(
                upstreams: [one.address, other.address],
                """
                http: "127.0.0.1:\(port)"
                http-token: \(Self.token)
                policy: fastest
                lists: {ads: {from: \(ads)}}
                """)
            let browser = try Browser(width: 1440, height: 1290)
            try browser.go(to: "http://127.0.0.1:\(port)/")
            try browser.value("sessionStorage.setItem('token', '\(Self.token)')")
            try browser.go(to: "http://127.0.0.1:\(port)/")
            let names = ["www", "mail", "cdn", "api", "news", "shop", "git", "time", "img", "static", "video", "docs"]
            let deadline = ContinuousClock.now + .seconds(40)
            var round = 0
            while ContinuousClock.now < deadline {
                round += 1
                let load = 30 + Int(24 * sin(Double(round) / 9)) + Int.random(in: 0...12)
                for _ in 0..<load {
                    let name = names[min(Int.random(in: 0..<12), Int.random(in: 0..<12))]
                    _ = try? server.ask("\(name).example.", .a)
                }
                for _ in 0..<Int.random(in: 0...6) { _ = try? server.ask("h\(Int.random(in: 0...9_999)).example.org.", .a) }
                for _ in 0..<Int.random(in: 0...4) {
                    _ = try? server.ask(round % 3 == 0 ? "ads7.example." : "tracker.example.", .a)
                }
                usleep(70_000)
            }
            try browser.value(
                "document.getElementById('name').value = 'mirror.example.org'; document.getElementById('ask').requestSubmit()")
            try browser.wait(for: "document.getElementById('walk').innerText.includes('store')")
            for dark in [false, true] {
                try browser.prefer(dark: dark)
                try browser.picture().write(to: URL(fileURLWithPath: "\(folder)/page\(dark ? "-dark" : "").png"))
            }
            try browser.resize(width: 390, height: 844, isMobile: true)
            try browser.picture().write(to: URL(fileURLWithPath: "\(folder)/page-phone.png"))
            #expect(browser.complaints.allSatisfy { $0.contains("401") })
        }
    }
}

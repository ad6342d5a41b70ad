// Prints pages, all fetched side by side, and leaves when the last is there. `http-get URL…`.
import Green
import GreenHTTP

try green {
    let client = HTTPClient()
    try withGreenlets { scope in
        for url in CommandLine.arguments.dropFirst() {
            scope.spawn {
                let page = try client.get(url, until: .in(.seconds(10)))
                print("\(url): \(page.status), \(page.body.count) bytes")
            }
        }
    }
}

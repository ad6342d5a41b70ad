internal import Glibc
internal import Green
internal import GreenHTTP
internal import Logging

/// The control socket of a running daemon.
final class ControlServer: Part {
    let name = "control"
    private let settings: Settings
    private let api: ControlAPI
    private let logger: Logger
    private var server: HTTPServer?
    private var path: String?

    /// Requests in progress get this long to end when the daemon stops.
    private static let farewell = Duration.milliseconds(500)

    /// The part that answers by `api` where `settings` say; a reload does not change that.
    init(_ settings: Settings, _ api: ControlAPI, _ logger: Logger) {
        self.settings = settings
        self.api = api
        self.logger = logger
    }

    /// Opens the socket that the settings ask for; none where there is to be none, or where none can be and nobody named a
    /// place. Throws where a named one cannot be.
    func start() throws {
        let path: String
        switch settings.control {
        case .off: return
        case .path(let given): path = given
        case .usual:
            guard let usual = ControlSocket.usualPath() else {
                logger.info("no control socket: there is no directory for it; `control` in the configuration can name a path")
                return
            }
            path = usual
        }
        do throws(SocketError) {
            let isOwnOnly = settings.controlMode & 0o077 == 0
            let server = try HTTPServer { [api] request in
                guard Self.mayAsk(request.peerUser, isOwnOnly) else { throw HTTPError(403, "not for this user") }
                return try Self.answer(request, by: api)
            }
            try server.listen(path: path, mode: settings.controlMode)
            logger.info("control socket open", metadata: ["path": "\(path)"])
            (self.server, self.path) = (server, path)
        } catch {
            let failure = DaemonError.control(path, error)
            guard settings.control == .usual else { throw failure }
            logger.warning("no control socket: \(failure)")
        }
    }

    /// Whether a user may ask, whatever the file's mode has become: root and the daemon's own, and others where the mode of the
    /// settings lets the group in.
    static func mayAsk(_ user: UInt32?, _ isOwnOnly: Bool) -> Bool {
        !isOwnOnly || user == 0 || user == geteuid()
    }

    /// Who may use the socket is told what is wrong, whatever it is.
    private static func answer(_ request: HTTPRequest, by api: ControlAPI) throws -> HTTPResponse {
        do {
            return try api.answer(request)
        } catch let error where !(error is HTTPError) && !(error is Interruption) {
            throw HTTPError(500, "\(error)")
        }
    }

    func status() throws -> [StatusField] {
        guard let path, let server else { return [] }
        return [StatusField("path", path), StatusField("requests", server.requestCount)]
    }

    func stop() throws { try server?.stop(within: Self.farewell) }

    /// No file stays that nobody answers at.
    func abandon() { try? stop() }
}

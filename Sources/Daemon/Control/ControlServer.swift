internal import Green
internal import GreenHTTP
internal import Logging

/// The control socket of a running daemon.
struct ControlServer {
    private let server: HTTPServer

    /// Requests in progress get this long to end when the daemon stops.
    private static let farewell = Duration.milliseconds(500)

    /// Opens the socket that the settings ask for; nil where there is to be none, or none can be where nobody named a
    /// place. Throws where a named one cannot be.
    static func open(_ settings: Settings, _ api: ControlAPI, _ logger: Logger) throws(DaemonError) -> ControlServer? {
        let path: String
        switch settings.control {
        case .off: return nil
        case .path(let given): path = given
        case .usual:
            guard let usual = ControlSocket.usualPath() else {
                logger.info("no control socket: there is no directory for it; `control` in the configuration can name a path")
                return nil
            }
            path = usual
        }
        do throws(SocketError) {
            let server = try HTTPServer { try api.answer($0) }
            try server.listen(path: path, mode: settings.controlMode)
            logger.info("control socket open", metadata: ["path": "\(path)"])
            return ControlServer(server: server)
        } catch {
            guard settings.control == .usual else { throw .control(path, error) }
            let failure = DaemonError.control(path, error)
            logger.warning("no control socket: \(failure)")
            return nil
        }
    }

    /// Closes it.
    func stop() throws(Interruption) {
        try server.stop(within: Self.farewell)
    }
}

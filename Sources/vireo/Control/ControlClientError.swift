/// Why a running daemon could not be asked, or did not do what it was asked for.
enum ControlClientError: Error, CustomStringConvertible {
    /// There is no socket at any of these places.
    case noSocket([String])
    /// Nobody listens at a socket.
    case notRunning(String)
    /// The socket is not for this user.
    case noPermission(String)
    /// A path that cannot be one of a socket.
    case badPath(String)
    /// Any other failure of the connection.
    case connection(String, reason: String)
    /// The daemon says no.
    case refused(String)
    /// The daemon finds mistakes in its settings.
    case badSettings(String)

    /// Whether the file with the settings is to blame.
    var isAboutSettings: Bool {
        if case .badSettings = self { return true }
        return false
    }

    /// One line that says what to do.
    var description: String {
        switch self {
        case .noSocket(let places):
            "no control socket at \(places.joined(separator: " or ")); is the daemon running? (--control names another path)"
        case .notRunning(let path): "\(path): the daemon is not running: nobody listens at its control socket"
        case .noPermission(let path): "\(path): no permission to use the control socket; expected root, its owner or group"
        case .badPath(let path): "\(path): no path of a socket; expected at most 107 bytes"
        case .connection(let path, let reason): "\(path): \(reason)"
        case .refused(let message): message
        case .badSettings(let message): "nothing changed: " + message
        }
    }
}

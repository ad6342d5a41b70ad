internal import Glibc
internal import Green
internal import Logging

/// Gives root up once the ports are taken: started by hand as root, the daemon becomes another user before it reads what
/// strangers send.
final class UserPart: Part {
    let name = "user"
    private let settings: Settings
    private let logger: Logger
    private let listeners: ListenerPart

    /// Who it becomes where nobody is named and there is such a user.
    private static let usual = "vireo"

    /// The part for the user that `settings` name, once `listeners` are bound; a reload does not change it.
    init(_ settings: Settings, _ logger: Logger, listeners: ListenerPart) {
        self.settings = settings
        self.logger = logger
        self.listeners = listeners
    }

    func start() throws {
        guard geteuid() == 0, settings.user != "root" else { return }
        let name = settings.user ?? Self.usual
        guard let entry = unsafe getpwnam(name) else {
            if let user = settings.user { throw DaemonError.user("there is no user \(user); expected one, or root to stay it") }
            // Nobody but this machine's own users reaches it: a trial.
            let taken = listeners.addresses.map(\.address) + [settings.http].compactMap(\.self)
            guard taken.contains(where: { !$0.ip.isLoopback || $0.port < 1024 }) else { return }
            throw DaemonError.user("started as root, and there is no user vireo; expected a name, or root to stay it")
        }
        let (user, group) = unsafe (entry.pointee.pw_uid, entry.pointee.pw_gid)
        // The place of the control socket is made while that is possible.
        if settings.control == .usual, let path = ControlSocket.usualPath() {
            let directory = String(path.dropLast("/control.sock".count))
            _ = unsafe chown(directory, user, group)
        }
        guard unsafe initgroups(name, group) == 0, setgid(group) == 0, setuid(user) == 0,
            geteuid() == user, setuid(0) != 0
        else { throw DaemonError.user("root cannot be given up for \(name): \(SocketError(errno: errno, call: "setuid"))") }
        logger.info("root given up", metadata: ["user": "\(name)"])
    }

    func status() throws -> [StatusField] { [StatusField("uid", geteuid())] }
}

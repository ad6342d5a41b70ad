/// The text of `config/vireo.yaml`, made from the table so that it cannot fall behind.
package enum ExampleFile {
    /// Every key, its default or an example, and one line of why.
    package static var text: String {
        let head = [
            "# Vireo's settings. Each key stands here with its default; keys without one are commented out.",
            "# Check a file with `vireo check FILE`; a running daemon reads it again on SIGHUP (systemctl reload vireo).",
            "# Before /etc/resolv.conf is made to point here, name the resolvers that it names now under `upstreams`.",
        ]
        let keys = Settings.table.keys.map { $0.explanation(Settings()) }
        return ([head] + keys).map { $0.joined(separator: "\n") }.joined(separator: "\n\n") + "\n"
    }
}

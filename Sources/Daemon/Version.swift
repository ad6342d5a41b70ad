/// The version of this program.
package enum Version {
    /// As `vireo --version` prints it.
    package static let text = "0.1.0"
}

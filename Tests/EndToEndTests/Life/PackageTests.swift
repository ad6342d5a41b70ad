import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The Debian package, as it is made; what it does on a machine is tried by `make trial`.
    @Suite struct PackageTests {
        private static let canPack = Tool.exists("dpkg-shlibdeps") && Tool.exists("dpkg-parsechangelog")

        @Test(.enabled(if: canPack, "needs dpkg-dev"))
        func `the package holds all that is installed, and knows what it stands on and which file is the operator's`() throws {
            let directory = try TestDirectory()
            let tool = try Tool(
                [SourceTree.file("scripts/make-deb.sh").path, VireoServer.binary, directory.file("deb")],
                environment: ["DPKG_DEB_OPTIONS": "-Znone"], within: .seconds(60))
            #expect(tool.exit == .code(0), "\(tool.errors)")
            let made = try FileManager.default.contentsOfDirectory(atPath: directory.file("deb"))
            let package = directory.file("deb/\(try #require(made.first))")
            #expect(made.count == 1)

            let version = try Tool([VireoServer.binary, "--version"]).output.dropLast()
            let control = try Tool(["dpkg-deb", "--info", package, "control"]).output
            #expect(control.contains("\nVersion: \(version)-") && control.contains(#/\nDepends: .*libevent.*libhiredis/#))
            #expect(try Tool(["dpkg-deb", "--info", package, "conffiles"]).output == "/etc/vireo/vireo.yaml\n")

            let staged = directory.file("staged")
            let install = try Tool([
                "make", "-C", SourceTree.root.path, "install", "DESTDIR=\(staged)", "PREFIX=/usr", "SYSCONFDIR=/etc",
                "UNITDIR=/lib/systemd/system", "ZSHDIR=/usr/share/zsh/vendor-completions", "BINARY=/bin/true",
            ])
            #expect(install.exit == .code(0), "\(install.errors)")
            let unpacked = directory.file("unpacked")
            #expect(try Tool(["dpkg-deb", "-x", package, unpacked], within: .seconds(60)).exit == .code(0))
            // sysusers.d is for machines without adduser.
            let files = try Tool(["find", staged, "-type", "f", "-printf", "%P\\n"]).output.split(separator: "\n")
            #expect(files.count > 10)
            for file in files where !file.contains("sysusers.d/") {
                let isThere = ["", ".gz"].contains { FileManager.default.fileExists(atPath: "\(unpacked)/\(file)\($0)") }
                #expect(isThere, "\(file)")
            }
            let shown = try Tool(["\(unpacked)/usr/bin/vireo", "--version"])
            #expect(shown.exit == .code(0) && shown.output.dropLast() == version)
        }
    }
}

/// The page that shows a running daemon: `index.html` beside this file, which is built into the program.
package enum Page {
    /// The page, with `@nonce@` where the nonce of its style and its script belongs.
    package static var html: [UInt8] { PackageResources.index_html }
}

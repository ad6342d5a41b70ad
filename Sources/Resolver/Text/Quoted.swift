internal import Observation

/// Text as it may stand in a message: quoted, what is not plain escaped, a URL's password left out, cut when long.
package func quoted(_ given: some StringProtocol) -> String {
    let text = withoutPassword(given)
    var result = "\""
    for scalar in text.unicodeScalars.prefix(80) {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case _ where !scalar.isPlain:
            result += "\\u{\(String(scalar.value, radix: 16))}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + (text.unicodeScalars.count > 80 ? "…\"" : "\"")
}

/// A text in which what stands before the last `@` of a URL, user and password, is replaced by stars.
package func withoutPassword(_ text: some StringProtocol) -> String {
    guard let at = text.lastIndex(of: "@") else { return String(text) }
    var start = text.startIndex
    while start < at, !text[start...].hasPrefix("://") { start = text.index(after: start) }
    guard start < at else { return String(text) }
    return text[..<start] + "://***" + text[at...]
}

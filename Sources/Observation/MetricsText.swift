/// Metrics as Prometheus reads them: its own text format 0.0.4, or OpenMetrics 1.0.
///
///     text.family("vireo_dns_queries", .counter, "Queries of clients.")
///     text.sample(12, ("transport", "udp"), ("family", "ipv4"))
///
/// becomes, in the first of the two
///
///     # HELP vireo_dns_queries_total Queries of clients.
///     # TYPE vireo_dns_queries_total counter
///     vireo_dns_queries_total{transport="udp",family="ipv4"} 12
///
/// Values of labels are escaped; names are our own.
package struct MetricsText: Sendable {
    /// How it is written.
    package enum Format: Sendable, CaseIterable {
        case prometheus, openMetrics

        /// The media type.
        package var contentType: String {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }

        /// What an Accept header asks for: OpenMetrics where it is named, the older one else.
        package init(accept: String?) {
            self = accept?.contains("application/openmetrics-text") == true ? .openMetrics : .prometheus
        }
    }

    /// What a metric is.
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// A label of a sample.
    package typealias Label = (name: String, value: String)

    private let format: Format
    private var text = ""
    private var name = ""

    /// Histograms are written with these bounds: powers of two of microseconds, from 64 µs to 8.4 s.
    private static let exponents = 6...23

    /// Nothing written yet.
    package init(_ format: Format) {
        self.format = format
    }

    /// Begins a metric, whose samples follow. A counter's name is given without `_total`.
    package mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        let suffix = kind == .counter ? "_total" : ""
        let described = format == .openMetrics ? name : name + suffix
        self.name = name + suffix
        text += "# HELP \(described) \(Self.escaped(help, quotes: false))\n# TYPE \(described) \(kind.rawValue)\n"
    }

    /// Writes a sample with a whole number.
    package mutating func sample(_ value: UInt64, _ labels: Label...) { write(name, labels, "\(value)") }

    /// Writes a sample with any number.
    package mutating func sample(_ value: Double, _ labels: Label...) { write(name, labels, "\(value)") }

    /// Writes a sample with a number of microseconds, in seconds.
    package mutating func sample(microseconds: UInt64, _ labels: Label...) { write(name, labels, Self.seconds(microseconds)) }

    /// Writes a histogram of durations.
    package mutating func histogram(_ counts: HistogramCounts, _ labels: Label...) {
        for exponent in Self.exponents {
            let bound = Self.seconds(1 << UInt64(exponent))
            write(name + "_bucket", labels + [("le", bound)], "\(counts.count(below: exponent))")
        }
        let count = counts.count
        write(name + "_bucket", labels + [("le", "+Inf")], "\(count)")
        write(name + "_sum", labels, Self.seconds(counts.sum))
        write(name + "_count", labels, "\(count)")
    }

    /// Ends the whole.
    package mutating func end() {
        if format == .openMetrics { text += "# EOF\n" }
    }

    /// Hands over what was written since the last time.
    package mutating func take() -> [UInt8] {
        defer { text = "" }
        return Array(text.utf8)
    }

    private mutating func write(_ name: String, _ labels: [Label], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    /// Microseconds as seconds, without an exponent.
    private static func seconds(_ microseconds: UInt64) -> String {
        let (whole, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        guard rest > 0 else { return "\(whole).0" }
        let digits = "\(rest)"
        var fraction = String(repeating: "0", count: 6 - digits.count) + digits
        while fraction.last == "0" { fraction.removeLast() }
        return "\(whole).\(fraction)"
    }

    /// A text with what would end it escaped; what is no printable character is shown as `?`.
    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"" where quotes: result += "\\\""
            case "\n": result += "\\n"
            case _ where !scalar.isPlain: result += "?"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

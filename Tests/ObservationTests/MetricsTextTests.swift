import Observation
import Testing

@Suite struct MetricsTextTests {
    private func text(_ format: MetricsText.Format, _ body: (inout MetricsText) -> Void) -> String {
        var text = MetricsText(format)
        body(&text)
        text.end()
        return String(decoding: text.take(), as: UTF8.self)
    }

    @Test func `a counter is named as each format wants it`() {
        func write(_ text: inout MetricsText) {
            text.family("a_things", .counter, "Things.")
            text.sample(UInt64(3), ("kind", "x"), ("other", "y"))
        }
        #expect(
            text(.prometheus, write)
                == "# HELP a_things_total Things.\n# TYPE a_things_total counter\na_things_total{kind=\"x\",other=\"y\"} 3\n")
        #expect(
            text(.openMetrics, write)
                == "# HELP a_things Things.\n# TYPE a_things counter\na_things_total{kind=\"x\",other=\"y\"} 3\n# EOF\n")
    }

    @Test func `a hostile label ends neither its quotes nor its line`() {
        let written = text(.prometheus) {
            $0.family("a", .gauge, "x\ny\\z")
            $0.sample(UInt64(1), ("l", "\"} 1\nb{\u{1B}[2J\\\u{9B}\u{202E}é"))
        }
        #expect(written == "# HELP a x\\ny\\\\z\n# TYPE a gauge\na{l=\"\\\"} 1\\nb{?[2J\\\\??é\"} 1\n")
    }

    @Test func `a histogram's buckets are cumulative and end with all`() {
        let histogram = LogLinearHistogram()
        for value in [10, 100, 1_000_000_000, 20_000_000_000] as [UInt64] { histogram.record(nanoseconds: value * 1_000) }
        let lines = text(.prometheus) {
            $0.family("h_seconds", .histogram, "H.")
            $0.histogram(histogram.counts, ("s", "t"))
        }.split(separator: "\n")
        #expect(lines.contains("h_seconds_bucket{s=\"t\",le=\"0.000064\"} 1"))
        #expect(lines.contains("h_seconds_bucket{s=\"t\",le=\"0.000128\"} 2"))
        #expect(lines.contains("h_seconds_bucket{s=\"t\",le=\"1.048576\"} 2"))
        #expect(lines.contains("h_seconds_bucket{s=\"t\",le=\"+Inf\"} 4"))
        #expect(lines.contains("h_seconds_count{s=\"t\"} 4"))
        #expect(lines.contains("h_seconds_sum{s=\"t\"} 21000.00011"))
    }

    @Test func `OpenMetrics is written for who asks for it`() {
        let asked = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"
        #expect(MetricsText.Format(accept: asked) == .openMetrics)
        #expect(MetricsText.Format(accept: "text/plain") == .prometheus)
        #expect(MetricsText.Format(accept: nil) == .prometheus)
    }
}

package import DNSWire

/// Names of search engines that have a name of their own for searches fit for children: who asks for the one is sent to the
/// other by a CNAME record. As the engines document it; Ecosia documents none.
package enum SafeSearch {
    /// A name of an engine, and the name to go to.
    package struct Entry: Hashable, Sendable {
        /// What is asked for, lower case.
        package let name: String
        /// Where that leads to.
        package let target: String
    }

    /// The target for a name in lower case, without a final dot; nil where it is no engine's.
    package static func target(of name: String) -> String? { targets[name] }

    /// The target for a name in wire form, lower case; nil where it is no engine's.
    package static func target(ofWire name: Span<UInt8>) -> Name? {
        mayHave(name) ? wireTargets[[UInt8](copying: name)] : nil
    }

    /// Whether a name in wire form, lower case, may be an engine's: false for most others, without a hash of it.
    package static func mayHave(_ name: Span<UInt8>) -> Bool {
        name.count <= longestName && heads.contains(head(of: name))
    }

    /// The length of the longest name.
    private static let longestName = wireTargets.keys.map(\.count).max() ?? 0
    /// The first bytes of each name in wire form: they are some twenty.
    private static let heads = [UInt64](Set(wireTargets.keys.map { head(of: $0.span) }))

    /// The first eight bytes of a name in wire form, or as many as there are.
    private static func head(of name: Span<UInt8>) -> UInt64 { name.loadWord(at: 0, count: min(8, name.count)) }

    /// The target of each name in wire form.
    private static let wireTargets: [[UInt8]: Name] = Dictionary(
        uniqueKeysWithValues: targets.compactMap { name, target in
            guard let name = Name(name), let target = Name(target) else { return nil }
            return (name.wire, target)
        })

    /// All names.
    package static let entries: [Entry] = targets.map { Entry(name: $0.key, target: $0.value) }.sorted { $0.name < $1.name }

    /// The target of each name.
    private static let targets: [String: String] = {
        var targets: [String: String] = [:]
        for (target, names) in engines {
            for name in names { targets[name] = target }
        }
        for suffix in googleSuffixes {
            targets["google.\(suffix)"] = "forcesafesearch.google.com"
            targets["www.google.\(suffix)"] = "forcesafesearch.google.com"
        }
        for suffix in yandexSuffixes {
            targets["yandex.\(suffix)"] = "familysearch.yandex.ru"
            targets["www.yandex.\(suffix)"] = "familysearch.yandex.ru"
        }
        return targets
    }()

    /// The engines that have few names.
    private static let engines: [(target: String, names: [String])] = [
        ("strict.bing.com", ["bing.com", "www.bing.com"]),
        ("safe.duckduckgo.com", ["duckduckgo.com", "www.duckduckgo.com", "start.duckduckgo.com"]),
        (
            "restrict.youtube.com",
            ["www.youtube.com", "m.youtube.com", "youtubei.googleapis.com", "youtube.googleapis.com", "www.youtube-nocookie.com"]
        ),
        ("forcesafe.search.brave.com", ["search.brave.com"]),
        ("safesearch.pixabay.com", ["pixabay.com", "www.pixabay.com"]),
    ]

    /// Top-level domains of Yandex' search.
    private static let yandexSuffixes = ["ru", "com", "com.tr", "by", "kz", "uz", "ua", "eu"]

    /// Domains of Google's search (www.google.com/supported_domains).
    private static let googleSuffixes = """
        com ad ae com.af com.ag al am co.ao com.ar as at com.au az ba com.bd be bf bg com.bh bi bj com.bn com.bo com.br bs bt co.bw by \
        com.bz ca cd cf cg ch ci co.ck cl cm cn com.co co.cr com.cu cv com.cy cz de dj dk dm com.do dz com.ec ee com.eg es com.et fi \
        com.fj fm fr ga ge gg com.gh com.gi gl gm gr com.gt gy com.hk hn hr ht hu co.id ie co.il im co.in iq is it je com.jm jo co.jp \
        co.ke com.kh ki kg co.kr com.kw kz la com.lb li lk co.ls lt lu lv com.ly co.ma md me mg mk ml com.mm mn com.mt mu mv mw \
        com.mx com.my co.mz com.na com.ng com.ni ne nl no com.np nr nu co.nz com.om com.pa com.pe com.pg com.ph com.pk pl pn com.pr \
        ps pt com.py com.qa ro ru rw com.sa com.sb sc se com.sg sh si sk com.sl sn so sm sr st com.sv td tg co.th com.tj tl tm tn to \
        com.tr tt com.tw co.tz com.ua co.ug co.uk com.uy co.uz com.vc co.ve co.vi com.vn vu ws rs co.za co.zm co.zw cat
        """.split(separator: " ").map(String.init)
}

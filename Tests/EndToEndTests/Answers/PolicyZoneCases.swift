import DNSWire

/// A world of names, policy zones for it, and questions.
struct PolicyZoneCases {
    /// The records below `example.`, as a zone file has them.
    var world: String
    /// The rules of each policy zone; what they answer is kept for less than 100 seconds.
    var zones: [String]
    /// What is asked.
    var questions: [PolicyQuestion]
    /// What BIND and Vireo are to answer differently, and why.
    var differences: [PolicyDifference] = []
}

/// A question to servers with policy zones.
struct PolicyQuestion {
    let name: String
    let type: RecordType
}

/// A question to which Vireo means to answer otherwise than BIND.
struct PolicyDifference {
    /// Why.
    let reason: String
    let question: PolicyQuestion
    /// What BIND answers: an rcode, or data.
    let theirs: String
    /// What Vireo does.
    let own: String
    /// Whether that is only where a file is read: in a transfer it is told otherwise.
    let isOfText: Bool

    init(_ reason: String, _ name: String, _ type: RecordType, theirs: String, own: String, isOfText: Bool = false) {
        self.reason = reason
        self.isOfText = isOfText
        question = PolicyQuestion(name: "\(name).example.", type: type)
        (self.theirs, self.own) = (theirs, own)
    }
}

extension PolicyZoneCases {
    /// Each kind of trigger and action, and what they do to each other.
    static var byHand: PolicyZoneCases {
        let lines = questions.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        let all = lines.flatMap { words in
            words.dropFirst().map { PolicyQuestion(name: "\(words[0]).example.", type: RecordType($0)!) }
        }
        return PolicyZoneCases(world: world, zones: [first, second, third], questions: all, differences: differences)
    }

    private static let world = #"""
        plain         A     192.0.2.1
                      AAAA  2001:db8:1::1
        exact         A     192.0.2.2
        below.exact   A     192.0.2.3
        wild          A     192.0.2.4
        x.wild        A     192.0.2.5
        y.wild        A     192.0.2.5
        ent.wild      A     192.0.2.5
        q.ent.wild    A     192.0.2.5
        *.any         A     192.0.2.6
                      TXT   "any"
        a.gap         A     192.0.2.7
        *.gap2        MX    10 exact
        chain         CNAME chain2
        chain2        CNAME chain3
        chain3        A     192.0.2.8
                      AAAA  2001:db8:1::8
        dangling      CNAME nowhere
        mail          MX    10 exact
        svc           HTTPS 1 . alpn=h2
        svc           A     192.0.2.9
        hinted        HTTPS 1 . alpn=h2 ipv4hint=192.0.2.66
        elsewhere     HTTPS 0 exact
        many          A     198.51.100.10
                      A     198.51.100.20
                      A     203.0.113.30
                      AAAA  2001:db8:2::1
        few           A     198.51.100.10
                      A     198.51.100.130
        in4           A     198.51.100.77
        long4         A     198.51.100.129
        in6           AAAA  2001:db8:2::99
                      A     192.0.2.50
        long6         AAAA  2001:db8:2:1::99
        six1          AAAA  2001:db8:7:d:c:b:a:0
        six2          AAAA  2001:db8:7:0:c:b:0:a
        six3          AAAA  2001:db8:7:1:c:b:0:a
        bits4         A     203.0.113.6
        bits6         AAAA  2001:db8:8::6
        zeros         AAAA  2001:db8:6::2
        both          A     198.51.100.78
        both2         A     198.51.100.79
        both3         A     198.51.100.80
        old           A     192.0.2.110
        walled        A     192.0.2.99
                      AAAA  2001:db8:9::9
        *.walled      A     192.0.2.98
        in.x.walled   A     192.0.2.97
        tcp           A     192.0.2.70
        drop          A     192.0.2.71
        a\.b          A     192.0.2.60
        a.b           A     192.0.2.65
        c\032d        A     192.0.2.61
        sl/ash        A     192.0.2.62
        under_score   A     192.0.2.63
        \000\255      A     192.0.2.63
        -dash-        A     192.0.2.63
        xn--bcher-kva A     192.0.2.64
        xn--caf-dma   A     192.0.2.64
        upper         A     192.0.2.120
        x.mixed       A     192.0.2.121
        to-exact      CNAME exact
        to-exact2     CNAME to-exact
        to-nodata     CNAME nodata
        to-wild       CNAME deep.wild
        to-data       CNAME data
        to-lead       CNAME lead
        to-star       CNAME inner.star
        to-many       CNAME many
        to-in6        CNAME in6
        to-pass       CNAME pass
        to-pass2      CNAME mid-pass
        mid-pass      CNAME in4
        pass-chain    CNAME to-exact
        to-tcp        CNAME tcp
        to-both3      CNAME both3
        to-drop       CNAME drop
        to-old        CNAME old
        pass          A     198.51.100.81
        dn            DNAME walled
        dnx           DNAME exact
        dn3           DNAME tree
        a.tree        A     198.51.100.82
        first         A     192.0.2.80
        second        A     192.0.2.81
        third         A     192.0.2.82
        late          A     203.0.113.200
        x.shadow      A     192.0.2.83
        a.x.shadow    A     192.0.2.84
        a.ent.shadow  A     192.0.2.85
        b.ent.shadow  A     192.0.2.86
        mid*star      A     192.0.2.87
        relative      A     192.0.2.88
        x.itself      A     192.0.2.89
        late-pass     CNAME first
        """#

    private static let first = ##"""
        exact.example              CNAME .
        *.wild.example             CNAME .
        y.wild.example             CNAME rpz-passthru.
        *.ent.wild.example         CNAME *.
        nodata.example             CNAME *.
        *.any.example              CNAME *.
        x.any.example              CNAME rpz-passthru.
        *.gap2.example             MX    20 garden.example.
        pass.example               CNAME rpz-passthru.
        pass-chain.example         CNAME rpz-passthru.
        mid-pass.example           CNAME rpz-passthru.
        data.example            41 A     192.0.2.200
                                41 A     192.0.2.201
                                42 AAAA  2001:db8:f::1
                                43 MX    10 Mx.example.
                                44 TXT   "Local" "data"
                                45 TYPE65280 \# 2 ABCD
        *.data.example             A     192.0.2.202
        svcdata.example            HTTPS 1 . alpn=h2
        ptr.example                PTR   x.example.
        dname.example              DNAME walled.example.
        lead.example            46 CNAME walled.example.
        *.lead.example             CNAME walled.example.
        lead-exact.example         CNAME exact.example.
        lead-nowhere.example       CNAME nowhere.example.
        lead-chain.example         CNAME chain.example.
        lead-lead.example          CNAME lead.example.
        star.example            47 CNAME *.walled.example.
        *.star.example          48 CNAME *.walled.example.
        *.starx.example            CNAME *.x.walled.example.
        old.example                CNAME old.example.
        24.0.100.51.198.rpz-ip     CNAME .
        32.20.100.51.198.rpz-ip    A     192.0.2.222
                                   AAAA  2001:db8:f::3
        25.128.100.51.198.rpz-ip   CNAME *.
        32.78.100.51.198.rpz-ip    CNAME rpz-passthru.
        32.79.100.51.198.rpz-ip    CNAME rpz-tcp-only.
        32.80.100.51.198.rpz-ip    CNAME *.walled.example.
        48.zz.2.db8.2001.rpz-ip    CNAME .
        64.zz.1.2.db8.2001.RPZ-IP  AAAA  2001:db8:f::2
        128.0.a.b.c.d.7.db8.2001.rpz-ip CNAME .
        128.a.0.b.c.0.7.db8.2001.rpz-ip CNAME .
        32.66.2.0.192.rpz-ip       CNAME .
        24.1.113.0.203.rpz-ip      CNAME .
        64.1.zz.8.db8.2001.rpz-ip  CNAME .
        128.2.0.0.0.0.6.db8.2001.rpz-ip CNAME .
        tcp.example                CNAME rpz-tcp-only.
        drop.example               CNAME rpz-drop.
        a\.b.example               CNAME .
        c\032D.example             CNAME .
        sl/ash.example             CNAME .
        under_score.example        CNAME .
        \000\255.example           CNAME .
        -dash-.example             CNAME .
        xn--bcher-kva.example      CNAME .
        café.example               CNAME .
        UPPER.Example              CNAME .
        *.Mixed.example            A     192.0.2.230
        first.example              CNAME .
        *.shadow.example           CNAME .
        x.shadow.example           CNAME *.
        a.ent.shadow.example       CNAME *.
        mid*star.example           CNAME .
        relative.example           CNAME rpz-drop
        *.itself.example           CNAME *.itself.example.
        localhost                  CNAME .
        """##

    private static let second = #"""
        exact.example              CNAME *.
        pass.example               CNAME .
        plain.example              CNAME rpz-passthru.
        in4.example                CNAME rpz-passthru.
        late-pass.example          CNAME rpz-passthru.
        first.example              CNAME *.
        second.example             A     192.0.2.240
        32.1.2.0.192.rpz-ip        CNAME .
        24.0.113.0.203.rpz-ip      A     192.0.2.241
        long4.example              A     192.0.2.223
        """#

    private static let third = #"""
        second.example             CNAME .
        third.example              CNAME walled.example.
        late.example               CNAME rpz-passthru.
        plain.example              CNAME .
        32.200.113.0.203.rpz-ip    CNAME .
        """#

    private static let questions = #"""
        plain A AAAA TXT
        PLAIN A
        exact A AAAA MX TXT CNAME NS SOA DS HTTPS ANY TYPE65280
        eXaCt A
        below.exact A AAAA
        wild A AAAA
        z.wild A
        x.wild A
        y.wild A
        q.ent.wild A
        foo.any A TXT AAAA
        x.any A TXT
        any A
        gap A
        a.gap A
        b.gap A
        x.gap2 MX A
        gap2 MX
        chain A AAAA MX CNAME
        dangling A
        mail MX A
        svc HTTPS A AAAA
        many A AAAA MX
        few A
        in4 A AAAA
        in6 A AAAA
        long6 AAAA
        six1 AAAA
        six2 AAAA
        six3 AAAA
        bits4 A
        bits6 AAAA
        both A
        both2 A
        both3 A
        nodata A AAAA MX ANY
        pass A
        data A AAAA MX TXT TYPE65280 NS SOA DS CNAME SRV
        DATA A
        x.data A AAAA
        svcdata HTTPS A
        ptr PTR A
        dname A DNAME
        x.dname A
        lead A AAAA MX CNAME TXT ANY
        x.lead A
        lead-exact A
        lead-nowhere A AAAA
        lead-chain A AAAA
        lead-lead A
        star A AAAA CNAME
        inner.star A AAAA CNAME MX
        A.b.star A
        in.starx A
        old A
        to-old A
        tcp A AAAA MX ANY
        drop A AAAA
        a\.b A
        a.b A
        c\032d A
        C\032D A
        sl/ash A
        under_score A
        \000\255 A
        -dash- A
        xn--bcher-kva A
        XN--bcher-KVA A
        upper A
        uPPer A
        x.mixed A
        X.MIXED A AAAA
        to-exact A AAAA
        to-exact2 A MX
        to-nodata A
        to-wild A AAAA
        to-data A AAAA MX TXT SRV
        to-lead A AAAA MX
        to-star A AAAA
        to-many A AAAA
        to-in6 AAAA A
        to-pass A
        to-pass2 A
        pass-chain A
        to-tcp A
        to-drop A
        x.dn A AAAA
        x.dnx A
        a.dn3 A
        first A
        second A AAAA
        third A MX
        late A
        nx A AAAA
        x.y.nx TXT
        """#

    private static let differences = [
        PolicyDifference(
            "a wildcard holds for all names below it that no rule of a longer owner is about, though that be hidden by an owner",
            "a.x.shadow", .a, theirs: "192.0.2.84", own: "NXDOMAIN"),
        PolicyDifference(
            "the same, where it is hidden by a name that only others have below it", "b.ent.shadow", .a, theirs: "192.0.2.86",
            own: "NXDOMAIN"),
        PolicyDifference(
            "the same, for the name itself that only others have below it", "ent.wild", .a, theirs: "192.0.2.5", own: "NXDOMAIN"),
        PolicyDifference(
            "what a zone denies by name is denied at once, whatever an earlier one would say of its addresses", "long4", .a,
            theirs: "NOERROR", own: "192.0.2.223"),
        PolicyDifference(
            "an earlier zone is heard about an alias though a later one lets the question pass", "late-pass", .a,
            theirs: "192.0.2.80 first.example.", own: "NXDOMAIN"),
        PolicyDifference(
            "an alias to a denied name is denied as what it leads to is, where it alone is asked for, too", "to-exact", .cname,
            theirs: "exact.example.", own: "NXDOMAIN"),
        PolicyDifference(
            "for an address, the name below a wildcard is the question's, not the one behind its aliases", "to-both3", .a,
            theirs: "both3.example.walled.example. 192.0.2.98 both3.example.",
            own: "to-both3.example.walled.example. 192.0.2.98"),
        PolicyDifference(
            "addresses in hints of services are addresses of an answer", "hinted", .https,
            theirs: "1 . alpn=h2 ipv4hint=192.0.2.66", own: "NXDOMAIN"),
        PolicyDifference(
            "the host of a service is judged as an alias is", "elsewhere", .https, theirs: "0 exact.example.", own: "NXDOMAIN"),
        PolicyDifference(
            "an address is one however its zeros are written", "zeros", .aaaa, theirs: "2001:db8:6::2", own: "NXDOMAIN"),
        PolicyDifference(
            "an asterisk within a label looks like a pattern and is counted as that", "mid*star", .a, theirs: "NXDOMAIN",
            own: "192.0.2.87"),
        PolicyDifference(
            "an action is one without its final dot", "relative", .a, theirs: "rpz-drop.first.rpz.", own: "nothing",
            isOfText: true),
        PolicyDifference(
            "an alias to the rule's own owner lets pass, be that a wildcard", "x.itself", .a,
            theirs: "x.itself.example.itself.example.", own: "192.0.2.89"),
        PolicyDifference(
            "a label in UTF-8 is the one that it has in DNS", "xn--caf-dma", .a, theirs: "192.0.2.64", own: "NXDOMAIN",
            isOfText: true),
    ]
}

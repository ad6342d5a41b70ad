// NameRules: what is to be done with names. Compact tables of millions of them, the formats of lists, local data, groups,
// schedules, safe search. Pure: no I/O, no clock, no unchecked memory; nothing waits in here.
//
// A list becomes a table once, beside the queries, piece by piece; give way between the calls:
//
//     let key = RuleKey(seed: random)                          // one for all lists; told to nobody
//     var list = ListCompiler(key: key)                        // or with a format: ListCompiler(format: .rpz, key: key)
//     while let piece = next() { list.read(piece) }            // 16 KiB, say
//     list.end()
//     var table: RuleTable?
//     while table == nil { table = list.step() }
//     log(list.report.ruleCount, list.report[.cosmetic])       // what was skipped and why, with an example
//
// Tables are put together into the rule set that all workers share. A refresh compiles one list and hands the tables of the
// others over as they are; only the filter in front of them is made anew, about a byte a name:
//
//     var builder = try RuleSetBuilder([ads, adult], number: number)      // ads is list 0, adult list 1
//     var rules: RuleSet?
//     while rules == nil { rules = builder.step() }
//
// Once for each answer and rule set, never for a hit: the question's name and each alias are looked up, and addresses, and a
// bit for each group goes into the cache entry beside `rules.number`:
//
//     var verdicts = rules.verdicts(of: name.span)                        // FixedName: wire form, lower case
//     verdicts = verdicts.union(rules.verdicts(of: alias.span))
//     verdicts = verdicts.union(rules.verdicts(of: IPAddress(ipv4: address)))
//     let denied = GroupTable.denials(verdicts, active)                   // groups.active(at:zones:offset:), once a minute
//
// Where the client's bit is set, `active[group].decide(verdicts)` says which list decides; `rules.matches(of:)` gives its
// rules, with an action of their own where `verdicts.special` has the list's bit (NODATA, drop, data of a policy zone), and
// `RuleLocator` finds the rule's line by reading the list again. Otherwise the group's `BlockAnswer` is given. `LocalZone` is
// asked before all that, `SafeSearch` for groups that want it.
//
// In a policy zone the rule of the longest name decides, which the table says of itself (`RuleTable.isPolicyZone`); of several zones
// the first that says anything is heard, for each group (`ActiveLists.zones`). In other lists all rules that apply have a say.
//
// Invariants: a verdict is exact, there are no false positives (docs/adr/0014); whoever writes a list cannot make look-ups or
// compiling slow, for hashing is keyed, a name has at most 64 rules in a list, and work is bounded by bytes; a line that means
// nothing for DNS is counted by its reason (`SkipReason`), never guessed; no input can trap.

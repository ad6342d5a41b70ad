// Scenario files (.rpl), as Unbound's testbound, Deckard and Stelline have them, run on the real daemon in a simulated world.
//
//     File/        the parser: a file's lines to a `Scenario` of settings, ranges and steps
//     Messages/    entries: which messages they match, and what they answer
//     Settings/    the settings in front of CONFIG_END: ours as YAML, Unbound's translated
//     Running/     the runner: a daemon, its clients and its upstreams, step by step
//
// A scenario in short:
//
//     vireo:
//       cache: {max-ttl: 60}
//     CONFIG_END
//     SCENARIO_BEGIN Long TTLs are capped
//     RANGE_BEGIN 0 100                       what upstreams answer while a step from 0 to 100 is the current one
//       ENTRY_BEGIN
//       MATCH opcode qtype qname              ... to whom this is true of,
//       ADJUST copy_id                        ... with this changed
//       REPLY QR RD RA NOERROR
//       SECTION QUESTION
//       www.example. IN A
//       SECTION ANSWER
//       www.example. 300 IN A 192.0.2.1
//       ENTRY_END
//     RANGE_END
//     STEP 10 QUERY                           a client asks
//     ENTRY_BEGIN ... ENTRY_END
//     STEP 20 CHECK_ANSWER                    and is answered so
//     ENTRY_BEGIN ... ENTRY_END
//     SCENARIO_END
//
// docs/scenarios.md says the rest. Nothing here waits in real time: the clock is the world's.

// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target is built with.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
    .strictMemorySafety(),
]

/// Tests read raw memory and processes as they please; the safety audit is of the sources.
let testSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableExperimentalFeature("Lifetimes"),
]

/// The modules that read the bytes of strangers.
let fuzzed: [Target.Dependency] = [
    "AnswerCache", "Belief", "COpenSSL", "DNSWire", "Daemon", "Green", "GreenHTTP", "GreenHTTP2", "GreenRedis", "GreenTLS",
    "NameRules", "Resolver", "Upstream",
]

/// A program of Examples, which stands on Green and on what it names besides.
func example(_ name: String, _ modules: Target.Dependency...) -> Target {
    .executableTarget(name: name, dependencies: ["Green"] + modules, path: "Examples/\(name)", swiftSettings: testSettings)
}

let package = Package(
    name: "vireo",
    products: [
        .library(name: "Green", targets: ["Green"]),
        .library(name: "GreenTLS", targets: ["GreenTLS"]),
        .library(name: "GreenRedis", targets: ["GreenRedis"]),
        .library(name: "GreenHTTP", targets: ["GreenHTTP"]),
        .library(name: "GreenHTTP2", targets: ["GreenHTTP2"]),
        .library(name: "GreenDNS", targets: ["GreenDNS"]),
        .library(name: "DNSWire", targets: ["DNSWire"]),
        .executable(name: "vireo", targets: ["vireo"]),
    ],
    traits: [
        .trait(name: "Daemon", description: "The daemon, and what it alone needs of other packages."),
        .default(enabledTraits: ["Daemon"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .systemLibrary(name: "CLibevent", pkgConfig: "libevent_core", providers: [.apt(["libevent-dev"])]),
        .systemLibrary(name: "CBoostContext", providers: [.apt(["libboost-context-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CUnistring", providers: [.apt(["libunistring-dev"])]),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .target(name: "CDaemon"),
        .target(name: "CGreen", dependencies: ["CBoostContext"], linkerSettings: [.linkedLibrary("boost_context")]),
        .target(name: "Green", dependencies: ["CGreen", "CLibevent"], swiftSettings: settings),
        .target(name: "GreenTLS", dependencies: ["Green", "COpenSSL"], swiftSettings: settings),
        .target(name: "GreenRedis", dependencies: ["Green", "GreenTLS", "CHiredis"], swiftSettings: settings),
        .target(name: "GreenHTTP", dependencies: ["Green", "GreenTLS"], swiftSettings: settings),
        .target(name: "GreenHTTP2", dependencies: ["Green", "CNghttp2"], swiftSettings: settings),
        .target(name: "GreenDNS", dependencies: ["Green", "DNSWire"], swiftSettings: settings),
        .target(name: "DNSWire", swiftSettings: settings),
        .target(name: "NameRules", dependencies: ["DNSWire"], swiftSettings: settings),
        .target(name: "Belief", dependencies: ["DNSWire"], swiftSettings: settings),
        .target(name: "Observation", dependencies: ["Green"], swiftSettings: settings),
        .target(name: "Page", path: "web", resources: [.embedInCode("index.html")], swiftSettings: settings),
        .target(
            name: "AnswerCache", dependencies: ["Belief", "CGreen", "DNSWire", "Green", "GreenRedis"], swiftSettings: settings),
        .target(
            name: "Upstream", dependencies: ["Belief", "DNSWire", "Green", "GreenHTTP2", "GreenTLS", "Observation"],
            swiftSettings: settings),
        .target(
            name: "Resolver",
            dependencies: ["AnswerCache", "Belief", "NameRules", "Observation", "Upstream", "DNSWire", "Green", "GreenTLS"],
            swiftSettings: settings),
        .target(
            name: "Daemon",
            dependencies: [
                "Resolver", "AnswerCache", "Belief", "NameRules", "Upstream", "DNSWire", "Green", "GreenHTTP", "GreenHTTP2",
                "GreenRedis", "GreenTLS", "Observation", "Page", "CDaemon", "CUnistring", "CYAML", "CZlib",
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Daemon"])),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "vireo",
            dependencies: [
                "CDaemon", "Daemon",
                .product(name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["Daemon"])),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "Measure",
            dependencies: [
                "NameRules", "NaiveRules", "Resolver", "AnswerCache", "Belief", "Upstream", "DNSWire", "Green", "GreenRedis",
                "GreenHTTP", "GreenHTTP2",
            ],
            path: "Benchmarks/Measure", swiftSettings: settings
        ),
        .executableTarget(
            name: "measure-rules", dependencies: ["NameRules", "DNSWire", "CGreen"], path: "Benchmarks/rules",
            swiftSettings: settings
        ),
        .target(name: "CAllocationCount", path: "Tests/CAllocationCount"),
        .target(
            name: "TestSupport", dependencies: ["AnswerCache", "Belief", "Green", "DNSWire"], path: "Tests/TestSupport",
            swiftSettings: testSettings),
        .target(
            name: "NaiveRules", dependencies: ["NameRules", "DNSWire"], path: "Tests/NaiveRules", swiftSettings: testSettings),
        .target(
            name: "Scenarios", dependencies: ["DNSWire", "Green", "SimulatedDaemon", "TestSupport"], path: "Tests/Scenarios",
            swiftSettings: testSettings),
        .target(
            name: "SimulatedDaemon",
            dependencies: [
                "Daemon", "Resolver", "AnswerCache", "Green",
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Daemon"])),
            ],
            path: "Tests/SimulatedDaemon", swiftSettings: testSettings),
        .executableTarget(
            name: "vireo-scenario", dependencies: ["Scenarios"], path: "Tests/vireo-scenario", swiftSettings: testSettings),
        .target(
            name: "Simulation",
            dependencies: [
                "SimulatedDaemon", "DNSWire", "Green", "GreenHTTP", "GreenHTTP2", "GreenTLS", "Observation", "Resolver",
                "TestSupport",
            ],
            path: "Tests/Simulation", swiftSettings: testSettings),
        .executableTarget(
            name: "vireo-simulate", dependencies: ["Simulation"], path: "Tests/vireo-simulate", swiftSettings: testSettings),
        example("event-ring"), example("echo-server"), example("fan-out"), example("hubs"), example("async-bridge"),
        example("simulated"), example("http-server", "GreenHTTP"), example("http-get", "GreenHTTP"),
        example("tls-echo", "GreenTLS"), example("job-queue", "GreenRedis"), example("dns-proxy", "DNSWire", "GreenRedis"),
        .executableTarget(
            name: "green-bench", dependencies: ["Green", "CGreen"], path: "Benchmarks/green",
            exclude: ["gevent_twin.py", "echo_floor.c"],
            swiftSettings: testSettings
        ),
        .testTarget(name: "GreenTests", dependencies: ["Green"], swiftSettings: testSettings),
        .testTarget(
            name: "ExampleTests",
            dependencies: [
                "DNSWire", "Green", "GreenTLS", "event-ring", "echo-server", "fan-out", "hubs", "async-bridge", "simulated",
                "http-server", "http-get", "tls-echo", "job-queue", "dns-proxy",
            ],
            swiftSettings: testSettings
        ),
        .testTarget(name: "GreenTLSTests", dependencies: ["GreenTLS", "Green"], swiftSettings: testSettings),
        .testTarget(
            name: "GreenRedisTests", dependencies: ["GreenRedis", "GreenTLS", "Green", "CHiredis"], swiftSettings: testSettings),
        .testTarget(name: "GreenHTTPTests", dependencies: ["GreenHTTP", "GreenTLS", "Green"], swiftSettings: testSettings),
        .testTarget(
            name: "GreenHTTP2Tests", dependencies: ["GreenHTTP2", "GreenTLS", "Green"], swiftSettings: testSettings),
        .testTarget(name: "GreenDNSTests", dependencies: ["GreenDNS", "Green", "DNSWire"], swiftSettings: testSettings),
        .testTarget(name: "DNSWireTests", dependencies: ["DNSWire", "TestSupport"], swiftSettings: testSettings),
        .testTarget(
            name: "NameRulesTests", dependencies: ["NameRules", "NaiveRules", "DNSWire", "TestSupport"],
            swiftSettings: testSettings),
        .testTarget(name: "ObservationTests", dependencies: ["Observation", "CAllocationCount"], swiftSettings: testSettings),
        .testTarget(name: "BeliefTests", dependencies: ["Belief", "DNSWire", "TestSupport"], swiftSettings: testSettings),
        .testTarget(
            name: "AnswerCacheTests", dependencies: ["AnswerCache", "Belief", "DNSWire", "Green", "TestSupport"],
            swiftSettings: testSettings),
        .testTarget(
            name: "UpstreamTests",
            dependencies: ["Upstream", "Belief", "DNSWire", "Green", "GreenHTTP2", "GreenTLS", "Observation"],
            swiftSettings: testSettings),
        .testTarget(
            name: "ResolverTests",
            dependencies: [
                "Resolver", "AnswerCache", "Belief", "NameRules", "Observation", "Upstream", "DNSWire", "Green", "GreenRedis",
                "TestSupport", "CAllocationCount",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "DaemonTests",
            dependencies: [
                "Daemon", "Resolver", "AnswerCache", "Belief", "NameRules", "Upstream", "DNSWire", "Green", "GreenHTTP",
                "GreenHTTP2", "GreenTLS", "Observation", "Page", "TestSupport",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "ScenarioFileTests", dependencies: ["Scenarios", "DNSWire", "TestSupport"], swiftSettings: testSettings),
        .testTarget(
            name: "ScenarioTests",
            dependencies: ["SimulatedDaemon", "Simulation", "vireo-simulate", "Green", "DNSWire", "TestSupport"],
            swiftSettings: testSettings),
        .testTarget(
            name: "EndToEndTests", dependencies: ["AnswerCache", "Belief", "DNSWire", "Green", "GreenRedis", "TestSupport"],
            swiftSettings: testSettings),
        .testTarget(
            name: "FuzzTests", dependencies: fuzzed, path: "Fuzzing",
            exclude: ["CLibFuzzer", "Driver", "corpus", "crashes"],
            swiftSettings: testSettings),
    ]
)

// Fuzzing's program, which only `make fuzz` builds: it needs libFuzzer, and all of it instrumented.
if Context.environment["VIREO_ONLY"] == "fuzz" {
    package.targets += [
        .systemLibrary(name: "CLibFuzzer", path: "Fuzzing/CLibFuzzer"),
        .executableTarget(
            name: "fuzz", dependencies: ["CLibFuzzer"] + fuzzed, path: "Fuzzing",
            exclude: ["CLibFuzzer", "ReplayTests.swift", "corpus", "crashes"],
            swiftSettings: testSettings),
    ]
}

// Only some targets and what they stand on: `VIREO_ONLY=DNSWireTests,UpstreamTests swift test`. For sanitizers, for the
// documentation, and for whoever works on one module.
if let only = Context.environment["VIREO_ONLY"] {
    var wanted = Set<String>()
    var found = only.split(separator: ",").map(String.init)
    while let name = found.popLast() {
        guard wanted.insert(name).inserted, let target = package.targets.first(where: { $0.name == name }) else { continue }
        found += target.dependencies.map { dependency in
            switch dependency {
            case .targetItem(let name, _), .byNameItem(let name, _), .productItem(let name, _, _, _): name
            @unknown default: ""
            }
        }
    }
    package.targets.removeAll { !wanted.contains($0.name) }
    package.products.removeAll { !wanted.contains($0.name) }
    let packages = ["Logging": "swift-log", "ArgumentParser": "swift-argument-parser"]
    let kept = packages.filter { wanted.contains($0.key) }.map(\.value)
    package.dependencies.removeAll { dependency in
        guard case .sourceControl(_, let location, _) = dependency.kind else { return false }
        return !kept.contains { location.hasSuffix("/" + $0) }
    }
}

// Warnings are errors in `make lint` and in continuous integration; a newer compiler's do not stop anybody else.
if Context.environment["VIREO_STRICT"] != nil {
    for target in package.targets where target.swiftSettings != nil {
        target.swiftSettings?.append(.treatAllWarnings(as: .error))
    }
}

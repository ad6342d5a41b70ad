// vireo-scenario [--strict] [--quiet] FILE…: runs scenario files; a folder stands for all .rpl files below it.
//
// Ends with 0 where all pass, with 1 where one fails, and with 2 where one cannot be read or does not fit.

import Glibc
import Scenarios

var files: [String] = []
var isStrict = false
var isQuiet = false
for argument in CommandLine.arguments.dropFirst() {
    switch argument {
    case "--strict": isStrict = true
    case "--quiet": isQuiet = true
    case "--help", "-h":
        print("usage: vireo-scenario [--strict] [--quiet] FILE…")
        print("  --strict  settings of other servers that mean nothing here are errors")
        print("  --quiet   print only the table of results and reasons")
        exit(0)
    case _ where argument.hasPrefix("-"):
        print("vireo-scenario: \(argument): expected --strict, --quiet, --help, or a file")
        exit(2)
    default: files += ScenarioFiles.below(argument)
    }
}
guard !files.isEmpty else {
    print("usage: vireo-scenario [--strict] [--quiet] FILE…")
    exit(2)
}

var report = ScenarioReport()
for file in files {
    let outcome = ScenarioFiles.run(file, isStrict: isStrict)
    if let line = report.note(outcome, of: file), !isQuiet { print(line) }
}
print(report.summary)
exit(report.exitCode)

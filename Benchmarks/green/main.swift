// The work of `make bench-green`, on greenlets and on Swift tasks. compare.py runs it beside its twin on gevent.
import Glibc

let arguments = CommandLine.arguments.dropFirst()
switch arguments.first {
case "green": try GreenWork.run(arguments.dropFirst().first)
case "tasks": await TaskWork.run()
case "serve": try EchoWork.serve(port: UInt16(arguments.last!)!)
case "load": try EchoWork.load(port: UInt16(arguments.last!)!, seconds: 5)
default:
    print(
        "usage: green-bench green [bare | spawn | switch | event | queue | sleeper | parked | late] | tasks | serve PORT | load PORT"
    )
    exit(2)
}

internal import Glibc

/// Has the calling thread wait until those that want its processor have had it. What goes on beside the queries is done in
/// turns of some ten microseconds that begin with this: a worker on the same processor waits for no more than a turn, and
/// a lock is taken at the beginning of a time slice, so that the kernel hardly ever takes the processor away while it is
/// held. At a lower priority it would, and for long.
package func giveWay() {
    sched_yield()
}

/// Gives way before each `count`th of many pieces of work that are too small to be a turn each; `number` counts them from 0.
package func giveWay(before number: Int, every count: Int) {
    if number % count == 0 { giveWay() }
}

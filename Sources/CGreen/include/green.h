// The few lines of C that Swift cannot say: the switch of stacks with the sanitizers' hooks around it, the
// pointer to the running hub of a thread, batches of datagrams, and kernel constants newer than the headers.
#ifndef VIREO_GREEN_H
#define VIREO_GREEN_H
#include <features.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

// ---- Threads --------------------------------------------------------------------------------------------

extern __thread void *green_thread_hub __attribute__((tls_model("initial-exec")));

/// The hub that runs on this thread, or null.
static inline void *green_current_hub(void) { return green_thread_hub; }

/// Says which hub runs on this thread.
static inline void green_set_current_hub(void *hub) { green_thread_hub = hub; }

/// Gives memory that was freed, and that the allocator keeps, back to the system, where the allocator can.
static inline void green_give_memory_back(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

// ---- Switching stacks -----------------------------------------------------------------------------------

/// A suspended flow of control: its saved context, and what the sanitizers want to know of its stack.
typedef struct green_fiber {
    void *context;
    void *stack_bottom;
    size_t stack_size;
    void *fake_stack;
    void *tsan_fiber;
    void (*entry)(void);
    /// All of the address space that stacks like this one and their guards lie in.
    const char *slab;
    size_t slab_size;
    /// Its task-local values while it is suspended, as the Swift runtime keeps them; see tasklocals.c.
    void *task_locals;
} green_fiber;

/// Lays a fresh flow of control on a stack; it starts in `entry` at the first switch to it.
void green_fiber_make(green_fiber *fiber, void *stack_bottom, size_t stack_size, void (*entry)(void));

/// Says which stacks and guards lie around a fiber's own.
static inline void green_fiber_set_slab(green_fiber *fiber, const void *slab, size_t size) {
    fiber->slab = (const char *)slab;
    fiber->slab_size = size;
}

/// Says that the calling thread's own stack is `fiber`, before it is first switched away from.
void green_fiber_adopt_thread(green_fiber *fiber);

/// Suspends the running flow into `from` and goes on with `to`; returns when somebody switches back to `from`.
void green_fiber_switch(green_fiber *from, green_fiber *to);

/// Where the Swift runtime keeps this thread's task-local values; a word that is always null where that is not known.
extern __thread void **green_task_slot __attribute__((tls_model("initial-exec")));

/// Has this thread's greenlets have task-local values of their own, from now on; the task that ran here, which must be given
/// to `green_task_locals_leave`.
void *green_task_locals_enter(void);

/// Ends that.
void green_task_locals_leave(void *task);

/// Whether greenlets of this thread have task-local values of their own.
bool green_separates_task_locals(void);

/// Copies of task-local values on their way from a task to a greenlet.
typedef struct green_locals green_locals;

/// Those of the calling task; NULL where it has none, or nobody knows where it keeps them.
green_locals *green_capture_task_locals(void);

/// Binds them in the running greenlet, for the rest of its life; once.
void green_bind_captured(green_locals *locals);

/// Lets go of those that were not bound, and of their memory.
void green_drop_captured(green_locals *locals);

void green_copy_task_locals(green_fiber *child);
void green_drop_task_locals(void);

/// Gives a fiber that has not begun copies of the running one's task-local values.
static inline void green_fiber_inherit(green_fiber *child) {
    child->task_locals = NULL;
    if (__builtin_expect(*green_task_slot != NULL, 0)) green_copy_task_locals(child);
}

/// Lets go of the running fiber's task-local values, at its end.
static inline void green_fiber_forget(void) {
    if (__builtin_expect(*green_task_slot != NULL, 0)) green_drop_task_locals();
}

/// Forgets a flow that will never be switched to again.
void green_fiber_discard(green_fiber *fiber);

/// Whether a sanitizer is built in, which wants to know of every stack.
bool green_sanitized(void);

/// Has a stack overflow of a greenlet on this thread reported as what it is before it ends the process. The fault then
/// goes to who handled it before. Once for each thread that runs a hub; does nothing in sanitizer builds.
void green_watch_stacks(void);

// ---- Pulse ----------------------------------------------------------------------------------------------

/// What one thread shows others of its progress.
typedef struct green_pulse {
    uint64_t beats;     // odd while a greenlet runs
    uint64_t greenlet;  // which one
} green_pulse;

/// A greenlet begins to run.
static inline void green_pulse_begin(green_pulse *pulse, uint64_t greenlet) {
    __atomic_store_n(&pulse->greenlet, greenlet, __ATOMIC_RELAXED);
    __atomic_store_n(&pulse->beats, (pulse->beats + 2) | 1, __ATOMIC_RELAXED);
}

/// No greenlet runs any more.
static inline void green_pulse_end(green_pulse *pulse) {
    __atomic_store_n(&pulse->beats, pulse->beats & ~1ull, __ATOMIC_RELAXED);
}

/// What another thread's pulse is at this moment.
static inline green_pulse green_pulse_read(const green_pulse *pulse) {
    green_pulse seen = {__atomic_load_n(&pulse->beats, __ATOMIC_RELAXED), __atomic_load_n(&pulse->greenlet, __ATOMIC_RELAXED)};
    return seen;
}

// ---- Traces ---------------------------------------------------------------------------------------------

/// The most return addresses that a trace has.
enum { GREEN_TRACE = 64 };

/// The return addresses of a fiber that is suspended, the innermost first: how many.
int green_trace_fiber(const green_fiber *fiber, uintptr_t *out, int room);

/// Lets the calling thread be asked where it is, by SIGURG, which it blocks no more; its number.
int green_trace_admit(void);

/// Where a thread is that lets itself be asked: how many addresses; 0 where it does not answer within a tenth of a second.
int green_trace_thread(int thread, uintptr_t *out, int room);

/// The name of the function at an address, empty where nobody knows, and the file that it was loaded from; the offset there.
uintptr_t green_describe_address(uintptr_t address, char *name, size_t room, char *file, size_t file_room);

/// Writes a name of Swift's as people read it; any other as it is.
void green_demangle(const char *name, char *out, size_t room);

// ---- Datagrams ------------------------------------------------------------------------------------------

/// A peer's address.
typedef union green_address {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} green_address;

/// Has a datagram socket take, or take no more, what is sent to a group, on an interface (0: whichever the routes say); 0, or
/// -errno.
int green_multicast(int descriptor, const green_address *group, uint32_t interface, bool joins);

/// Which interface what is sent to groups leaves by; 0, or -errno.
int green_multicast_interface(int descriptor, bool v4, uint32_t interface);

/// One datagram: its bytes, who sent it or shall get it, and the local address that was asked.
typedef struct green_slot {
    uint8_t *data;
    uint32_t capacity;
    uint32_t length;
    green_address peer;
    struct in6_addr local;      // for IPv4 in the first four bytes
    uint32_t interface_index;
    uint8_t local_family;       // 0 where the kernel did not say
    bool has_peer;
    bool truncated;
    uint64_t arrival;           // nanoseconds of the hub's clock
} green_slot;

enum { GREEN_BATCH = 64 };

/// Receives up to `count` (at most GREEN_BATCH) datagrams without waiting; their number, or -errno.
int green_receive(int descriptor, green_slot *const *slots, unsigned count, bool packet_info);

/// Sends `count` (at most GREEN_BATCH) datagrams without waiting; how many went out from the front, or -errno
/// of the first.
int green_send(int descriptor, green_slot *const *slots, unsigned count);

/// Who wrote an entry of a socket's error queue.
enum { GREEN_ORIGIN_UNKNOWN, GREEN_ORIGIN_LOCAL, GREEN_ORIGIN_ICMP };

/// An entry of a socket's error queue: what was said of a datagram that it sent.
typedef struct green_report {
    int32_t error;          // as errno has it
    uint8_t origin;         // GREEN_ORIGIN_...
    uint8_t type;           // of the ICMP message
    uint8_t code;
    uint32_t info;          // the MTU, where the datagram was too big
    uint32_t length;        // bytes of the datagram that are quoted
    green_address reporter; // family 0 where the kernel does not say who sent the ICMP message
} green_report;

/// Has a datagram socket of that family keep what is said of its datagrams (IP_RECVERR); 0, or -errno.
int green_keep_reports(int descriptor, int family);

/// Takes the next entry of the error queue, with at most `capacity` of the quoted bytes; 1, or -errno (-EAGAIN: none).
int green_take_report(int descriptor, green_report *report, uint8_t *data, uint32_t capacity);

// ---- The kernel -----------------------------------------------------------------------------------------

/// Makes `length` bytes at `page` trap when touched, at no mapping of their own (Linux 6.13); 0, or -errno.
int green_guard_install(void *page, size_t length);

/// The same on any kernel, at two mappings; 0, or -errno.
int green_guard_protect(void *page, size_t length);

/// Has `green_guard_install` fail as on an older kernel, for tests.
void green_emulate_old_kernel(bool on);

/// The next connection of a listener, non-blocking and closed on exec, with its peer; or -errno.
int green_accept(int descriptor, green_address *peer);

/// The user on the other side of a Unix socket; -1 for any other.
int64_t green_peer_user(int descriptor);

/// A descriptor by which one thread wakes another's event loop; or -errno.
int green_event_descriptor(void);

/// Has the processor fetch the cache line at an address that will be wanted soon. Never faults.
static inline void green_prefetch(const void *address) { __builtin_prefetch(address, 1); }

/// Fills the buffer with the kernel's random bytes.
void green_random(void *buffer, size_t length);

/// Names the calling thread, for those who look at the process.
void green_name_thread(const char *name);

/// Blocks all signals for the calling thread but those of its own faults, and says what was blocked before.
void green_signals_block(sigset_t *before);

/// Blocks exactly these signals for the calling thread.
void green_signals_restore(const sigset_t *mask);

/// A timer of the monotonic clock as a descriptor, not armed; or -errno.
int green_timer_descriptor(void);

/// Has a timer's descriptor be readable once at that moment of the monotonic clock, in place of what was set before.
void green_timer_arm(int descriptor, uint64_t nanoseconds);

// ---- Processes ------------------------------------------------------------------------------------------

/// Starts a program with a clean mask, default handling of signals, and pipes as its standard streams: 0, or -errno. `own` gets
/// our ends, non-blocking, for its input, output and errors, and `watch` a descriptor that is readable when it has ended.
int green_spawn(
    char *const *arguments, char *const *environment, const char *directory, int own[3], int *watch, int *process);

/// A descriptor that is readable when a process has ended (Linux 5.3); or -errno.
int green_process_descriptor(int process);

/// How a process that we started ended: its code, or 0x100 and its signal; -EAGAIN where it has not, and nobody waits.
int green_reap(int process, bool waits);

// ---- The main queue -------------------------------------------------------------------------------------

/// A descriptor that is readable when something is to be done on Dispatch's main queue; -1 where the calling thread is not the
/// main one, or there is no Dispatch. Not to be closed.
int green_main_queue_descriptor(void);

/// Does what is to be done there.
void green_main_queue_run(int descriptor);

// ---- Signals --------------------------------------------------------------------------------------------

/// How many loops of a process can be told of signals at once.
enum { GREEN_SIGNAL_LOOPS = 64 };

/// A place for a loop that wants signals: its number, or -errno. Its descriptor is readable when a signal came.
int green_signal_place(int *descriptor);

/// Gives a place up for the next loop. It is told of no signal any more.
void green_signal_leave(int place);

/// Has a signal (1 to 64) told to a place, beside others that want it; 0, or -errno. Whoever handled it before does so
/// again when no place wants it any more.
int green_signal_want(int place, int number);

/// Has a signal not told to a place any more.
void green_signal_forget(int place, int number);

/// The signals that came for a place since the last call, signal 1 as the lowest bit.
uint64_t green_signal_take(int place);

#endif

// The main actor runs on Dispatch's main queue, which somebody must empty on the main thread: a run loop, or `dispatchMain()`.
// While a hub has that thread, the hub does. These are the calls that CoreFoundation's run loop makes; they are weak, so that
// a program without Dispatch links.
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "green.h"

int _dispatch_get_main_queue_handle_4CF(void) __attribute__((weak));
void _dispatch_main_queue_callback_4CF(void *) __attribute__((weak));

int green_main_queue_descriptor(void) {
    if (!_dispatch_get_main_queue_handle_4CF || !_dispatch_main_queue_callback_4CF) return -1;
    if (syscall(SYS_gettid) != getpid()) return -1;
    return _dispatch_get_main_queue_handle_4CF();
}

void green_main_queue_run(int descriptor) {
    uint64_t count;
    if (read(descriptor, &count, sizeof count) < 0) count = 0;
    _dispatch_main_queue_callback_4CF(NULL);
}

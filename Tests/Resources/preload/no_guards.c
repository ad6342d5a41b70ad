// As a preloaded library: a kernel before Linux 6.13, where guards of stacks take mappings.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/mman.h>

int madvise(void *start, size_t length, int advice) {
    enum { guard_install = 102, guard_remove = 103 };
    if (advice == guard_install || advice == guard_remove) {
        errno = EINVAL;
        return -1;
    }
    int (*real)(void *, size_t, int) = dlsym(RTLD_NEXT, "madvise");
    return real(start, length, advice);
}

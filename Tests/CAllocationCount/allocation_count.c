#define _GNU_SOURCE
#include "allocation_count.h"
#include <errno.h>
#include <stddef.h>

// glibc's own names, which stay reachable when the public ones are defined elsewhere.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static __thread uint64_t made __attribute__((tls_model("initial-exec")));

uint64_t allocation_count(void) { return made; }

void *malloc(size_t size) {
    made++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    made++;
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    made++;
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    made++;
    return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size) {
    made++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    made++;
    void *made_block = __libc_memalign(alignment, size);
    if (!made_block) return ENOMEM;
    *block = made_block;
    return 0;
}

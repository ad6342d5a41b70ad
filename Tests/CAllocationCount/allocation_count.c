#define _GNU_SOURCE
#include "allocation_count.h"
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

// glibc's own names, which stay reachable when the public ones are defined elsewhere.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static __thread uint64_t made __attribute__((tls_model("initial-exec")));

static _Atomic uint64_t made_by_all;

uint64_t allocation_count(void) { return made; }

static void note(void) {
    made++;
    atomic_fetch_add_explicit(&made_by_all, 1, memory_order_relaxed);
}

// As a preloaded library: leaves the count of all threads in a file when the program ends.
__attribute__((destructor)) static void report(void) {
    const char *path = getenv("ALLOCATION_COUNT_FILE");
    if (!path) return;
    unsigned long long total = atomic_load_explicit(&made_by_all, memory_order_relaxed);
    FILE *file = fopen(path, "w");
    if (!file) return;
    fprintf(file, "%llu", total);
    fclose(file);
}

// A sanitizer has an allocator of its own, in whose place nothing may be put: nothing is counted there.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

void *malloc(size_t size) {
    note();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    note();
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    note();
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note();
    return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size) {
    note();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    note();
    void *made_block = __libc_memalign(alignment, size);
    if (!made_block) return ENOMEM;
    *block = made_block;
    return 0;
}

#endif

#ifndef ALLOCATION_COUNT_H
#define ALLOCATION_COUNT_H

#include <stdint.h>

// How many allocations the calling thread has made since it began: malloc, calloc, realloc and aligned ones. The
// allocator's functions are interposed on in every program that this is linked into.
uint64_t allocation_count(void);

#endif

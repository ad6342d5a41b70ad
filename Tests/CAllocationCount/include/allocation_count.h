#ifndef ALLOCATION_COUNT_H
#define ALLOCATION_COUNT_H

#include <stdint.h>

// How many allocations the calling thread has made since it began: malloc, calloc, realloc and aligned ones. The
// allocator's functions are interposed on in every program that this is linked into or preloaded for. With
// ALLOCATION_COUNT_FILE in the environment the count of all threads is written there at the program's end.
uint64_t allocation_count(void);

#endif

// What the sources of this module share.
#ifndef VIREO_GREEN_FIBER_H
#define VIREO_GREEN_FIBER_H
#include "green.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GREEN_ASAN 1
#define GREEN_SANITIZED 1
#endif
#if __has_feature(thread_sanitizer)
#define GREEN_TSAN 1
#define GREEN_SANITIZED 1
#endif
#endif

// On x86-64 the switch is Green's own: it returns where Boost's jumps, so that the processor foresees where each return leads, and
// leaves out the floating-point control words, which nobody changes. Sanitizers, and shadow stacks, get Boost's.
#if defined(__x86_64__) && !defined(GREEN_SANITIZED) && !defined(__SHSTK__)
#define GREEN_OWN_SWITCH 1
#endif

/// The fiber that runs on this thread; null before the first switch.
const green_fiber *green_running_fiber(void);

#endif

// features.h first: otherwise fd_set clashes with the one of Glibc's module.
#include <features.h>
#include <event2/event.h>
#include <event2/util.h>

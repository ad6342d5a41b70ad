// nghttp2's header wants these from its user.
#include <features.h>
#include <stdint.h>
#include <sys/types.h>
#include <nghttp2/nghttp2.h>

// Formatter and reader: the bytes travel over Green's sockets.
#include <features.h>
#include <hiredis/hiredis.h>

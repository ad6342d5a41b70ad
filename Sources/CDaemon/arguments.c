#include "arguments.h"
#include <stddef.h>

static int count = 0;
static char **arguments = NULL;

// glibc hands to constructors what main gets.
__attribute__((constructor)) static void remember(int given, char **values) {
    count = given;
    arguments = values;
}

const char *vireo_argument(int number) {
    return number >= 0 && number < count ? arguments[number] : NULL;
}

#ifndef VIREO_GREEN_H
#define VIREO_GREEN_H
#include <features.h>
#endif

#include "green.h"

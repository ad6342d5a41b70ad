// What the program was started with. Swift takes it from /proc, which is not there in every container.
#pragma once

// The argument of a number, from 0, the program's own name; NULL beyond the last.
const char *vireo_argument(int number);

// libFuzzer as a library: it is linked by `-sanitize=fuzzer`.
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Takes one input; 0 for one that may be kept.
typedef int (*libfuzzer_target)(const uint8_t *_Nullable bytes, size_t count);

/// Runs a target with the options of a command line, until it is over or has found something.
int LLVMFuzzerRunDriver(int *count, char *_Nullable *_Nonnull *_Nonnull arguments, libfuzzer_target target);

#pragma clang assume_nonnull end

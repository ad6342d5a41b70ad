#include <uninorm.h>

// Text in UTF-8 with each letter and its accents as one sign where there is one (NFC), to be freed; NULL without memory.
static inline uint8_t *vireo_compose(const uint8_t *text, size_t count, size_t *made) {
    return u8_normalize(UNINORM_NFC, text, count, NULL, made);
}

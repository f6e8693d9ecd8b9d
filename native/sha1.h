#ifndef CI_GUARD_SHA1_H
#define CI_GUARD_SHA1_H
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

/* Whether this processor has instructions for SHA-1. */
int has_sha1(void);

/* What `has_sha1` said when the module was loaded: without it, `sha1` must not be called. */
extern int fast_sha1;

/* Hash one content or two; `data2` is NULL for one. */
void sha1(const u8 *data, size_t size, u8 *id, const u8 *data2, size_t size2, u8 *id2);

#endif

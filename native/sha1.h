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

/* How far a content is hashed: whole blocks of 64 bytes, and the state behind them. */
typedef struct { size_t blocks; u32 state[8]; } Halfway;

/* Begin to hash. */
void sha1_begin(Halfway *one);

/* Go on with two contents at a time, until the blocks of one of them end. */
void sha1_both(Halfway *one, const u8 *data, size_t size, Halfway *other, const u8 *data2, size_t size2);

/* Go on to the end, and return the hash. */
void sha1_end(Halfway *one, const u8 *data, size_t size, u8 *id);

#endif

/* SHA-1 (FIPS 180-4) of two contents at a time, by the instructions that processors have for it. */
#include "sha1.h"
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>
int has_sha1(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) && (c & bit_SSSE3) && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}

/* Four rounds of SHA-1 (FIPS 180-4, 6.1.2) with the instructions that x86 has for them. */
#define ROUNDS(i, h, data) \
    if (i < 4) h.m[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * (i & 3))), swap); \
    else h.m[i & 3] = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(h.m[i & 3], h.m[(i + 1) & 3]), h.m[(i + 2) & 3]), h.m[(i + 3) & 3]); \
    h.next = i ? _mm_sha1nexte_epu32(h.e, h.m[i & 3]) : _mm_add_epi32(h.e, h.m[0]); \
    h.e = h.abcd; \
    h.abcd = _mm_sha1rnds4_epu32(h.abcd, h.next, i / 5);
#define ALL_ROUNDS(R) R(0) R(1) R(2) R(3) R(4) R(5) R(6) R(7) R(8) R(9) R(10) R(11) R(12) R(13) R(14) R(15) R(16) R(17) R(18) R(19)
#define BEGIN(h) h.abcd_then = h.abcd; h.e_then = h.e;
#define END(h) h.e = _mm_sha1nexte_epu32(h.e, h.e_then); h.abcd = _mm_add_epi32(h.abcd, h.abcd_then);
#define WITH_SHA __attribute__((target("sha,sse4.1,ssse3")))

typedef struct { __m128i abcd, e, m[4], next, abcd_then, e_then; } Sha1;

WITH_SHA static void sha1_blocks(Sha1 *state, const u8 *data, size_t blocks) {
    const __m128i swap = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    Sha1 one = *state;
#define ROUND(i) ROUNDS(i, one, data)
    for (; blocks; blocks--, data += 64) { BEGIN(one) ALL_ROUNDS(ROUND) END(one) }
#undef ROUND
    *state = one;
}

/* Two contents at a time, as each instruction waits for the one before. */
WITH_SHA static void sha1_two(Sha1 *state, const u8 *data, Sha1 *state2, const u8 *data2, size_t blocks) {
    const __m128i swap = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    Sha1 one = *state, two = *state2;
#define ROUND(i) ROUNDS(i, one, data) ROUNDS(i, two, data2)
    for (; blocks; blocks--, data += 64, data2 += 64) { BEGIN(one) BEGIN(two) ALL_ROUNDS(ROUND) END(one) END(two) }
#undef ROUND
    *state = one;
    *state2 = two;
}

WITH_SHA static Sha1 loaded(const Halfway *one) {
    Sha1 state;
    memset(&state, 0, sizeof state);
    state.abcd = _mm_loadu_si128((const __m128i *)one->state);
    state.e = _mm_loadu_si128((const __m128i *)(one->state + 4));
    return state;
}

WITH_SHA static void store(Halfway *one, const Sha1 *state) {
    _mm_storeu_si128((__m128i *)one->state, state->abcd);
    _mm_storeu_si128((__m128i *)(one->state + 4), state->e);
}

WITH_SHA void sha1_begin(Halfway *one) {
    Sha1 state;
    state.abcd = _mm_set_epi32(0x67452301, (int)0xefcdab89, (int)0x98badcfe, 0x10325476);
    state.e = _mm_set_epi32((int)0xc3d2e1f0, 0, 0, 0);
    store(one, &state);
    one->blocks = 0;
}

WITH_SHA void sha1_both(Halfway *one, const u8 *data, size_t size, Halfway *other, const u8 *data2, size_t size2) {
    size_t left = size / 64 - one->blocks, left2 = size2 / 64 - other->blocks, both = left < left2 ? left : left2;
    Sha1 state = loaded(one), state2 = loaded(other);
    sha1_two(&state, data + 64 * one->blocks, &state2, data2 + 64 * other->blocks, both);
    store(one, &state);
    store(other, &state2);
    one->blocks += both;
    other->blocks += both;
}

WITH_SHA void sha1_end(Halfway *one, const u8 *data, size_t size, u8 *id) {
    const __m128i reverse = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    u8 end[128] = {0};
    size_t whole = size / 64, rest = size % 64, blocks = rest < 56 ? 1 : 2;
    Sha1 state = loaded(one);
    sha1_blocks(&state, data + 64 * one->blocks, whole - one->blocks);
    memcpy(end, data + 64 * whole, rest);
    end[rest] = 128;
    for (size_t i = 0; i < 8; i++) end[64 * blocks - 1 - i] = (u8)((u64)size * 8 >> (8 * i));
    sha1_blocks(&state, end, blocks);
    _mm_storeu_si128((__m128i *)id, _mm_shuffle_epi8(state.abcd, reverse));
    u32 last = (u32)_mm_extract_epi32(state.e, 3);
    for (int i = 0; i < 4; i++) id[16 + i] = (u8)(last >> (24 - 8 * i));
}
#else
int has_sha1(void) { return 0; }
void sha1_begin(Halfway *one) { (void)one; }
void sha1_both(Halfway *one, const u8 *data, size_t size, Halfway *other, const u8 *data2, size_t size2) {
    (void)one; (void)data; (void)size; (void)other; (void)data2; (void)size2;
}
void sha1_end(Halfway *one, const u8 *data, size_t size, u8 *id) { (void)one; (void)data; (void)size; (void)id; }
#endif

int fast_sha1;

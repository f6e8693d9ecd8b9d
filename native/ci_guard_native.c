/*
 * Reads packs of git objects: builds each object once, proves it by its id, and tells what of it is new.
 *
 * A delta says which bytes of an object are its base's. What was met or found in these is known at its new offset
 * without another look; only what touches a change is looked at. `ci_guard/secrets/deltas.py` says what to look for.
 * Source: gitformat-pack(5), version 2 of packs and of their indexes.
 *
 * Whoever can write to the clone can write its packs. So every number in them is checked against what is there before it
 * is used, no object is larger than LARGEST, and what does not fit is `Odd`: the caller asks git instead.
 */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030A0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#ifdef WITH_LIBDEFLATE /* twice as fast */
#include <libdeflate.h>
#else
#include <zlib.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

#ifndef PyBUF_READ
#define PyBUF_READ 0x100
#endif

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

enum { COMMIT = 1, TREE = 2, BLOB = 3, TAG = 4, OFS_DELTA = 6, REF_DELTA = 7 };
static const char *const KINDS[] = {"", "commit", "tree", "blob", "tag"};
enum { SPECIAL = 1, SKIPPED = 2, WHOLE = 4, MARKED = 8 };

#define NONE UINT32_MAX
#define LARGEST ((u64)32 << 20)     /* bytes of an object; git reads what is larger */
#define MOST_HELD ((u64)128 << 20)  /* bytes of objects that are bases of what is still to come */
#define MOST_OBJECTS ((u64)1 << 27)
#define HEADROOM 32                 /* ahead of a content, for the header that is hashed with it */
#define MAPPED ((u64)96 << 20)      /* bytes of packs that stay in memory */
#define HEAD 1024                   /* bytes that tell the kind of a content */
#define TOGETHER 65536              /* bytes of messages that are searched in one pass */
#define COST 2500                   /* of an object whatever its size, in bytes */
#define VAIN (1u << 17)             /* parts without a secret that are remembered … */
#define LONGEST_VAIN 1024u          /* … up to so many bytes */
#define SHORTEST_BASE64 24
#define SHORTEST_LINE 16

static PyObject *Odd, *Damaged;

typedef struct { void *data; size_t used, room; } Vector;
typedef struct { u8 *map; u64 size; const u8 *ids; u8 *index; u64 index_size; u32 first, count, shift, *fan; } Pack;
typedef struct { u32 start, end; int32_t id; } Item; /* where a trigger (0, 1, …) or a secret (-1, -2, …) stands */
typedef struct { u32 start, end; } Change;           /* bytes that are new; none where two parts of a base just meet */
typedef struct { u32 from, at, size; } Copy;         /* bytes that are the base's */
typedef struct { u32 from, number, name; } Entry;         /* of a tree: where it begins, and what it is if it matters */
typedef struct { u32 object, next, size, count; int judged; u8 *raw; Item *items; Entry *entries; } Frame;
typedef struct { u32 width, back, ahead; int line_back, line_ahead; } Reach; /* of a trigger: see deltas.py */
typedef struct { u32 object, at, size; } Message;
typedef struct { u32 number, name; } Pair;
typedef struct { u8 *raw; const u8 *data; u32 size, object; int owned; } Unproved;
typedef struct { u8 id[32]; u32 number, known; } Cached;
typedef struct { u64 *keys; u32 *values; u32 used, room; } Table;
typedef struct { u64 weight; u32 root, place; } Family;
typedef struct { u8 *key; u32 size; } Vain;
typedef struct { u32 trigger, end; } Met;

typedef struct {
    PyObject_HEAD
    PyObject *hash, *visitor, *found;
    u32 width, pack_count, count; /* bytes of an id */
    Pack *packs;
    u64 *offsets;
    u32 *base, *child, *sibling;
    u8 *kinds, *pack_of, *again; /* again: an earlier pack has the object */
    Vector families;
    u32 *roots, root_count, root_next, *units, unit_count;
    u32 *taken; /* units of contents and of trees, by all processes */
    int mode;
    Frame *frames;
    u32 depth, frame_room;
    u64 held, mapped, bytes;
    Unproved waits; /* an object that was built, and is hashed together with the next one */
#ifdef WITH_LIBDEFLATE
    struct libdeflate_decompressor *inflater;
#else
    z_stream stream;
    int streaming;
#endif
    Vector delta, key, copies, changes, items, fresh, buffer, windows, left, trees, waiting, messages, rows;
    Reach *reaches;
    u32 trigger_count, margin, most_back, most_ahead;
    Vain *vain; /* what was found to hold nothing: versions of a file have much of it in common */
    PyObject *beginnings, *groups, *mark;
    /* of trees */
    u8 *wanted;
    Cached *cached; /* trees are much alike, so few ids come again and again */
    Vector entries, pairs, old_pairs;
    Vector lost; /* ids of contents that trees have, and the packs do not */
    Table lost_numbers;
    Vector names, texts, suspects; /* offset of each name, the names, whether each is suspect */
    u32 *slots, slot_count;
} Store;

static void *grown(Vector *v, size_t more) {
    if (more > SIZE_MAX / 4 - v->used) return PyErr_NoMemory();
    if (!v->data || v->used + more > v->room) {
        size_t room = (v->used + more) + (v->used + more) / 2 + 256;
        void *data = realloc(v->data, room);
        if (!data) return PyErr_NoMemory();
        v->data = data;
        v->room = room;
    }
    void *at = (u8 *)v->data + v->used;
    v->used += more;
    return at;
}

#define PUSH(vector, type, ...) \
    do { type *_at = grown(&(vector), sizeof(type)); if (!_at) return -1; *_at = (type)__VA_ARGS__; } while (0)
#define COUNT(vector, type) ((u32)((vector).used / sizeof(type)))

static int odd(const char *why) { PyErr_SetString(Odd, why); return -1; }
static u32 big32(const u8 *p) { return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3]; }
static u64 big64(const u8 *p) { return (u64)big32(p) << 32 | big32(p + 4); }
static const u8 *id_of(const Store *s, u32 object) {
    const Pack *pack = &s->packs[s->pack_of[object]];
    return pack->ids + (size_t)(object - pack->first) * s->width;
}

static u32 found_in(const Store *s, const Pack *pack, const u8 *id) {
    if (!pack->count) return NONE;
    u32 bucket = big32(id) >> pack->shift;
    for (u32 at = pack->fan[bucket]; at < pack->fan[bucket + 1]; at++)
        if (!memcmp(pack->ids + (size_t)at * s->width, id, s->width)) return pack->first + at;
    return NONE;
}

static u32 number_of(const Store *s, const u8 *id) {
    for (u32 p = 0; p < s->pack_count; p++) {
        u32 object = found_in(s, &s->packs[p], id);
        if (object != NONE) return object;
    }
    return NONE;
}

static u32 hash_bytes(const u8 *name, u32 length) {
    u64 value = length * 0x9E3779B97F4A7C15u;
    while (length >= 8) { u64 part; memcpy(&part, name, 8); value = (value ^ part) * 0xFF51AFD7ED558CCDu; value ^= value >> 32; name += 8; length -= 8; }
    u64 part = 0;
    memcpy(&part, name, length);
    value = (value ^ part) * 0xFF51AFD7ED558CCDu;
    return (u32)(value ^ value >> 33);
}

/* Opening */

static u8 *mapped_file(int descriptor, u64 *size) {
    struct stat status;
    if (fstat(descriptor, &status) || !S_ISREG(status.st_mode) || status.st_size < 32) { odd("no plain file"); return NULL; }
    *size = (u64)status.st_size;
    void *map = mmap(NULL, (size_t)*size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (map == MAP_FAILED) { odd("a file cannot be mapped"); return NULL; }
    return map;
}

static int open_pack(Store *s, Pack *pack, int data, int index) {
    if (!(pack->map = mapped_file(data, &pack->size)) || !(pack->index = mapped_file(index, &pack->index_size))) return -1;
    const u8 *x = pack->index;
    u64 size = pack->index_size;
    if (size < 8 + 1024 + 2 * s->width || memcmp(x, "\377tOc\0\0\0\2", 8)) return odd("an index of another version");
    u32 before = 0;
    for (u32 i = 0; i < 256; i++) {
        u32 here = big32(x + 8 + 4 * i);
        if (here < before) return odd("an index out of order");
        before = here;
    }
    u64 count = before, rest = 8 + 1024 + count * (s->width + 8) + 2 * s->width;
    if (count > MOST_OBJECTS || size < rest || (size - rest) % 8) return odd("an index of a wrong size");
    if (pack->size < 12 + s->width || memcmp(pack->map, "PACK\0\0\0", 7) || (pack->map[7] != 2 && pack->map[7] != 3) ||
        big32(pack->map + 8) != count)
        return odd("a pack of another version, or not that of its index");
    pack->ids = x + 8 + 1024;
    pack->count = (u32)count;
    u32 bits = 1;
    while (bits < 24 && ((u64)1 << bits) < count) bits++;
    pack->shift = 32 - bits;
    if (!(pack->fan = malloc((((size_t)1 << bits) + 1) * 4))) { PyErr_NoMemory(); return -1; }
    u32 at = 0;
    for (u32 bucket = 0; bucket < (u32)1 << bits; bucket++) {
        pack->fan[bucket] = at;
        while (at < count && big32(pack->ids + (size_t)at * s->width) >> pack->shift == bucket) at++;
    }
    pack->fan[(size_t)1 << bits] = at;
    if (at != count) return odd("an index out of order");
    for (u32 i = 1; i < count; i++)
        if (memcmp(pack->ids + (size_t)(i - 1) * s->width, pack->ids + (size_t)i * s->width, s->width) >= 0)
            return odd("an index out of order");
    return 0;
}

static int read_offsets(Store *s, Pack *pack) {
    const u8 *small = pack->ids + (size_t)pack->count * (s->width + 4), *large = small + (size_t)pack->count * 4;
    u64 larges = (pack->index_size - (8 + 1024 + (u64)pack->count * (s->width + 8) + 2 * s->width)) / 8;
    for (u32 i = 0; i < pack->count; i++) {
        u64 offset = big32(small + 4 * (size_t)i);
        if (offset & 0x80000000u) {
            if ((offset & 0x7fffffffu) >= larges) return odd("an offset that is not there");
            offset = big64(large + 8 * (offset & 0x7fffffffu));
        }
        if (offset < 12 || offset >= pack->size - s->width) return odd("an offset outside of its pack");
        s->offsets[pack->first + i] = offset;
    }
    return 0;
}

/* Read the header of a stored object: its kind, its size, and for a delta the distance or the id of its base. */
static int header(const Store *s, u32 object, u8 *kind, u64 *size, u64 *distance, const u8 **ref, u64 *at) {
    const Pack *pack = &s->packs[s->pack_of[object]];
    const u8 *map = pack->map;
    u64 p = s->offsets[object], end = pack->size - s->width;
    u8 c = map[p++];
    *kind = (c >> 4) & 7;
    *size = c & 15;
    for (unsigned shift = 4; c & 128; shift += 7) {
        if (p >= end || shift > 56) return odd("a header that does not end");
        c = map[p++];
        *size |= (u64)(c & 127) << shift;
    }
    if (*kind == OFS_DELTA) {
        if (p >= end) return odd("a header that does not end");
        c = map[p++];
        *distance = c & 127;
        while (c & 128) {
            if (p >= end || *distance >> 54) return odd("a header that does not end");
            c = map[p++];
            *distance = (*distance + 1) << 7 | (c & 127);
        }
        if (!*distance || *distance > s->offsets[object]) return odd("a base ahead of its pack");
    } else if (*kind == REF_DELTA) {
        if (end - p < s->width) return odd("a header that does not end");
        *ref = map + p;
        p += s->width;
    } else if (*kind < COMMIT || *kind > TAG) return odd("an unknown kind of object");
    if (p >= end) return odd("an object without content");
    *at = p;
    return 0;
}

static int by_offset(Store *s, const Pack *pack, u32 *order, u32 *spare) { /* radix sort */
    for (u32 i = 0; i < pack->count; i++) order[i] = pack->first + i;
    for (unsigned shift = 0; shift < 64 && pack->size >> shift; shift += 11) {
        u32 places[2049] = {0}, *swap;
        for (u32 i = 0; i < pack->count; i++) places[(s->offsets[order[i]] >> shift & 2047) + 1]++;
        for (u32 i = 0; i < 2048; i++) places[i + 1] += places[i];
        for (u32 i = 0; i < pack->count; i++) spare[places[s->offsets[order[i]] >> shift & 2047]++] = order[i];
        swap = order; order = spare; spare = swap;
    }
    return 0;
}

static u32 passes_of(const Pack *pack) {
    u32 passes = 0;
    for (unsigned shift = 0; shift < 64 && pack->size >> shift; shift += 11) passes++;
    return passes;
}

static int link_objects(Store *s, Pack *pack, u32 *first, u32 *second, u32 *weights) {
    by_offset(s, pack, first, second);
    u32 *order = passes_of(pack) % 2 ? second : first;
    for (u32 i = 0; i < pack->count; i++) {
        u32 object = order[i], base = NONE;
        u8 kind;
        u64 size, distance = 0, at;
        const u8 *ref = NULL;
        if (i && s->offsets[order[i - 1]] == s->offsets[object]) return odd("two objects at one place");
        if (header(s, object, &kind, &size, &distance, &ref, &at)) return -1;
        if (kind == REF_DELTA) {
            base = found_in(s, pack, ref);
            if (base == NONE) return odd("a base that is not in the pack");
        } else if (kind == OFS_DELTA) {
            u64 wanted = s->offsets[object] - distance;
            u32 low = 0, high = i, step = 1;
            while (step <= i && s->offsets[order[i - step]] > wanted) { high = i - step; step *= 2; }
            low = step <= i ? i - step : 0;
            while (low < high) {
                u32 middle = low + (high - low) / 2;
                if (s->offsets[order[middle]] < wanted) low = middle + 1; else high = middle;
            }
            if (low >= i || s->offsets[order[low]] != wanted) return odd("a base where no object begins");
            base = order[low];
        }
        s->base[object] = base;
        s->kinds[object] = kind;
        weights[object] = size < LARGEST ? (u32)(2 * size) + COST : COST;
        if (i % 65536 == 65535) madvise(pack->map, (size_t)pack->size, MADV_DONTNEED);
        if (base == NONE) PUSH(s->families, Family, {0, object, 0});
        else { s->sibling[object] = s->child[base]; s->child[base] = object; }
    }
    return 0;
}

/* Give every delta the kind of its root, and every root the weight of its family. */
static int resolve(Store *s, const u32 *weights) {
    u64 seen = 0;
    Family *families = s->families.data;
    for (u32 f = 0; f < COUNT(s->families, Family); f++) {
        u8 kind = s->kinds[families[f].root];
        u32 object = families[f].root;
        for (;;) { /* in depth, without a stack: down, else on, else up */
            families[f].weight += weights[object];
            s->kinds[object] = kind;
            seen++;
            if (s->child[object] != NONE) { object = s->child[object]; continue; }
            while (object != families[f].root && s->sibling[object] == NONE) object = s->base[object];
            if (object == families[f].root) break;
            object = s->sibling[object];
        }
    }
    return seen == s->count ? 0 : odd("deltas without an end");
}

static void close_store(Store *s) {
    if (s->taken) munmap(s->taken, 4096);
    if (s->waits.owned) free(s->waits.raw - HEADROOM);
    for (u32 i = 0; s->vain && i < VAIN; i++) free(s->vain[i].key);
    for (u32 p = 0; s->packs && p < s->pack_count; p++) {
        if (s->packs[p].map) munmap(s->packs[p].map, (size_t)s->packs[p].size);
        if (s->packs[p].index) munmap(s->packs[p].index, (size_t)s->packs[p].index_size);
        free(s->packs[p].fan);
    }
    while (s->depth) { Frame *frame = &s->frames[--s->depth]; if (frame->raw) free(frame->raw - HEADROOM); free(frame->items); free(frame->entries); }
#ifdef WITH_LIBDEFLATE
    if (s->inflater) libdeflate_free_decompressor(s->inflater);
#else
    if (s->streaming) inflateEnd(&s->stream);
#endif
    void *owned[] = {s->packs, s->offsets, s->base, s->child, s->sibling, s->kinds, s->pack_of, s->again, s->roots, s->units,
                     s->frames, s->vain, s->reaches, s->wanted, s->cached, s->slots, s->lost_numbers.keys, s->lost_numbers.values};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    Vector *vectors[] = {&s->families, &s->delta, &s->key, &s->copies, &s->changes, &s->items, &s->fresh, &s->buffer, &s->windows,
                         &s->left, &s->trees, &s->waiting, &s->messages, &s->rows, &s->names, &s->texts, &s->suspects, &s->lost, &s->entries, &s->pairs, &s->old_pairs};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) free(vectors[i]->data);
    PyObject *objects[] = {s->hash, s->visitor, s->found, s->beginnings, s->groups, s->mark};
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) Py_XDECREF(objects[i]);
}

/* Store(files, width, hash): `files` are pairs of descriptors, of a pack and of its index. */
static PyObject *Store_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    PyObject *files, *hash;
    unsigned width;
    (void)keywords;
    if (!PyArg_ParseTuple(args, "O!IO", &PyList_Type, &files, &width, &hash)) return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Store *s = (Store *)alloc(type, 0);
    if (!s) return NULL;
    s->hash = Py_NewRef(hash);
    s->width = width;
    Py_ssize_t packs = PyList_Size(files);
    if (width < 20 || width > 32 || packs > 200) { odd("too many packs"); goto failed; }
    s->pack_count = (u32)packs;
    s->packs = calloc((size_t)packs + 1, sizeof(Pack));
    void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!s->packs || shared == MAP_FAILED) goto memory;
    s->taken = shared;
    for (Py_ssize_t p = 0; p < packs; p++) {
        int data, index;
        if (!PyArg_ParseTuple(PyList_GetItem(files, p), "ii", &data, &index)) goto failed;
        if (open_pack(s, &s->packs[p], data, index)) goto failed;
        s->packs[p].first = s->count;
        if (s->count + (u64)s->packs[p].count > MOST_OBJECTS) { odd("too many objects"); goto failed; }
        s->count += s->packs[p].count;
    }
    size_t count = (size_t)s->count + 1;
    u32 *order = malloc(count * 8), *weights = malloc(count * 4);
    s->offsets = malloc(count * 8);
    s->base = malloc(count * 4);
    s->child = malloc(count * 4);
    s->sibling = malloc(count * 4);
    s->kinds = calloc(count, 1);
    s->pack_of = malloc(count);
    s->again = calloc(count, 1);
    if (!order || !weights || !s->offsets || !s->base || !s->child || !s->sibling || !s->kinds || !s->pack_of || !s->again) {
        free(order);
        free(weights);
        goto memory;
    }
    memset(s->child, 255, count * 4);
    memset(s->sibling, 255, count * 4);
    for (Py_ssize_t p = 0; p < packs; p++) {
        Pack *pack = &s->packs[p];
        memset(s->pack_of + pack->first, (int)p, pack->count);
        if (read_offsets(s, pack) || link_objects(s, pack, order, order + pack->count, weights)) {
            free(order);
            free(weights);
            goto failed;
        }
        for (u32 i = 0; p && i < pack->count; i++)
            s->again[pack->first + i] = number_of(s, pack->ids + (size_t)i * s->width) != pack->first + i;
    }
    free(order);
    int broken = resolve(s, weights);
    free(weights);
    if (broken) goto failed;
    return (PyObject *)s;
memory:
    PyErr_NoMemory();
failed:
    Py_DECREF(s);
    return NULL;
}

static void Store_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    close_store((Store *)self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/* Building objects */

static int inflated(Store *s, u32 object, u64 at, u8 *to, u64 size) {
    const Pack *pack = &s->packs[s->pack_of[object]];
    u64 there = pack->size - s->width - at;
    size_t used, made;
#ifdef WITH_LIBDEFLATE
    if (!s->inflater && !(s->inflater = libdeflate_alloc_decompressor())) { PyErr_NoMemory(); return -1; }
    if (libdeflate_zlib_decompress_ex(s->inflater, pack->map + at, (size_t)there, to, (size_t)size, &used, &made) != LIBDEFLATE_SUCCESS)
        made = SIZE_MAX;
#else
    if (!s->streaming) {
        if (inflateInit(&s->stream) != Z_OK) { PyErr_NoMemory(); return -1; }
        s->streaming = 1;
    } else inflateReset(&s->stream);
    s->stream.next_in = pack->map + at;
    s->stream.avail_in = there > (1u << 30) ? 1u << 30 : (u32)there;
    s->stream.next_out = to;
    s->stream.avail_out = (u32)size;
    int result = inflate(&s->stream, Z_FINISH);
    if (result == Z_BUF_ERROR && !s->stream.avail_out) { /* an empty content, or the check sum is still to come */
        u8 more;
        s->stream.next_out = &more;
        s->stream.avail_out = 1;
        result = inflate(&s->stream, Z_FINISH);
    }
    used = s->stream.total_in;
    made = result == Z_STREAM_END ? s->stream.total_out : SIZE_MAX;
#endif
    if (made != size) return odd("a content that cannot be unpacked");
    s->mapped += used + 4096;
    if (s->mapped > MAPPED) {
        for (u32 p = 0; p < s->pack_count; p++) madvise(s->packs[p].map, (size_t)s->packs[p].size, MADV_DONTNEED);
        s->mapped = 0;
    }
    return 0;
}

static int delta_size(const u8 *delta, size_t size, size_t *at, u64 *value) {
    u8 c;
    unsigned shift = 0;
    *value = 0;
    do {
        if (*at >= size || shift > 56) return odd("a delta that does not end");
        c = delta[(*at)++];
        *value |= (u64)(c & 127) << shift;
        shift += 7;
    } while (c & 128);
    return 0;
}

/* Apply a delta to a base; `to` has room for `size` bytes. Fills `copies`, adjacent ones joined. */
static int apply(Vector *copies, const u8 *base, u64 base_size, const u8 *d, size_t length, size_t i, u8 *to, u64 size) {
    u64 done = 0;
    Copy last = {0, 0, 0};
    while (i < length) {
        u8 c = d[i++];
        if (c & 128) {
            u64 from = 0, many = 0;
            for (unsigned bit = 0; bit < 7; bit++)
                if (c & (1 << bit)) {
                    if (i >= length) return odd("a delta that does not end");
                    if (bit < 4) from |= (u64)d[i++] << (8 * bit); else many |= (u64)d[i++] << (8 * (bit - 4));
                }
            if (!many) many = 0x10000;
            if (from > base_size || many > base_size - from || many > size - done) return odd("a delta beyond its base");
            memcpy(to + done, base + from, (size_t)many);
            if (last.size && last.from + (u64)last.size == from && last.at + (u64)last.size == done) last.size += (u32)many;
            else {
                if (last.size) PUSH(*copies, Copy, last);
                last = (Copy){(u32)from, (u32)done, (u32)many};
            }
            done += many;
        } else if (c) {
            if (c > length - i || c > size - done) return odd("a delta beyond its end");
            memcpy(to + done, d + i, c);
            i += c;
            done += c;
        } else return odd("an unknown step of a delta");
    }
    if (last.size) PUSH(*copies, Copy, last);
    return done == size ? 0 : odd("a delta of a wrong size");
}

static int changes_of(Vector *changes, const Vector *copies, u32 base_size, u32 size) {
    u32 done = 0, taken = 0;
    const Copy *copy = copies->data;
    for (u32 i = 0; i < COUNT(*copies, Copy); i++, copy++) {
        if (i || copy->at || copy->from) PUSH(*changes, Change, {done, copy->at});
        done = copy->at + copy->size;
        taken = copy->from + copy->size;
    }
    if (done < size || taken != base_size || !copies->used) PUSH(*changes, Change, {done, size});
    return 0;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>
static int has_sha1(void) {
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

WITH_SHA static Sha1 sha1_begin(void) {
    Sha1 state;
    memset(&state, 0, sizeof state);
    state.abcd = _mm_set_epi32(0x67452301, (int)0xefcdab89, (int)0x98badcfe, 0x10325476);
    state.e = _mm_set_epi32((int)0xc3d2e1f0, 0, 0, 0);
    return state;
}

WITH_SHA static void sha1_end(Sha1 *state, const u8 *data, size_t size, size_t done, u8 *id) {
    const __m128i reverse = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    u8 end[128] = {0};
    size_t whole = size / 64, rest = size % 64, blocks = rest < 56 ? 1 : 2;
    sha1_blocks(state, data + 64 * done, whole - done);
    memcpy(end, data + 64 * whole, rest);
    end[rest] = 128;
    for (size_t i = 0; i < 8; i++) end[64 * blocks - 1 - i] = (u8)((u64)size * 8 >> (8 * i));
    sha1_blocks(state, end, blocks);
    _mm_storeu_si128((__m128i *)id, _mm_shuffle_epi8(state->abcd, reverse));
    u32 last = (u32)_mm_extract_epi32(state->e, 3);
    for (int i = 0; i < 4; i++) id[16 + i] = (u8)(last >> (24 - 8 * i));
}

/* Hash one content or two; `data2` is NULL for one. */
WITH_SHA static void sha1(const u8 *data, size_t size, u8 *id, const u8 *data2, size_t size2, u8 *id2) {
    Sha1 state = sha1_begin(), state2 = state;
    size_t both = data2 ? (size < size2 ? size : size2) / 64 : 0;
    if (both) sha1_two(&state, data, &state2, data2, both);
    sha1_end(&state, data, size, both, id);
    if (data2) sha1_end(&state2, data2, size2, both, id2);
}
#else
static int has_sha1(void) { return 0; }
static void sha1(const u8 *data, size_t size, u8 *id, const u8 *data2, size_t size2, u8 *id2) {
    (void)data; (void)size; (void)id; (void)data2; (void)size2; (void)id2;
}
#endif
static int fast_sha1;

static int damaged(const Store *s, u32 object) {
    PyObject *named = PyBytes_FromStringAndSize((const char *)id_of(s, object), s->width);
    if (named) PyErr_SetObject(Damaged, named);
    Py_XDECREF(named);
    return -1;
}

/* See that the object that waits has its id, and another one, if there is another. */
static int prove_two(Store *s, u32 object, const u8 *data, u32 size) {
    Unproved waits = s->waits;
    u8 id[20], id2[20];
    s->waits = (Unproved){NULL, NULL, 0, 0, 0};
    if (!waits.raw) return 0;
    sha1(waits.data, waits.size, id, data, size, id2);
    if (waits.owned) free(waits.raw - HEADROOM);
    if (memcmp(id, id_of(s, waits.object), 20)) return damaged(s, waits.object);
    return data && memcmp(id2, id_of(s, object), 20) ? damaged(s, object) : 0;
}

/* See that an object has its id, now or together with the next one. Python's hashlib does it where this machine has no instructions for it. */
static int prove(Store *s, u32 object, u8 *raw, u32 size) {
    char text[HEADROOM];
    int length = PyOS_snprintf(text, sizeof text, "%s %u", KINDS[s->kinds[object]], size) + 1;
    memcpy(raw - length, text, (size_t)length);
    if (fast_sha1 && s->width == 20) {
        if (s->waits.raw) return prove_two(s, object, raw - length, size + (u32)length);
        s->waits = (Unproved){raw, raw - length, size + (u32)length, object, 0};
        return 0;
    }
    PyObject *view = PyMemoryView_FromMemory((char *)raw - length, (Py_ssize_t)size + length, PyBUF_READ);
    PyObject *digest = view ? PyObject_CallFunctionObjArgs(s->hash, view, NULL) : NULL;
    Py_XDECREF(view);
    PyObject *id = digest ? PyObject_CallMethod(digest, "digest", NULL) : NULL;
    Py_XDECREF(digest);
    char *bytes;
    Py_ssize_t width;
    int result = -1;
    if (id && !PyBytes_AsStringAndSize(id, &bytes, &width)) {
        if (width == (Py_ssize_t)s->width && !memcmp(bytes, id_of(s, object), s->width)) result = 0;
        else damaged(s, object);
    }
    Py_XDECREF(id);
    return result;
}

static int leave(Store *s, u32 root) { /* to git: an object with all that is built on it */
    u32 object = root;
    for (;;) {
        if (!s->again[object]) PUSH(s->left, u32, object);
        if (s->child[object] != NONE) { object = s->child[object]; continue; }
        while (object != root && s->sibling[object] == NONE) object = s->base[object];
        if (object == root) return 0;
        object = s->sibling[object];
    }
}

static void drop_raw(Store *s, Frame *frame) {
    if (!frame->raw) return;
    if (frame->raw == s->waits.raw) s->waits.owned = 1;
    else free(frame->raw - HEADROOM);
    s->held -= frame->size;
    frame->raw = NULL;
}

/* Build an object on the frame below, if it has one, and push a frame for it. Returns 1 where it is left to git. */
static int build(Store *s, u32 object, int on_base) {
    u8 kind;
    u64 size, distance, at, base_size;
    size_t start = 0;
    const u8 *ref;
    if (header(s, object, &kind, &size, &distance, &ref, &at)) return -1;
    Frame *below = on_base ? &s->frames[s->depth - 1] : NULL;
    s->copies.used = s->changes.used = s->delta.used = 0;
    if (size > LARGEST) return leave(s, object) ? -1 : 1;
    if (below) {
        if (!grown(&s->delta, (size_t)size + 1) || inflated(s, object, at, s->delta.data, size)) return -1;
        u64 length = size;
        if (delta_size(s->delta.data, (size_t)length, &start, &base_size) ||
            delta_size(s->delta.data, (size_t)length, &start, &size))
            return -1;
        if (base_size != below->size) return odd("a delta of another base");
        s->delta.used = (size_t)length;
    }
    if (size > LARGEST || s->held + size > MOST_HELD) return leave(s, object) ? -1 : 1;
    u8 *block = malloc((size_t)size + HEADROOM + 1);
    if (!block) { PyErr_NoMemory(); return -1; }
    u8 *raw = block + HEADROOM;
    if (below ? apply(&s->copies, below->raw, below->size, s->delta.data, s->delta.used, start, raw, size)
              : inflated(s, object, at, raw, size)) {
        free(block);
        return -1;
    }
    if (prove(s, object, raw, (u32)size)) { free(block); return -1; } /* it does not wait then */
    if (below && below->next == NONE) drop_raw(s, below);
    if (s->depth == s->frame_room) {
        u32 room = s->frame_room * 2 + 64;
        Frame *frames = realloc(s->frames, room * sizeof(Frame));
        if (!frames) { free(block); PyErr_NoMemory(); return -1; }
        s->frames = frames;
        s->frame_room = room;
    }
    s->frames[s->depth++] = (Frame){object, s->child[object], (u32)size, 0, 0, raw, NULL, NULL};
    s->held += size;
    return 0;
}

static void pop(Store *s) {
    Frame *frame = &s->frames[--s->depth];
    drop_raw(s, frame);
    free(frame->items);
    free(frame->entries);
}

/* Looking at contents */

static int touched(const Change *changes, u32 count, u32 start, u32 end) {
    u32 low = 0, high = count;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (changes[middle].end < start) low = middle + 1; else high = middle;
    }
    return low < count && changes[low].start <= end;
}

static int by_start(const void *one, const void *other) {
    const Item *a = one, *b = other;
    if (a->start != b->start) return a->start < b->start ? -1 : 1;
    if (a->end != b->end) return a->end < b->end ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

/* Take over what stands within what was copied, clear of its edges. */
static int carry(Store *s, const Frame *below, u32 size) {
    const Copy *copies = s->copies.data;
    u32 count = COUNT(s->copies, Copy);
    for (u32 i = 0; i < count; i++) {
        Copy c = copies[i];
        int first = !i && !c.at && !c.from, last = i + 1 == count && c.at + c.size == size && c.from + c.size == below->size;
        u32 low = 0, high = below->count;
        while (low < high) {
            u32 middle = low + (high - low) / 2;
            if (below->items[middle].start < c.from) low = middle + 1; else high = middle;
        }
        for (; low < below->count && below->items[low].start < c.from + c.size; low++) {
            Item item = below->items[low];
            if ((!first && item.start == c.from) || item.end > c.from + c.size || (!last && item.end == c.from + c.size)) continue;
            PUSH(s->items, Item, {item.start - c.from + c.at, item.end - c.from + c.at, item.id});
        }
    }
    return 0;
}

static PyObject *asked(Store *s, const char *what, const u8 *data, size_t size, PyObject *more) {
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)size), *result = NULL;
    if (bytes) result = more ? PyObject_CallMethod(s->visitor, what, "OO", bytes, more)
                             : PyObject_CallMethod(s->visitor, what, "O", bytes);
    Py_XDECREF(bytes);
    return result;
}

/* Add what the visitor returned, a list of (start, end, id), to `fresh`. */
static int add_spans(Store *s, PyObject *spans, u32 at, u32 size) {
    int result = -1;
    if (!spans) return -1;
    Py_ssize_t count = PyList_Check(spans) ? PyList_Size(spans) : -1;
    for (Py_ssize_t i = 0; i < count; i++) {
        unsigned start, end;
        int id;
        if (!PyArg_ParseTuple(PyList_GetItem(spans, i), "IIi", &start, &end, &id)) goto done;
        if (start > end || end > size - at || id >= 0) { PyErr_SetString(PyExc_ValueError, "a span outside"); goto done; }
        Item *item = grown(&s->fresh, sizeof(Item));
        if (!item) goto done;
        *item = (Item){at + start, at + end, id};
    }
    result = count < 0 ? (PyErr_SetString(PyExc_TypeError, "no list of spans"), -1) : 0;
done:
    Py_DECREF(spans);
    return result;
}

/* Put what is in `fresh` in its place among `items`, nothing twice. */
static int merge(Store *s) {
    u32 added = COUNT(s->fresh, Item);
    if (!added) return 0;
    const Item *fresh = s->fresh.data;
    Item *all = grown(&s->items, added * sizeof(Item));
    if (!all) return -1;
    memcpy(all, fresh, added * sizeof(Item));
    all = s->items.data;
    u32 count = COUNT(s->items, Item), kept = 0;
    qsort(all, count, sizeof(Item), by_start);
    for (u32 i = 0; i < count; i++)
        if (!kept || by_start(&all[kept - 1], &all[i])) all[kept++] = all[i];
    s->items.used = kept * sizeof(Item);
    s->fresh.used = 0;
    return 0;
}

static u32 less(u32 a, u32 b) { return a > b ? a - b : 0; }
static u32 more(u32 a, u32 b, u32 most) { return b > most || a > most - b ? most : a + b; }
static int is_trigger(const Store *s, Item item) { return item.id >= 0 && (u32)item.id < s->trigger_count; }

/* Tell which part of a content decides about a trigger. */
static Change reach_of(const Store *s, const u8 *raw, u32 size, Item item) {
    const Reach *reach = &s->reaches[item.id];
    Change part = {less(item.end, reach->back), more(item.end, reach->ahead, size)};
    const u8 *feed;
    if (reach->line_back && (feed = memrchr(raw + part.start, '\n', item.end - part.start))) part.start = (u32)(feed - raw);
    if (reach->line_ahead && (feed = memchr(raw + item.end, '\n', part.end - item.end))) part.end = (u32)(feed - raw) + 1;
    return part;
}

static u32 lower_bound(const Item *items, u32 count, u32 start) {
    u32 low = 0, high = count;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (items[middle].start < start) low = middle + 1; else high = middle;
    }
    return low;
}

static int learn_reach(Store *s, u32 trigger) {
    Reach *reach = &s->reaches[trigger];
    if (reach->back) return 0;
    PyObject *answer = PyObject_CallMethod(s->visitor, "reach", "I", trigger);
    unsigned back, ahead;
    int good = answer && PyTuple_Check(answer) &&
               PyArg_ParseTuple(answer, "IIpp", &back, &ahead, &reach->line_back, &reach->line_ahead);
    Py_XDECREF(answer);
    if (!good) return -1;
    reach->back = back > reach->width ? back : reach->width + 1;
    reach->ahead = ahead;
    if (reach->back > s->most_back) s->most_back = reach->back;
    if (reach->ahead > s->most_ahead) s->most_ahead = reach->ahead;
    return 0;
}

/* Search the surroundings of the changes for triggers, and put those into `fresh` that could not be carried. */
static int look(Store *s, const u8 *raw, u32 size, const Change *changes, u32 count) {
    s->buffer.used = s->windows.used = 0;
    for (u32 i = 0; i < count; i++) {
        u32 start = less(changes[i].start, s->margin), end = more(changes[i].end, s->margin, size);
        while (i + 1 < count && less(changes[i + 1].start, s->margin) <= end) end = more(changes[++i].end, s->margin, size);
        u8 *to = grown(&s->buffer, (size_t)(end - start) + 2);
        if (!to) return -1;
        PUSH(s->windows, Copy, {start, (u32)(to - (u8 *)s->buffer.data), end - start});
        memcpy(to, raw + start, end - start);
        memset(to + (end - start), '\n', 2);
    }
    if (!s->buffer.used) return 0;
    char *mark;
    Py_ssize_t mark_length;
    if (PyBytes_AsStringAndSize(s->mark, &mark, &mark_length)) return -1;
    for (u32 i = 0; i < COUNT(s->windows, Copy); i++) {
        Copy window = ((const Copy *)s->windows.data)[i];
        const u8 *p = raw + window.from, *end = p + window.size;
        for (; (p = memmem(p, (size_t)(end - p), mark, (size_t)mark_length)) != NULL; p++) {
            u32 start = (u32)(p - raw);
            if (touched(changes, count, start, start + (u32)mark_length))
                PUSH(s->fresh, Item, {start, start + (u32)mark_length, (int32_t)s->trigger_count});
        }
    }
    PyObject *met = asked(s, "look", s->buffer.data, s->buffer.used, NULL);
    if (!met || !PyList_Check(met)) { Py_XDECREF(met); return -1; }
    const Copy *windows = s->windows.data;
    u32 w = 0, windows_count = COUNT(s->windows, Copy);
    int result = -1;
    for (Py_ssize_t i = 0; i < PyList_Size(met); i++) {
        unsigned trigger, end;
        if (!PyArg_ParseTuple(PyList_GetItem(met, i), "II", &trigger, &end)) goto done;
        if (trigger >= s->trigger_count) continue;
        while (w + 1 < windows_count && end > windows[w + 1].at) w++;
        while (w && end <= windows[w].at) w--;
        if (end <= windows[w].at || end > windows[w].at + windows[w].size) continue; /* across two */
        end = end - windows[w].at + windows[w].from;
        u32 start = less(end, s->reaches[trigger].width);
        if (!touched(changes, count, start, end)) continue;
        Item *item = grown(&s->fresh, sizeof(Item));
        if (!item || learn_reach(s, trigger)) goto done;
        *item = (Item){start, end, (int32_t)trigger};
    }
    result = 0;
done:
    Py_DECREF(met);
    return result;
}

static int by_trigger(const void *one, const void *other) {
    const Met *a = one, *b = other;
    if (a->trigger != b->trigger) return a->trigger < b->trigger ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end);
}

/* Have the visitor confirm the triggers that stand in or near a part of a content. */
static int confirm(Store *s, const u8 *raw, u32 size, u32 low, u32 high) {
    const Item *items = s->items.data;
    u32 count = COUNT(s->items, Item), first = low, last = high;
    u32 from = lower_bound(items, count, less(low, s->most_ahead + s->margin)), until = more(high, s->most_back, size);
    for (u32 i = from; i < count && items[i].start <= until; i++) {
        if (!is_trigger(s, items[i])) continue;
        Change part = reach_of(s, raw, size, items[i]);
        if (part.start > high || part.end < low) continue;
        if (part.start < first) first = part.start;
        if (part.end > last) last = part.end;
    }
    s->key.used = 0;
    for (u32 i = lower_bound(items, count, less(first, s->margin)); i < count && items[i].start <= last; i++) {
        if (!is_trigger(s, items[i]) || items[i].end > last || reach_of(s, raw, size, items[i]).start < first) continue;
        PUSH(s->key, Met, {(u32)items[i].id, items[i].end - first});
    }
    u32 many = COUNT(s->key, Met);
    if (many) qsort(s->key.data, many, sizeof(Met), by_trigger);
    u8 *part = grown(&s->key, last - first);
    if (!part) return -1;
    memcpy(part, raw + first, last - first);
    u32 length = (u32)s->key.used;
    Vain *vain = length <= LONGEST_VAIN ? &s->vain[hash_bytes(s->key.data, length) & (VAIN - 1)] : NULL;
    if (vain && vain->size == length && !memcmp(vain->key, s->key.data, length)) return 0;
    PyObject *met = PyList_New(many);
    for (u32 i = 0; met && i < many; i++) {
        Met each = ((const Met *)s->key.data)[i];
        PyObject *one = Py_BuildValue("II", each.trigger, each.end);
        if (!one || PyList_SetItem(met, i, one)) { Py_DECREF(met); return -1; }
    }
    PyObject *spans = met ? asked(s, "confirm", raw + first, last - first, met) : NULL;
    Py_XDECREF(met);
    if (vain && spans && PyList_Check(spans) && !PyList_Size(spans)) {
        u8 *key = realloc(vain->key, length);
        if (key) { memcpy(key, s->key.data, length); *vain = (Vain){key, length}; }
    }
    return add_spans(s, spans, first, size);
}

static u8 kinds_of_sign[256];
enum { ENDS_TOKEN = 1, IN_BASE64 = 2 };
static void fill_signs(void) {
    for (const char *p = " \t\n\v\f\r\"'<>`"; *p; p++) kinds_of_sign[(u8)*p] |= ENDS_TOKEN;
    for (int c = 0; c < 26; c++) kinds_of_sign['a' + c] |= IN_BASE64, kinds_of_sign['A' + c] |= IN_BASE64;
    for (const char *p = "0123456789+/-_"; *p; p++) kinds_of_sign[(u8)*p] |= IN_BASE64;
}
static inline int ends_token(u8 c) { return kinds_of_sign[c] & ENDS_TOKEN; }
static inline int in_base64(u8 c) { return kinds_of_sign[c] & IN_BASE64; }
static int is_digit_of_ascii(const u8 *p) { /* the two digits of a byte from 0x20 to 0x7F */
    return p[0] >= '2' && p[0] <= '7' && ((p[1] >= '0' && p[1] <= '9') || ((p[1] | 32) >= 'a' && (p[1] | 32) <= 'f'));
}

/* Whether some bytes have what `decode.encoded` looks for: six groups of base64 that are text, or a sign of escapes. */
static int has_encoded(const u8 *groups, const u8 *raw, u32 start, u32 end) {
    const u8 *stop = raw + end;
    for (const u8 *p = raw + start; (p = memchr(p, '%', (size_t)(stop - p))) != NULL; p++)
        if (stop - p >= 3 && is_digit_of_ascii(p + 1)) return 1;
    for (const u8 *p = raw + start; (p = memchr(p, '\\', (size_t)(stop - p))) != NULL; p++) {
        if (stop - p >= 4 && p[1] == 'x' && is_digit_of_ascii(p + 2)) return 1;
        if (stop - p >= 6 && p[1] == 'u' && p[2] == '0' && p[3] == '0' && is_digit_of_ascii(p + 4)) return 1;
    }
    u32 at = start;
    while (end - at >= SHORTEST_BASE64) {
        u32 back = at + SHORTEST_BASE64; /* from the end: a sign that is none spares what is before it */
        while (back > at && in_base64(raw[back - 1])) back--;
        if (back > at) { at = back; continue; }
        u32 stop64 = at + SHORTEST_BASE64;
        while (stop64 < end && in_base64(raw[stop64])) stop64++;
        u32 in_a_row[4] = {0, 0, 0, 0};
        for (u32 i = at; i + 4 <= stop64; i++) {
            int fits = groups[raw[i]] && groups[256 + raw[i + 1]] && groups[512 + raw[i + 2]] && groups[768 + raw[i + 3]];
            in_a_row[i & 3] = fits ? in_a_row[i & 3] + 1 : 0;
            if (in_a_row[i & 3] == SHORTEST_BASE64 / 4) return 1;
        }
        at = stop64;
    }
    return 0;
}

/* Return where the words begin that end at an offset, with the lines of base64 above that may go on there. */
static u32 words_begin(const u8 *raw, u32 at, u32 least) {
    for (;;) {
        while (at > least && !ends_token(raw[at - 1])) at--;
        u32 line = at;
        while (line > least && (raw[line - 1] == ' ' || raw[line - 1] == '\t')) line--;
        if (line == least || raw[line - 1] != '\n') return at;
        u32 above = line - 1;
        if (above > least && raw[above - 1] == '\r') above--;
        for (int pads = 0; pads < 2 && above > least && raw[above - 1] == '='; pads++) above--;
        u32 run = above;
        while (run > least && in_base64(raw[run - 1])) run--;
        if (above - run < SHORTEST_LINE) return at;
        at = run;
    }
}

/* Return where the words end that begin at an offset, with the lines of base64 below that may belong to them. */
static u32 words_end(const u8 *raw, u32 at, u32 most) {
    for (;;) {
        while (at < most && !ends_token(raw[at])) at++;
        u32 below = at;
        if (below < most && raw[below] == '\r') below++;
        if (below == most || raw[below] != '\n') return at;
        below++;
        while (below < most && (raw[below] == ' ' || raw[below] == '\t')) below++;
        u32 run = below;
        while (run < most && in_base64(raw[run])) run++;
        if (run - below < SHORTEST_LINE && !(run > below && run < most && raw[run] == '=')) return at;
        at = run;
    }
}

static int decode(Store *s, const u8 *raw, u32 size, const Change *changes, u32 count) {
    const u8 *groups = (const u8 *)PyBytes_AsString(s->groups);
    for (u32 i = 0, done = 0; i < count; i++) {
        u32 start = words_begin(raw, changes[i].start, done < changes[i].start ? done : changes[i].start);
        u32 end = words_end(raw, changes[i].end, size);
        while (i + 1 < count && changes[i + 1].start <= end)
            if (changes[++i].end > end) end = words_end(raw, changes[i].end, size);
        done = end;
        if (has_encoded(groups, raw, start, end) && add_spans(s, asked(s, "decode", raw + start, end - start, NULL), start, size))
            return -1;
    }
    return 0;
}

static int tell(Store *s, u32 object, unsigned flags) {
    const Item *items = s->items.data;
    u32 count = 0;
    s->buffer.used = 0;
    for (u32 i = 0; i < COUNT(s->items, Item); i++)
        if (items[i].id < 0) { PUSH(s->buffer, Item, items[i]); count++; }
        else if (!is_trigger(s, items[i])) flags |= MARKED;
    if (!count && !flags) return 0;
    PyObject *one = Py_BuildValue("y#Iy#", id_of(s, object), (Py_ssize_t)s->width, flags, count ? s->buffer.data : (void *)"",
                                  (Py_ssize_t)s->buffer.used);
    int result = one ? PyList_Append(s->found, one) : -1;
    Py_XDECREF(one);
    return result;
}

/* Find out what a content has, given what of it is new, and what is in `items` and `fresh` already. */
static int judge(Store *s, const u8 *raw, u32 size, const Change *changes, u32 count) {
    if (merge(s)) return -1;
    u32 low = 0, high = 0, open = 0, items = COUNT(s->items, Item);
    for (u32 i = 0; i < items; i++) {
        Item item = ((const Item *)s->items.data)[i];
        if (!is_trigger(s, item)) continue;
        Change part = reach_of(s, raw, size, item);
        if (!touched(changes, count, part.start, part.end)) continue;
        if (open && part.start <= high) {
            if (part.start < low) low = part.start;
            if (part.end > high) high = part.end;
            continue;
        }
        if (open && confirm(s, raw, size, low, high)) return -1;
        low = part.start, high = part.end, open = 1;
    }
    if (open && confirm(s, raw, size, low, high)) return -1;
    if (decode(s, raw, size, changes, count)) return -1;
    return merge(s);
}

static int flags_of(Store *s, const u8 *raw, u32 size) {
    u32 head = size < HEAD ? size : HEAD;
    int suspect = head >= 262 && !memcmp(raw + 257, "ustar", 5);
    suspect = suspect || memchr(raw, 0, head) || (size > 1 && raw[0] >= 0xfe && raw[1] >= 0xfe);
    for (Py_ssize_t i = 0; !suspect && i < PyTuple_Size(s->beginnings); i++) {
        char *begin;
        Py_ssize_t length;
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(s->beginnings, i), &begin, &length)) return -1;
        suspect = (u32)length <= head && !memcmp(raw, begin, (size_t)length);
    }
    if (!suspect) return 0;
    PyObject *flags = asked(s, "head", raw, head, NULL);
    long value = flags ? PyLong_AsLong(flags) : -1;
    Py_XDECREF(flags);
    return PyErr_Occurred() ? -1 : (int)value;
}

static int visit_blob(Store *s) {
    Frame *frame = &s->frames[s->depth - 1];
    const Frame *below = s->depth > 1 ? frame - 1 : NULL;
    s->items.used = s->fresh.used = 0;
    int flags = flags_of(s, frame->raw, frame->size);
    if (flags < 0) return -1;
    if (flags & WHOLE) {
        if (add_spans(s, asked(s, "whole", frame->raw, frame->size, NULL), 0, frame->size) || merge(s)) return -1;
    } else if (flags & SKIPPED) {
        PyObject *answer = asked(s, "archive", frame->raw, frame->size, NULL);
        int special = answer ? PyObject_IsTrue(answer) : -1;
        Py_XDECREF(answer);
        if (special < 0) return -1;
        flags = special ? flags : 0;
    } else {
        if (below && below->judged) {
            if (changes_of(&s->changes, &s->copies, below->size, frame->size) || carry(s, below, frame->size)) return -1;
        } else PUSH(s->changes, Change, {0, frame->size});
        const Change *changes = s->changes.data;
        u32 count = COUNT(s->changes, Change);
        if (look(s, frame->raw, frame->size, changes, count) || judge(s, frame->raw, frame->size, changes, count)) return -1;
        frame->judged = 1;
        if (frame->next != NONE && s->items.used) {
            if (!(frame->items = malloc(s->items.used))) { PyErr_NoMemory(); return -1; }
            memcpy(frame->items, s->items.data, s->items.used);
            frame->count = COUNT(s->items, Item);
        }
    }
    if (s->again[frame->object]) return 0;
    s->bytes += frame->size;
    return tell(s, frame->object, ((unsigned)flags & SPECIAL) | (frame->judged ? 0 : MARKED));
}

/* Search the messages that wait. */
static int flush(Store *s) {
    u32 count = COUNT(s->messages, Message);
    if (!count) return 0;
    u8 *text = s->waiting.data;
    u32 size = (u32)s->waiting.used, e = 0;
    Change all = {0, size};
    s->items.used = s->fresh.used = 0;
    if (look(s, text, size, &all, 1)) return -1;
    Vector events = s->fresh;
    s->fresh = (Vector){0, 0, 0};
    if (events.used) qsort(events.data, COUNT(events, Item), sizeof(Item), by_start);
    int result = -1;
    for (u32 m = 0; m < count; m++) {
        Message message = ((const Message *)s->messages.data)[m];
        Change whole = {0, message.size};
        s->items.used = s->fresh.used = 0;
        /* A trigger may be shorter than it can be, so that its region begins in the message before. */
        for (e = lower_bound(events.data, COUNT(events, Item), less(message.at, s->margin)); e < COUNT(events, Item); e++) {
            Item item = ((const Item *)events.data)[e];
            if (item.start >= message.at + message.size) break;
            if (item.end <= message.at || item.end > message.at + message.size) continue;
            Item *at = grown(&s->fresh, sizeof(Item));
            if (!at) goto done;
            *at = (Item){less(item.start, message.at), item.end - message.at, item.id};
        }
        if (judge(s, text + message.at, message.size, &whole, 1) || tell(s, message.object, 0)) goto done;
    }
    s->messages.used = s->waiting.used = 0;
    result = 0;
done:
    free(events.data);
    return result;
}

static int from_hex(const u8 *text, u8 *id, u32 width) {
    for (u32 i = 0; i < 2 * width; i++) {
        u8 c = text[i], digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
        if (digit > 15) return 0;
        id[i / 2] = (u8)(id[i / 2] << 4 | digit);
    }
    return 1;
}

static int visit_message(Store *s) {
    Frame *frame = &s->frames[s->depth - 1];
    const u8 *text = frame->raw, *end = frame->raw + frame->size;
    if (s->again[frame->object]) return 0;
    if (s->kinds[frame->object] == COMMIT) {
        u8 id[32];
        u32 tree = NONE;
        if (frame->size > 5 + 2 * s->width && !memcmp(text, "tree ", 5) && from_hex(text + 5, id, s->width)) tree = number_of(s, id);
        PUSH(s->trees, u32, frame->object);
        PUSH(s->trees, u32, tree);
    }
    for (const u8 *p = text; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
        if (end - p > 2 && p[1] == '\n') { text = p + 2; break; } /* a message; else all of it is searched */
    u32 at = (u32)s->waiting.used, size = (u32)(end - text);
    u8 *to = grown(&s->waiting, (size_t)size + 64);
    if (!to) return -1;
    memcpy(to, text, size);
    memset(to + size, '\n', 64);
    PUSH(s->messages, Message, {frame->object, at, size});
    return s->waiting.used >= TOGETHER ? flush(s) : 0;
}

/* Trees */

/* Return where the value of a key is, NONE in it for a new key. */
static u32 *entry(Table *table, u64 key) {
    if (2 * (table->used + 1) > table->room) {
        Table wider = {NULL, NULL, 0, table->room ? table->room * 2 : 1 << 14};
        wider.keys = malloc((size_t)wider.room * 8);
        wider.values = malloc((size_t)wider.room * 4);
        if (!wider.keys || !wider.values) { free(wider.keys); free(wider.values); PyErr_NoMemory(); return NULL; }
        memset(wider.keys, 255, (size_t)wider.room * 8);
        for (u32 i = 0; i < table->room; i++)
            if (table->keys[i] != UINT64_MAX) *entry(&wider, table->keys[i]) = table->values[i];
        free(table->keys);
        free(table->values);
        *table = wider;
    }
    u32 at = (u32)((key * 0x9E3779B97F4A7C15u) >> 32) & (table->room - 1);
    while (table->keys[at] != UINT64_MAX && table->keys[at] != key) at = (at + 1) & (table->room - 1);
    if (table->keys[at] == UINT64_MAX) { table->keys[at] = key; table->values[at] = NONE; table->used++; }
    return &table->values[at];
}

/* Return the number of a content that is not here: behind those of all objects. NONE with an exception. */
static u32 lost_number(Store *s, const u8 *id) {
    u32 *number = entry(&s->lost_numbers, big64(id) >> 1), known = (u32)(s->lost.used / s->width);
    if (!number) return NONE;
    if (*number != NONE) {
        if (!memcmp((u8 *)s->lost.data + (size_t)*number * s->width, id, s->width)) return s->count + *number;
        odd("two ids that begin alike");
        return NONE;
    }
    u8 *at = known < MOST_OBJECTS ? grown(&s->lost, s->width) : NULL;
    if (!at) { if (!PyErr_Occurred()) odd("too many contents are missing"); return NONE; }
    memcpy(at, id, s->width);
    return s->count + (*number = known);
}

static const u8 *name_at(const Store *s, u32 number, u32 *length) {
    const u32 *starts = s->names.data;
    u32 start = starts[number], end = number + 1 < COUNT(s->names, u32) ? starts[number + 1] : (u32)s->texts.used;
    *length = end - start;
    return (const u8 *)s->texts.data + start;
}

/* Return the number of a name, the visitor's opinion of it noted; NONE with an exception. */
static u32 name_number(Store *s, const u8 *name, u32 length) {
    u32 count = COUNT(s->names, u32), other;
    if (2 * (count + 1) > s->slot_count) {
        u32 room = s->slot_count ? s->slot_count * 2 : 1 << 14, *slots = malloc((size_t)room * 4);
        if (!slots) { PyErr_NoMemory(); return NONE; }
        memset(slots, 255, (size_t)room * 4);
        for (u32 i = 0; i < count; i++) {
            const u8 *text = name_at(s, i, &other);
            u32 at = hash_bytes(text, other) & (room - 1);
            while (slots[at] != NONE) at = (at + 1) & (room - 1);
            slots[at] = i;
        }
        free(s->slots);
        s->slots = slots;
        s->slot_count = room;
    }
    u32 at = hash_bytes(name, length) & (s->slot_count - 1);
    for (; s->slots[at] != NONE; at = (at + 1) & (s->slot_count - 1)) {
        const u8 *text = name_at(s, s->slots[at], &other);
        if (other == length && !memcmp(text, name, length)) return s->slots[at];
    }
    u8 suspect = 0;
    if (s->visitor) {
        PyObject *answer = asked(s, "suspect", name, length, NULL);
        int truth = answer ? PyObject_IsTrue(answer) : -1;
        Py_XDECREF(answer);
        if (truth < 0) return NONE;
        suspect = (u8)truth;
    }
    if (s->texts.used + length > UINT32_MAX) { odd("too many names"); return NONE; }
    u32 *start = grown(&s->names, 4);
    u8 *text = grown(&s->texts, length), *flag = grown(&s->suspects, 1);
    if (!start || !text || !flag) return NONE;
    *start = (u32)(text - (u8 *)s->texts.data);
    memcpy(text, name, length);
    *flag = suspect;
    s->slots[at] = count;
    return count;
}

static u32 subtree_number(Store *s, const u8 *id) {
    Cached *cached = &s->cached[big32(id) >> 16];
    if (cached->known && !memcmp(cached->id, id, s->width)) return cached->number;
    memcpy(cached->id, id, s->width);
    cached->known = 1;
    return cached->number = number_of(s, id);
}

/* Read one entry of a tree (gitformat-tree). Its number is NONE where it does not matter. */
static int read_entry(Store *s, const u8 *raw, u32 size, u32 *at, Entry *entry) {
    const u8 *begin = raw + *at, *end = raw + size, *p = begin;
    u32 mode = 0;
    *entry = (Entry){*at, NONE, 0};
    while (p < end && *p >= '0' && *p <= '7' && p - begin < 7) mode = mode << 3 | (u32)(*p++ - '0');
    if (p == end || *p++ != ' ' || p - begin < 6) return odd("a malformed tree");
    const u8 *name = p, *stop = memchr(p, 0, (size_t)(end - p));
    if (!stop || stop == name || (size_t)(end - stop) <= s->width) return odd("a malformed tree");
    const u8 *id = stop + 1;
    *at = (u32)(id + s->width - raw);
    if (mode >> 12 == 016) return 0;
    int tree = mode >> 12 == 04;
    u32 number = tree ? subtree_number(s, id) : number_of(s, id);
    if (number == NONE && tree) return odd("a tree that is missing");
    if (number != NONE && (s->kinds[number] == TREE) != tree) return odd("an entry of another kind");
    if (number == NONE && (number = lost_number(s, id)) == NONE) return -1;
    if ((entry->name = name_number(s, name, (u32)(stop - name))) == NONE) return -1;
    if (tree || number >= s->count || s->wanted[number] || ((const u8 *)s->suspects.data)[entry->name]) entry->number = number;
    return 0;
}

static u32 first_from(const Entry *entries, u32 count, u32 from) {
    u32 low = 0, high = count;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (entries[middle].from < from) low = middle + 1; else high = middle;
    }
    return low;
}

/*
 * Tell which trees, and which contents that matter, are in a tree: its number, how many deltas deep it is built, how many
 * of these at the beginning and at the end are its base's, how many others there are, and of each its number and name.
 */
static int visit_tree(Store *s) {
    Frame *frame = &s->frames[s->depth - 1], *below = s->depth > 1 ? frame - 1 : NULL;
    const Copy *copy = s->copies.data, *copies_end = copy + COUNT(s->copies, Copy);
    u32 at = 0;
    s->entries.used = 0;
    while (at < frame->size) {
        while (below && copy < copies_end && copy->at + copy->size <= at) copy++;
        if (below && copy < copies_end && copy->at <= at) { /* entries that are here as a whole are those of the base */
            u32 from = at - copy->at + copy->from, until = copy->from + copy->size;
            u32 first = first_from(below->entries, below->count, from), last = first_from(below->entries, below->count, until + 1);
            /* the last one that begins there ends where the next one begins, or the base itself */
            if (last > first && below->entries[first].from == from && last - first > 1) {
                Entry *to = grown(&s->entries, (size_t)(last - first - 1) * sizeof(Entry));
                if (!to) return -1;
                for (u32 i = first; i + 1 < last; i++) {
                    to[i - first] = below->entries[i];
                    to[i - first].from = below->entries[i].from - from + at;
                }
                at += below->entries[last - 1].from - from;
                continue;
            }
        }
        Entry entry;
        if (read_entry(s, frame->raw, frame->size, &at, &entry)) return -1;
        PUSH(s->entries, Entry, entry);
    }
    PUSH(s->entries, Entry, {frame->size, NONE, 0});
    if (frame->next != NONE) {
        if (!(frame->entries = malloc(s->entries.used))) { PyErr_NoMemory(); return -1; }
        memcpy(frame->entries, s->entries.data, s->entries.used);
        frame->count = COUNT(s->entries, Entry);
    }
    /* what matters */
    u32 pairs = 0, same = 0, tail = 0, old = 0;
    s->pairs.used = s->old_pairs.used = 0;
    for (u32 i = 0; i < COUNT(s->entries, Entry); i++) {
        Entry entry = ((const Entry *)s->entries.data)[i];
        if (entry.number != NONE) { PUSH(s->pairs, Pair, {entry.number, entry.name}); pairs++; }
    }
    for (u32 i = 0; below && i < below->count; i++)
        if (below->entries[i].number != NONE) { PUSH(s->old_pairs, Pair, {below->entries[i].number, below->entries[i].name}); old++; }
    const Pair *new_pair = s->pairs.data, *old_pair = s->old_pairs.data;
    while (same < pairs && same < old && !memcmp(&new_pair[same], &old_pair[same], sizeof(Pair))) same++;
    while (tail < pairs - same && tail < old - same && !memcmp(&new_pair[pairs - 1 - tail], &old_pair[old - 1 - tail], sizeof(Pair))) tail++;
    u32 row[] = {frame->object, s->depth - 1, same, tail, pairs - same - tail};
    u8 *to = grown(&s->rows, sizeof row + row[4] * sizeof(Pair));
    if (!to) return -1;
    memcpy(to, row, sizeof row);
    if (row[4]) memcpy(to + sizeof row, new_pair + same, row[4] * sizeof(Pair));
    return 0;
}

/* The way of the commits through the trees */

typedef struct { u32 tree, node, next; } Step;
typedef struct { u32 above, name; } Node;
typedef struct { Vector pairs; u32 on; } Level;

static int matters(const Store *s, const u8 *leads, u32 number) {
    return number >= s->count || s->kinds[number] != TREE || leads[number];
}

/*
 * Go through the rows that `visit_tree` told. Without `rows`, note in `next` which trees lead to what matters, given in
 * `leads` those that are known to; return whether there is a new one. With `rows`, put there for each tree what leads on.
 */
static int unfold(Store *s, const Vector *told, const u8 *leads, u8 *next, Vector *rows, u32 *where, Vector *levels) {
    const u32 *word = told->data, *end = word + told->used / 4;
    int news = 0;
    for (; word < end; word += 5 + 2 * word[4]) {
        if (end - word < 5 || word[0] >= s->count || word[1] > 5000 || word[4] > (size_t)(end - word - 5) / 2) return odd("a row out of place");
        u32 level = word[1], many = word[4];
        while (COUNT(*levels, Level) <= level) PUSH(*levels, Level, {{0, 0, 0}, 0});
        Level *here = (Level *)levels->data + level, *below = here - 1;
        u32 old = level ? COUNT(below->pairs, Pair) : 0, same = word[2], tail = word[3], on = level ? below->on : 0;
        if ((u64)same + tail > old) return odd("a row out of place");
        const Pair *base = level ? below->pairs.data : NULL, *added = (const Pair *)(word + 5);
        here->pairs.used = 0;
        Pair *to = grown(&here->pairs, ((size_t)same + tail + many) * sizeof(Pair));
        if (!to) return -1;
        if (same) memcpy(to, base, same * sizeof(Pair));
        if (many) memcpy(to + same, added, many * sizeof(Pair));
        if (tail) memcpy(to + same + many, base + old - tail, tail * sizeof(Pair));
        for (u32 i = same; i < old - tail; i++) on -= (u32)matters(s, leads, base[i].number);
        for (u32 i = 0; i < many; i++) on += (u32)matters(s, leads, added[i].number);
        here->on = on;
        if (!rows) {
            if (on && !next[word[0]]) next[word[0]] = 1, news = 1;
        } else if (on) {
            where[word[0]] = (u32)(rows->used / 4);
            PUSH(*rows, u32, word[0]);
            PUSH(*rows, u32, on);
            for (u32 i = 0; i < same + many + tail; i++)
                if (matters(s, leads, to[i].number)) PUSH(*rows, Pair, to[i]);
        }
    }
    return news;
}

static PyObject *path_of(Store *s, const Vector *nodes, u32 node) {
    const Node *all = nodes->data;
    u32 length;
    s->buffer.used = 0;
    for (u32 at = node; at; at = all[at].above) { /* from its end */
        const u8 *text = name_at(s, all[at].name, &length);
        u8 *to = grown(&s->buffer, (size_t)length + 1);
        if (!to) return NULL;
        for (u32 i = 0; i < length; i++) to[i] = text[length - 1 - i];
        to[length] = '/';
    }
    u8 *path = s->buffer.data;
    u32 size = (u32)s->buffer.used - 1;
    for (u32 i = 0; i < size / 2; i++) { u8 c = path[i]; path[i] = path[size - 1 - i]; path[size - 1 - i] = c; }
    return PyBytes_FromStringAndSize((const char *)path, size);
}

static int way(Store *s, const u32 *rows, const u32 *where, const u32 *roots, const u8 *ids, u32 commits, Vector *stack,
               Vector *nodes, Table *paths, Table *seen, PyObject *result) {
    PUSH(*nodes, Node, {0, 0});
    for (u32 number = 0; number < commits; number++) {
        u32 commit = number_of(s, ids + (size_t)number * s->width);
        if (commit == NONE || s->kinds[commit] != COMMIT || roots[commit] == NONE) return odd("a commit that is missing");
        u32 root = roots[commit], *value;
        if (s->kinds[root] != TREE) return odd("a commit of no tree");
        if (where[root] == NONE) continue;
        if (!(value = entry(seen, root))) return -1;
        if (*value != NONE) continue;
        *value = 0;
        stack->used = 0;
        PUSH(*stack, Step, {root, 0, 0});
        while (stack->used) {
            Step *step = (Step *)((u8 *)stack->data + stack->used) - 1;
            const u32 *row = rows + where[step->tree];
            if (step->next == row[1]) { stack->used -= sizeof(Step); continue; }
            u32 object = row[2 + 2 * step->next], name = row[3 + 2 * step->next], above = step->node;
            step->next++;
            int tree = object < s->count && s->kinds[object] == TREE;
            if (tree && where[object] == NONE) continue;
            if (!(value = entry(paths, (u64)above << 32 | name))) return -1;
            if (*value == NONE) {
                *value = COUNT(*nodes, Node);
                PUSH(*nodes, Node, {above, name});
            }
            u32 node = *value;
            if (!(value = entry(seen, (u64)node << 32 | object))) return -1;
            if (*value != NONE) continue;
            *value = 0;
            if (tree) {
                if (COUNT(*stack, Step) > 5000) return odd("trees without an end");
                PUSH(*stack, Step, {object, node, 0});
                continue;
            }
            const u8 *id = object < s->count ? id_of(s, object) : (u8 *)s->lost.data + (size_t)(object - s->count) * s->width;
            PyObject *path = path_of(s, nodes, node);
            PyObject *one = path ? Py_BuildValue("INy#", number, path, id, (Py_ssize_t)s->width) : NULL;
            int failed = !one || PyList_Append(result, one);
            Py_XDECREF(one);
            if (failed) return -1;
        }
    }
    return 0;
}

/* Take over what one process told, with its names and missing contents numbered as here. */
static int take_part(Store *s, PyObject *part, u32 *roots, Vector *told) {
    const u8 *trees, *rows, *names, *lost;
    Py_ssize_t trees_size, rows_size, names_size, lost_size;
    if (!PyArg_ParseTuple(part, "y#y#y#y#", &trees, &trees_size, &rows, &rows_size, &names, &names_size, &lost, &lost_size)) return -1;
    for (Py_ssize_t at = 0; at + 8 <= trees_size; at += 8) {
        u32 pair[2];
        memcpy(pair, trees + at, 8);
        if (pair[0] < s->count && (pair[1] < s->count || pair[1] == NONE)) roots[pair[0]] = pair[1];
    }
    Vector map = {0, 0, 0};
    u32 count = 0;
    for (const u8 *p = names, *stop; p < names + names_size && (stop = memchr(p, 0, (size_t)(names + names_size - p))); p = stop + 1, count++) {
        u32 *to = grown(&map, 4);
        if (!to || (*to = name_number(s, p, (u32)(stop - p))) == NONE) { free(map.data); return -1; }
    }
    size_t base = told->used;
    u32 *word = grown(told, (size_t)rows_size), *end;
    if (!word) { free(map.data); return -1; }
    memcpy(word, rows, (size_t)rows_size);
    end = (u32 *)((u8 *)told->data + told->used);
    word = (u32 *)((u8 *)told->data + base);
    while (end - word >= 5) {
        u32 many = word[4];
        if (many > (size_t)(end - word - 5) / 2) break;
        for (word += 5; many; many--, word += 2) {
            if (word[0] >= s->count) {
                u64 place = (u64)(word[0] - s->count) * s->width;
                word[0] = place < (u64)lost_size ? lost_number(s, lost + place) : NONE;
            }
            if (word[0] == NONE || word[1] >= count) goto odd;
            word[1] = ((const u32 *)map.data)[word[1]];
        }
    }
odd:
    free(map.data);
    if (word == end) return 0;
    return PyErr_Occurred() ? -1 : odd("a row out of place");
}

/*
 * walk(parts, commits): `parts` are the (trees, rows, names) that the processes told, `commits` their ids, oldest first.
 * Returns (number of the commit, path, id) where a wanted content stands at a path first; Odd where a commit is missing.
 */
static PyObject *Store_walk(Store *s, PyObject *args) {
    PyObject *parts, *result = PyList_New(0);
    const u8 *ids;
    Py_ssize_t size;
    Vector told = {0, 0, 0}, rows = {0, 0, 0}, levels = {0, 0, 0}, stack = {0, 0, 0}, nodes = {0, 0, 0};
    Table paths = {NULL, NULL, 0, 0}, seen = {NULL, NULL, 0, 0};
    u32 *where = malloc((size_t)s->count * 4 + 4), *roots = malloc((size_t)s->count * 4 + 4);
    u8 *leads = calloc((size_t)s->count + 1, 1), *next = calloc((size_t)s->count + 1, 1);
    int done = -1;
    Py_CLEAR(s->visitor);
    if (!result || !PyArg_ParseTuple(args, "O!y#", &PyList_Type, &parts, &ids, &size)) goto end;
    if (!where || !roots || !leads || !next) { PyErr_NoMemory(); goto end; }
    memset(where, 255, (size_t)s->count * 4 + 4);
    memset(roots, 255, (size_t)s->count * 4 + 4);
    for (Py_ssize_t i = 0; i < PyList_Size(parts); i++)
        if (take_part(s, PyList_GetItem(parts, i), roots, &told)) goto end;
    for (int news = 1; news;) { /* as often as trees are deep in each other */
        if ((news = unfold(s, &told, leads, next, NULL, NULL, &levels)) < 0) goto end;
        memcpy(leads, next, s->count);
    }
    if (unfold(s, &told, leads, next, &rows, where, &levels) < 0) goto end;
    free(told.data);
    told.data = NULL;
    done = way(s, rows.data, where, roots, ids, (u32)((size_t)size / s->width), &stack, &nodes, &paths, &seen, result);
end:
    for (u32 i = 0; i < COUNT(levels, Level); i++) free(((Level *)levels.data)[i].pairs.data);
    free(where); free(roots); free(leads); free(next); free(told.data); free(rows.data); free(levels.data); free(stack.data);
    free(nodes.data); free(paths.keys); free(paths.values); free(seen.keys); free(seen.values);
    if (done) { Py_XDECREF(result); return NULL; }
    return result;
}

/* What Python calls */

static int heavier(const void *one, const void *other) {
    const Family *a = one, *b = other;
    if (a->weight != b->weight) return a->weight > b->weight ? -1 : 1;
    return a->root < b->root ? -1 : 1;
}

static int earlier(const void *one, const void *other) {
    const Family *a = one, *b = other;
    return (a->place > b->place) - (a->place < b->place);
}

/*
 * start(visitor, trees, part, parts): take a part of the trees, or of all else. Processes that were forked from the one
 * that opened the store share the families out among them while they work: the heaviest first, then neighbours together.
 */
static PyObject *Store_start(Store *s, PyObject *args) {
    PyObject *visitor;
    unsigned trees, part, parts;
    if (!PyArg_ParseTuple(args, "OIII", &visitor, &trees, &part, &parts)) return NULL;
    if (!parts || part >= parts || parts > 1024) { PyErr_SetString(PyExc_ValueError, "no such part"); return NULL; }
    u32 count = COUNT(s->families, Family), chosen = 0, heavy = 0;
    u64 total = 0, weight = 0;
    Family *sorted = malloc((count + 1) * sizeof(Family));
    free(s->roots);
    free(s->units);
    s->roots = malloc((size_t)count * 4 + 4);
    s->units = malloc((size_t)count * 4 + 8);
    if (!sorted || !s->roots || !s->units) { free(sorted); return PyErr_NoMemory(); }
    for (u32 f = 0; f < count; f++) {
        Family family = ((const Family *)s->families.data)[f];
        if ((s->kinds[family.root] == TREE) != (trees != 0)) continue;
        family.place = f;
        total += family.weight;
        sorted[chosen++] = family;
    }
    qsort(sorted, chosen, sizeof(Family), heavier);
    while (heavy < chosen && sorted[heavy].weight > total / 256) heavy++;
    qsort(sorted + heavy, chosen - heavy, sizeof(Family), earlier);
    s->unit_count = 0;
    for (u32 f = 0; f < chosen; f++) {
        if (f <= heavy || weight > total / 256) { s->units[s->unit_count++] = f; weight = 0; }
        weight += sorted[f].weight;
        s->roots[f] = sorted[f].root;
    }
    s->units[s->unit_count] = chosen;
    free(sorted);
    s->root_next = s->root_count = 0;
    if (parts == 1) s->taken[trees != 0] = 0;
    Py_XDECREF(s->visitor);
    s->visitor = Py_NewRef(visitor);
    Py_XDECREF(s->found);
    s->found = PyList_New(0);
    s->mode = trees != 0;
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 1 << 26); /* contents come and go: pages that are there are kept */
    mallopt(M_TRIM_THRESHOLD, 1 << 26);
#endif
    s->bytes = 0;
    s->left.used = s->trees.used = s->rows.used = 0;
    while (s->depth) pop(s);
    if (s->waits.owned) free(s->waits.raw - HEADROOM);
    s->waits = (Unproved){NULL, NULL, 0, 0, 0};
    if (!s->found) return NULL;
    Py_RETURN_NONE;
}

/* contents(widths, beginnings, groups, mark): what to look for. `widths` has a number of 32 bits for each trigger. */
static PyObject *Store_contents(Store *s, PyObject *args) {
    const char *widths;
    Py_ssize_t size;
    PyObject *beginnings, *groups, *mark;
    if (!PyArg_ParseTuple(args, "y#O!SS", &widths, &size, &PyTuple_Type, &beginnings, &groups, &mark)) return NULL;
    if (size % 4 || PyBytes_Size(groups) != 1024 || !PyBytes_Size(mark)) { PyErr_SetString(PyExc_ValueError, "tables of a wrong size"); return NULL; }
    free(s->reaches);
    s->trigger_count = (u32)(size / 4);
    s->margin = (u32)PyBytes_Size(mark) + 1;
    s->most_back = s->most_ahead = 0;
    if (!s->vain && !(s->vain = calloc(VAIN, sizeof(Vain)))) return PyErr_NoMemory();
    if (!(s->reaches = calloc((size_t)s->trigger_count + 1, sizeof(Reach)))) return PyErr_NoMemory();
    for (u32 i = 0; i < s->trigger_count; i++) {
        memcpy(&s->reaches[i].width, widths + 4 * (size_t)i, 4);
        if (s->reaches[i].width >= s->margin) s->margin = s->reaches[i].width + 1;
    }
    Py_XDECREF(s->beginnings);
    Py_XDECREF(s->groups);
    s->beginnings = Py_NewRef(beginnings);
    Py_XDECREF(s->mark);
    s->groups = Py_NewRef(groups);
    s->mark = Py_NewRef(mark);
    Py_RETURN_NONE;
}

/* want(ids): the contents that `walk` is to tell. */
static PyObject *Store_want(Store *s, PyObject *args) {
    const u8 *ids;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "y#", &ids, &size)) return NULL;
    if (!s->wanted) s->wanted = calloc((size_t)s->count + 1, 1);
    if (!s->cached) s->cached = malloc((1 << 16) * sizeof(Cached));
    if (!s->wanted || !s->cached) return PyErr_NoMemory();
    memset(s->cached, 0, (1 << 16) * sizeof(Cached));
    for (Py_ssize_t at = 0; at + (Py_ssize_t)s->width <= size; at += (Py_ssize_t)s->width) {
        u32 number = number_of(s, ids + at);
        if (number != NONE) s->wanted[number] = 1;
    }
    Py_RETURN_NONE;
}

static int next_unit(Store *s) {
    u32 unit = __atomic_fetch_add(&s->taken[s->mode], 1, __ATOMIC_RELAXED);
    if (unit >= s->unit_count) return 0;
    s->root_next = s->units[unit];
    s->root_count = s->units[unit + 1];
    return 1;
}

/* step(bytes): build about as many bytes, and return how many objects that was, and what was found; None at the end. */
static PyObject *Store_step(Store *s, PyObject *args) {
    unsigned long long budget, built = 0;
    if (!PyArg_ParseTuple(args, "K", &budget)) return NULL;
    if (!s->visitor || (s->mode ? !s->cached : !s->reaches)) { PyErr_SetString(PyExc_ValueError, "not started"); return NULL; }
    unsigned objects = 0;
    while (built < budget) {
        u32 object;
        int on_base = s->depth > 0, result;
        if (on_base) {
            Frame *top = &s->frames[s->depth - 1];
            object = top->next;
            if (object == NONE) { pop(s); continue; }
            top->next = s->sibling[object];
        } else if (s->root_next < s->root_count || next_unit(s)) object = s->roots[s->root_next++];
        else {
            if ((!s->mode && flush(s)) || prove_two(s, 0, NULL, 0)) return NULL;
            break;
        }
        if ((result = build(s, object, on_base)) < 0) return NULL;
        if (result) continue;
        u8 kind = s->kinds[object];
        if (kind == BLOB ? visit_blob(s) : kind == TREE ? visit_tree(s) : visit_message(s)) return NULL;
        objects++;
        built += s->frames[s->depth - 1].size + COST;
        if (objects % 1024 == 0 && PyErr_CheckSignals()) return NULL;
    }
    if (!built && !PyList_Size(s->found)) Py_RETURN_NONE;
    PyObject *found = s->found;
    if (!(s->found = PyList_New(0))) { s->found = found; return NULL; }
    return Py_BuildValue("IN", objects, found);
}

/* told(): bytes of the blobs that were looked at, ids of the objects left to git, trees of commits, names in rows,
 * ids of contents in rows that are missing. */
static PyObject *Store_told(Store *s, PyObject *none) {
    (void)none;
    s->buffer.used = 0;
    const u32 *left = s->left.data;
    for (u32 i = 0; i < COUNT(s->left, u32); i++) {
        u8 *to = grown(&s->buffer, s->width);
        if (!to) return NULL;
        memcpy(to, id_of(s, left[i]), s->width);
    }
    size_t ids = s->buffer.used;
    for (u32 i = 0, length; i < COUNT(s->names, u32); i++) {
        const u8 *text = name_at(s, i, &length);
        u8 *to = grown(&s->buffer, (size_t)length + 1);
        if (!to) return NULL;
        memcpy(to, text, length);
        to[length] = 0;
    }
    const char *data = s->buffer.data ? s->buffer.data : "", *trees = s->trees.data ? s->trees.data : "";
    const char *lost = s->lost.data ? s->lost.data : "";
    return Py_BuildValue("Ky#y#y#y#", (unsigned long long)s->bytes, data, (Py_ssize_t)ids, trees, (Py_ssize_t)s->trees.used, data + ids,
                         (Py_ssize_t)(s->buffer.used - ids), lost, (Py_ssize_t)s->lost.used);
}

/* rows(): of the trees that were visited since. */
static PyObject *Store_rows(Store *s, PyObject *none) {
    (void)none;
    PyObject *rows = PyBytes_FromStringAndSize(s->rows.data ? s->rows.data : "", (Py_ssize_t)s->rows.used);
    s->rows.used = 0;
    return rows;
}

/* ids(kind): of all objects of a kind, each once. */
static PyObject *Store_ids(Store *s, PyObject *args) {
    unsigned kind;
    if (!PyArg_ParseTuple(args, "I", &kind)) return NULL;
    s->buffer.used = 0;
    for (u32 i = 0; i < s->count; i++)
        if (s->kinds[i] == kind && !s->again[i]) {
            u8 *to = grown(&s->buffer, s->width);
            if (!to) return NULL;
            memcpy(to, id_of(s, i), s->width);
        }
    return PyBytes_FromStringAndSize(s->buffer.data ? s->buffer.data : "", (Py_ssize_t)s->buffer.used);
}

static PyObject *Store_count(Store *s, PyObject *none) { (void)none; return PyLong_FromUnsignedLong(s->count); }

static PyMethodDef methods[] = {
    {"count", (PyCFunction)Store_count, METH_NOARGS, NULL},
    {"contents", (PyCFunction)Store_contents, METH_VARARGS, NULL}, {"want", (PyCFunction)Store_want, METH_VARARGS, NULL},
    {"start", (PyCFunction)Store_start, METH_VARARGS, NULL},       {"step", (PyCFunction)Store_step, METH_VARARGS, NULL},
    {"told", (PyCFunction)Store_told, METH_NOARGS, NULL}, {"rows", (PyCFunction)Store_rows, METH_NOARGS, NULL},          {"ids", (PyCFunction)Store_ids, METH_VARARGS, NULL},
    {"walk", (PyCFunction)Store_walk, METH_VARARGS, NULL},         {NULL, NULL, 0, NULL}};
static PyType_Slot slots[] = {{Py_tp_new, Store_new}, {Py_tp_dealloc, Store_dealloc}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {"ci_guard_native.Store", sizeof(Store), 0, Py_TPFLAGS_DEFAULT, slots};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "ci_guard_native", "Reads packs of git objects.", -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_ci_guard_native(void) {
    fill_signs();
    fast_sha1 = has_sha1();
    PyObject *made = PyModule_Create(&module), *type = made ? PyType_FromSpec(&spec) : NULL;
    Odd = PyErr_NewException("ci_guard_native.Odd", NULL, NULL);
    Damaged = PyErr_NewException("ci_guard_native.Damaged", NULL, NULL);
    if (!type || !Odd || !Damaged || PyModule_AddObject(made, "Store", type) || PyModule_AddObject(made, "Odd", Py_NewRef(Odd)) ||
        PyModule_AddObject(made, "Damaged", Py_NewRef(Damaged))) {
        Py_XDECREF(made);
        return NULL;
    }
    return made;
}

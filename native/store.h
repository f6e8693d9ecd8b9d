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
#ifndef CI_GUARD_STORE_H
#define CI_GUARD_STORE_H
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030A0000
#include <Python.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "sha1.h"
#ifdef WITH_LIBDEFLATE /* twice as fast */
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

enum { COMMIT = 1, TREE = 2, BLOB = 3, TAG = 4, OFS_DELTA = 6, REF_DELTA = 7 };
enum { SPECIAL = 1, SKIPPED = 2, WHOLE = 4, MARKED = 8 };

#define NONE UINT32_MAX
#define LARGEST ((u64)32 << 20)     /* bytes of an object; git reads what is larger */
#define MOST_OBJECTS ((u64)1 << 27)
#define HEADROOM 32                 /* ahead of a content, for the header that is hashed with it */
#define VAIN (1u << 17)             /* parts without a secret that are remembered … */
#define COST 2500                   /* of an object whatever its size, in bytes */

typedef struct { void *data; size_t used, room; } Vector;
typedef struct { u8 *map; u64 size; const u8 *ids; u8 *index; u64 index_size; u32 first, count, shift, *fan; } Pack;
typedef struct { u32 start, end; int32_t id; } Item; /* where a trigger (0, 1, …) or a secret (-1, -2, …) stands */
typedef struct { u32 start, end; } Change;           /* bytes that are new; none where two parts of a base just meet */
typedef struct { u32 from, at, size; } Copy;         /* bytes that are the base's */
typedef struct { u32 from, number, name; } Entry;         /* of a tree: where it begins, and what it is if it matters */
typedef struct { u32 object, next, size, count; int judged; u8 *raw; Item *items; Entry *entries; } Frame;
typedef struct { u32 width, back, ahead; int line_back, line_ahead, but_value; } Reach; /* of a trigger: see deltas.py */
typedef struct { u32 object, at, size; } Message;
typedef struct { u32 number, name; } Pair;
typedef struct { u8 *raw; const u8 *data; u32 size, object; int owned; Halfway hash; } Unproved;
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
    Unproved waits; /* an object that was built, and is hashed together with the next ones */
#ifdef WITH_LIBDEFLATE
    struct libdeflate_decompressor *inflater;
#else
    z_stream stream;
    int streaming;
#endif
    Vector delta, key, copies, changes, items, fresh, buffer, windows, left, commits, waiting, messages, rows;
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

#define PUSH(vector, type, ...) \
    do { type *_at = grown(&(vector), sizeof(type)); if (!_at) return -1; *_at = (type)__VA_ARGS__; } while (0)
#define COUNT(vector, type) ((u32)((vector).used / sizeof(type)))

extern PyObject *Odd, *Damaged;

static inline u32 big32(const u8 *p) { return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3]; }
static inline u64 big64(const u8 *p) { return (u64)big32(p) << 32 | big32(p + 4); }
static inline const u8 *id_of(const Store *s, u32 object) {
    const Pack *pack = &s->packs[s->pack_of[object]];
    return pack->ids + (size_t)(object - pack->first) * s->width;
}

static inline u32 hash_bytes(const u8 *name, u32 length) {
    u64 value = length * 0x9E3779B97F4A7C15u;
    while (length >= 8) { u64 part; memcpy(&part, name, 8); value = (value ^ part) * 0xFF51AFD7ED558CCDu; value ^= value >> 32; name += 8; length -= 8; }
    u64 part = 0;
    memcpy(&part, name, length);
    value = (value ^ part) * 0xFF51AFD7ED558CCDu;
    return (u32)(value ^ value >> 33);
}

/* store.c */
int odd(const char *why);
int whole(void);
void *grown(Vector *v, size_t more);
u32 found_in(const Store *s, const Pack *pack, const u8 *id);
u32 number_of(const Store *s, const u8 *id);
int header(const Store *s, u32 object, u8 *kind, u64 *size, u64 *distance, const u8 **ref, u64 *at);
PyObject *Store_new(PyTypeObject *type, PyObject *args, PyObject *keywords);
void Store_dealloc(PyObject *self);

/* guard.c */
extern volatile sig_atomic_t cut_short;
u8 *mapped_file(int descriptor, u64 *size);
void unmap(u8 *start, u64 size);

/* objects.c */
int prove_last(Store *s);
int build(Store *s, u32 object, int on_base);
void pop(Store *s);

/* contents.c */
PyObject *asked(Store *s, const char *what, const u8 *data, size_t size, PyObject *more);
int add_spans(Store *s, PyObject *spans, u32 at, u32 size);
int visit_blob(Store *s);
int visit_message(Store *s);
int flush(Store *s);

/* commits.c */
int note_commit(Store *s, const Frame *frame);
const u32 *next_commit(const Store *s, const u32 **at, const u32 *end);
PyObject *Store_order(Store *s, PyObject *args);

/* encoded.c */
void fill_signs(void);
PyObject *signs_of(PyObject *self, PyObject *args);
int decode(Store *s, const u8 *raw, u32 size, const Change *changes, u32 count);

/* trees.c */
u32 *entry(Table *table, u64 key);
u32 lost_number(Store *s, const u8 *id);
const u8 *name_at(const Store *s, u32 number, u32 *length);
u32 name_number(Store *s, const u8 *name, u32 length);
int visit_tree(Store *s);

/* archives.c */
PyObject *inflated_bytes(PyObject *self, PyObject *args);
PyObject *gunzipped(PyObject *self, PyObject *args);
PyObject *tar_members(PyObject *self, PyObject *args);

/* walk.c */
PyObject *Store_walk(Store *s, PyObject *args);

#endif

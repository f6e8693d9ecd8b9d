/* Opens packs and their indexes, and finds out which object is built on which. Source: gitformat-pack(5). */
#define _GNU_SOURCE
#include "store.h"
#include <sys/mman.h>

PyObject *Odd, *Damaged;

int odd(const char *why) { PyErr_SetString(Odd, why); return -1; }

/* See that no file was cut short while it was read. */
int whole(void) { return cut_short ? odd("a file was cut short") : 0; }

void *grown(Vector *v, size_t more) {
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

u32 found_in(const Store *s, const Pack *pack, const u8 *id) {
    if (!pack->count) return NONE;
    u32 bucket = big32(id) >> pack->shift;
    for (u32 at = pack->fan[bucket]; at < pack->fan[bucket + 1]; at++)
        if (!memcmp(pack->ids + (size_t)at * s->width, id, s->width)) return pack->first + at;
    return NONE;
}

u32 number_of(const Store *s, const u8 *id) {
    for (u32 p = 0; p < s->pack_count; p++) {
        u32 object = found_in(s, &s->packs[p], id);
        if (object != NONE) return object;
    }
    return NONE;
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
int header(const Store *s, u32 object, u8 *kind, u64 *size, u64 *distance, const u8 **ref, u64 *at) {
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
        if (s->packs[p].map) unmap(s->packs[p].map, s->packs[p].size);
        if (s->packs[p].index) unmap(s->packs[p].index, s->packs[p].index_size);
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
                         &s->left, &s->commits, &s->waiting, &s->messages, &s->rows, &s->names, &s->texts, &s->suspects, &s->lost, &s->entries, &s->pairs, &s->old_pairs};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) free(vectors[i]->data);
    PyObject *objects[] = {s->hash, s->visitor, s->found, s->beginnings, s->groups, s->mark};
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) Py_XDECREF(objects[i]);
}

/* Store(files, width, hash): `files` are pairs of descriptors, of a pack and of its index. */
PyObject *Store_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
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
    if (broken || whole()) goto failed;
    return (PyObject *)s;
memory:
    PyErr_NoMemory();
failed:
    Py_DECREF(s);
    return NULL;
}

void Store_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    close_store((Store *)self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

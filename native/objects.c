/* Builds objects along the deltas of a pack, each once, and proves each by its id. */
#define _GNU_SOURCE
#include "store.h"
#include <sys/mman.h>

#ifndef PyBUF_READ
#define PyBUF_READ 0x100
#endif

#define MOST_HELD ((u64)128 << 20)  /* bytes of objects that are bases of what is still to come */
#define MAPPED ((u64)96 << 20)      /* bytes of packs that stay in memory */

static const char *const KINDS[] = {"", "commit", "tree", "blob", "tag"};

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

static int damaged(const Store *s, u32 object) {
    if (whole()) return -1;
    PyObject *named = PyBytes_FromStringAndSize((const char *)id_of(s, object), s->width);
    if (named) PyErr_SetObject(Damaged, named);
    Py_XDECREF(named);
    return -1;
}

static int proved(const Store *s, Unproved *one) {
    u8 id[20];
    sha1_end(&one->hash, one->data, one->size, id);
    if (one->owned) free(one->raw - HEADROOM);
    return memcmp(id, id_of(s, one->object), 20) ? damaged(s, one->object) : 0;
}

/* See that the object that waits has its id, if there is one. */
int prove_last(Store *s) {
    Unproved last = s->waits;
    s->waits = (Unproved){0};
    return last.raw ? proved(s, &last) : 0;
}

/* Hash an object together with the one that waits: one of them is proved then, and the longer one waits. */
static int prove_next(Store *s, Unproved next) {
    if (!s->waits.raw) { s->waits = next; return 0; }
    sha1_both(&s->waits.hash, s->waits.data, s->waits.size, &next.hash, next.data, next.size);
    if (s->waits.hash.blocks < s->waits.size / 64) return proved(s, &next);
    if (prove_last(s)) return -1;
    s->waits = next;
    return 0;
}

/* See that an object has its id, now or together with the next ones. Python's hashlib does it where this machine has no instructions for it. */
static int prove(Store *s, u32 object, u8 *raw, u32 size) {
    char text[HEADROOM];
    int length = PyOS_snprintf(text, sizeof text, "%s %u", KINDS[s->kinds[object]], size) + 1;
    memcpy(raw - length, text, (size_t)length);
    if (fast_sha1 && s->width == 20) {
        Unproved next = {raw, raw - length, size + (u32)length, object, 0, {0}};
        sha1_begin(&next.hash);
        return prove_next(s, next);
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
int build(Store *s, u32 object, int on_base) {
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

void pop(Store *s) {
    Frame *frame = &s->frames[--s->depth];
    drop_raw(s, frame);
    free(frame->items);
    free(frame->entries);
}

/*
 * Unpacks what is plain in archives, in memory: a gzip of one part, a deflated member of a zip, a tar
 * whose extensions do not matter.
 *
 * Each function returns None for anything else, and for whatever is damaged or larger than it says: the caller reads that
 * by the standard library, which has a word for it. Source: RFC 1951, RFC 1952, POSIX.1-2017 pax (ustar interchange format).
 */
#define _GNU_SOURCE
#include "store.h"

#define BLOCK 512
#define MOST_SKIPPED (1u << 20) /* bytes of an extension, as in tar.py */

enum { RAW = 0, GZIP = 1 };

/* Unpack exactly `size` bytes, and return how many of `packed` these are; 0 where it cannot be. */
static size_t unpacked(int form, const u8 *data, size_t packed, u8 *to, size_t size) {
    size_t used = 0, made = 0;
#ifdef WITH_LIBDEFLATE
    static struct libdeflate_decompressor *inflater;
    if (!inflater && !(inflater = libdeflate_alloc_decompressor())) return 0;
    enum libdeflate_result result = form == GZIP ? libdeflate_gzip_decompress_ex(inflater, data, packed, to, size, &used, &made)
                                                 : libdeflate_deflate_decompress_ex(inflater, data, packed, to, size, &used, &made);
    return result == LIBDEFLATE_SUCCESS && made == size ? used : 0;
#else
    z_stream stream = {0};
    u8 more;
    if (packed > 1u << 30 || inflateInit2(&stream, form == GZIP ? 31 : -15) != Z_OK) return 0;
    stream.next_in = (u8 *)data;
    stream.avail_in = (u32)packed;
    stream.next_out = to;
    stream.avail_out = (u32)size;
    int result = inflate(&stream, Z_FINISH);
    if (result == Z_BUF_ERROR && !stream.avail_out) { /* nothing, or the check sum is still to come */
        stream.next_out = &more;
        stream.avail_out = 1;
        result = inflate(&stream, Z_FINISH);
    }
    used = packed - stream.avail_in;
    made = stream.total_out;
    inflateEnd(&stream);
    return result == Z_STREAM_END && made == size ? used : 0;
#endif
}

static u32 check_sum(const u8 *data, size_t size) {
#ifdef WITH_LIBDEFLATE
    return libdeflate_crc32(0, data, size);
#else
    return (u32)crc32(crc32(0, NULL, 0), data, (u32)size);
#endif
}

/* inflated(data, size, check): what deflated bytes hold, if it has this size and this CRC-32. */
PyObject *inflated_bytes(PyObject *self, PyObject *args) {
    const u8 *data;
    Py_ssize_t packed, size;
    unsigned long check;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#nk", &data, &packed, &size, &check)) return NULL;
    if (size < 0 || (u64)size > LARGEST) Py_RETURN_NONE;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, size);
    u8 *to = bytes ? (u8 *)PyBytes_AsString(bytes) : NULL;
    if (!to) return NULL;
    if (unpacked(RAW, data, (size_t)packed, to, (size_t)size) && check_sum(to, (size_t)size) == check) return bytes;
    Py_DECREF(bytes);
    Py_RETURN_NONE;
}

/* gunzipped(data, most): what a gzip of one part and nothing behind it holds, if that is no more than `most` bytes. */
PyObject *gunzipped(PyObject *self, PyObject *args) {
    const u8 *data;
    Py_ssize_t packed;
    unsigned most;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#I", &data, &packed, &most)) return NULL;
    if (packed < 18) Py_RETURN_NONE;
    const u8 *end = data + packed;
    u32 size = (u32)end[-1] << 24 | (u32)end[-2] << 16 | (u32)end[-3] << 8 | end[-4];
    if (size > most || size > LARGEST) Py_RETURN_NONE;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (!bytes) return NULL;
    if (unpacked(GZIP, data, (size_t)packed, (u8 *)PyBytes_AsString(bytes), size) == (size_t)packed) return bytes;
    Py_DECREF(bytes);
    Py_RETURN_NONE;
}

/* Read an octal number with what may stand around it; whether it is one. */
static int octal(const u8 *field, u32 length, u64 *number) {
    u32 at = 0, end = 0;
    while (end < length && field[end]) end++;
    while (at < end && (field[at] == ' ' || (field[at] >= 9 && field[at] <= 13))) at++;
    while (end > at && (field[end - 1] == ' ' || (field[end - 1] >= 9 && field[end - 1] <= 13))) end--;
    for (*number = 0; at < end; at++) {
        if (field[at] < '0' || field[at] > '7') return 0;
        *number = *number << 3 | (u64)(field[at] - '0');
    }
    return 1;
}

static u32 length_of(const u8 *field, u32 most) { const u8 *end = memchr(field, 0, most); return end ? (u32)(end - field) : most; }

static int is(const u8 *key, size_t length, const char *name) { return length == strlen(name) && !memcmp(key, name, length); }

/* Whether the records of an extended header are well formed, and say nothing of name, size and target. */
static int tells_nothing(const u8 *records, u64 size) {
    for (u64 at = 0, length, digits; at < size; at += length) {
        for (length = digits = 0; digits < 10 && at + digits < size && records[at + digits] >= '0' && records[at + digits] <= '9'; digits++)
            length = length * 10 + (u64)(records[at + digits] - '0');
        if (!digits || length > size - at || length < digits + 3 || records[at + digits] != ' ' || records[at + length - 1] != '\n') return 0;
        const u8 *key = records + at + digits + 1, *equals = memchr(key, '=', length - digits - 2);
        if (!equals) return 0;
        size_t named = (size_t)(equals - key);
        if (is(key, named, "path") || is(key, named, "linkpath") || is(key, named, "size") || is(key, named, "GNU.sparse.name")) return 0;
    }
    return 1;
}

/* tar_members(data): name, beginning and size of each member; of a link, those of its target. */
PyObject *tar_members(PyObject *self, PyObject *args) {
    static const u8 zeros[BLOCK];
    const u8 *data;
    Py_ssize_t whole;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#", &data, &whole)) return NULL;
    PyObject *members = PyList_New(0);
    u64 size = (u64)whole, at = 0, length, sum;
    for (; members && at < size; at += BLOCK) {
        const u8 *block = data + at;
        u32 total = 8 * ' ';
        if (size - at < BLOCK) goto odd;
        if (!memcmp(block, zeros, BLOCK)) continue;
        for (u32 i = 0; i < BLOCK; i++) total += i < 148 || i >= 156 ? block[i] : 0;
        if (!octal(block + 148, 8, &sum) || sum != total || !octal(block + 124, 12, &length)) goto odd;
        u8 kind = block[156];
        u64 from = at + BLOCK;
        int extension = kind == 'g' || kind == 'x' || kind == 'X';
        if (!kind || kind == '0' || kind == '7' || extension) {
            if (length > size - from || (extension && length > MOST_SKIPPED)) goto odd;
            if (kind != 'g' && extension && !tells_nothing(data + from, length)) goto odd;
            u64 padded = (length + BLOCK - 1) / BLOCK * BLOCK;
            at += padded < size - from ? padded : size - from;
            if (extension) continue;
        } else if (kind == '1' || kind == '2') {
            from = at + 157;
            length = length_of(block + 157, 100);
        } else if (kind >= '3' && kind <= '6') continue;
        else goto odd;
        u8 path[256];
        u32 prefix = !memcmp(block + 257, "ustar", 6) ? length_of(block + 345, 155) : 0, name = length_of(block, 100);
        if (prefix) { memcpy(path, block + 345, prefix); path[prefix++] = '/'; }
        memcpy(path + prefix, block, name);
        PyObject *member = Py_BuildValue("y#KK", path, (Py_ssize_t)(prefix + name), from, length);
        int failed = !member || PyList_Append(members, member);
        Py_XDECREF(member);
        if (failed) { Py_DECREF(members); return NULL; }
    }
    return members;
odd:
    Py_DECREF(members);
    Py_RETURN_NONE;
}

/* Finds the words of a content that may be encoded text: what `ci_guard/secrets/decode.py` looks for is in them, or nowhere. */
#include "store.h"

#define SHORTEST_BASE64 24
#define GROUPS (SHORTEST_BASE64 / 4)
#define SHORTEST_LINE 16

static u8 kinds_of_sign[256];
enum { ENDS_TOKEN = 1, IN_BASE64 = 2 };
void fill_signs(void) {
    for (const char *p = " \t\n\v\f\r\"'<>`"; *p; p++) kinds_of_sign[(u8)*p] |= ENDS_TOKEN;
    for (int c = 0; c < 26; c++) kinds_of_sign['a' + c] |= IN_BASE64, kinds_of_sign['A' + c] |= IN_BASE64;
    for (const char *p = "0123456789+/-_"; *p; p++) kinds_of_sign[(u8)*p] |= IN_BASE64;
}
static inline int ends_token(u8 c) { return kinds_of_sign[c] & ENDS_TOKEN; }
static inline int is_blank(u8 c) { return c == ' ' || c == '\t'; }
static inline int in_base64(u8 c) { return kinds_of_sign[c] & IN_BASE64; }
static int is_digit_of_ascii(const u8 *p) { /* the two digits of a byte from 0x20 to 0x7F */
    return p[0] >= '2' && p[0] <= '7' && ((p[1] >= '0' && p[1] <= '9') || ((p[1] | 32) >= 'a' && (p[1] | 32) <= 'f'));
}

static int is_text(const u8 *groups, const u8 *p) {
    return groups[p[0]] && groups[256 + p[1]] && groups[512 + p[2]] && groups[768 + p[3]];
}

static int has_percent(const u8 *p, const u8 *stop) {
    for (; (p = memchr(p, '%', (size_t)(stop - p))) != NULL; p++)
        if (stop - p >= 3 && is_digit_of_ascii(p + 1)) return 1;
    return 0;
}

static int has_escape(const u8 *p, const u8 *stop) {
    for (; (p = memchr(p, '\\', (size_t)(stop - p))) != NULL; p++) {
        if (stop - p >= 4 && p[1] == 'x' && is_digit_of_ascii(p + 2)) return 1;
        if (stop - p >= 6 && p[1] == 'u' && p[2] == '0' && p[3] == '0' && is_digit_of_ascii(p + 4)) return 1;
    }
    return 0;
}

/* Whether there are six groups of base64 that are text. */
static int has_base64(const u8 *groups, const u8 *at, const u8 *end) {
    while (end - at >= SHORTEST_BASE64) {
        const u8 *back = at + SHORTEST_BASE64; /* from the end: a sign that is none spares what is before it */
        while (back > at && in_base64(back[-1])) back--;
        if (back > at) { at = back; continue; }
        const u8 *stop = at + SHORTEST_BASE64;
        while (stop < end && in_base64(*stop)) stop++;
        for (int phase = 0, many; phase < 4; phase++)
            for (const u8 *first = at + phase; stop - first >= 4 * GROUPS;) {
                /* from the end: a group that is no text spares those before it */
                for (many = GROUPS; many && is_text(groups, first + 4 * (many - 1)); many--);
                if (!many) return 1;
                first += 4 * many;
            }
        at = stop;
    }
    return 0;
}

/* Whether some bytes have what `decode.encoded` looks for. */
static int has_encoded(const u8 *groups, const u8 *start, const u8 *stop) {
    return has_percent(start, stop) || has_escape(start, stop) || has_base64(groups, start, stop);
}

/* signs(data, groups): which signs of encoded text some bytes have: 1 for base64, 2 for URL-encoding, 4 for escapes. */
PyObject *signs_of(PyObject *self, PyObject *args) {
    const u8 *data, *groups;
    Py_ssize_t size, width;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#y#", &data, &size, &groups, &width)) return NULL;
    if (width != 1024) { PyErr_SetString(PyExc_ValueError, "a table of a wrong size"); return NULL; }
    const u8 *stop = data + size;
    return PyLong_FromLong(has_base64(groups, data, stop) | has_percent(data, stop) << 1 | has_escape(data, stop) << 2);
}

/* Return where the words begin that end at an offset, with the lines of base64 above that may go on there. */
static u32 words_begin(const u8 *raw, u32 at, u32 least) {
    while (at > least && is_blank(raw[at - 1])) at--; /* what was a line's indentation may be none now */
    for (;;) {
        while (at > least && !ends_token(raw[at - 1])) at--;
        u32 line = at;
        while (line > least && is_blank(raw[line - 1])) line--;
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
    while (at < most && is_blank(raw[at])) at++; /* what was a line's indentation may be none now */
    for (;;) {
        while (at < most && !ends_token(raw[at])) at++;
        u32 below = at;
        if (below < most && raw[below] == '\r') below++;
        if (below == most || raw[below] != '\n') return at;
        below++;
        while (below < most && is_blank(raw[below])) below++;
        u32 run = below;
        while (run < most && in_base64(raw[run])) run++;
        if (run - below < SHORTEST_LINE && !(run > below && run < most && raw[run] == '=')) return at;
        at = run;
    }
}

int decode(Store *s, const u8 *raw, u32 size, const Change *changes, u32 count) {
    const u8 *groups = (const u8 *)PyBytes_AsString(s->groups);
    for (u32 i = 0, done = 0; i < count; i++) {
        u32 start = words_begin(raw, changes[i].start, done < changes[i].start ? done : changes[i].start);
        u32 end = words_end(raw, changes[i].end, size);
        while (i + 1 < count && changes[i + 1].start <= end)
            if (changes[++i].end >= end) end = words_end(raw, changes[i].end, size);
        done = end;
        if (has_encoded(groups, raw + start, raw + end) && add_spans(s, asked(s, "decode", raw + start, end - start, NULL), start, size))
            return -1;
    }
    return 0;
}


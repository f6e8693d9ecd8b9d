/* Looks at contents and messages: at what is new of each, with what surrounds it, and carries over what is known of the rest. */
#define _GNU_SOURCE
#include "store.h"

#define HEAD 1024                   /* bytes that tell the kind of a content */
#define TOGETHER 65536              /* bytes of messages that are searched in one pass */
#define NEAR 32                     /* bytes ahead of the end of a trigger: more than `lexical.AFTER_VALUE` and its own */
#define LONGEST_VAIN 1024u          /* … up to so many bytes */

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

PyObject *asked(Store *s, const char *what, const u8 *data, size_t size, PyObject *more) {
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)size), *result = NULL;
    if (bytes) result = more ? PyObject_CallMethod(s->visitor, what, "OO", bytes, more)
                             : PyObject_CallMethod(s->visitor, what, "O", bytes);
    Py_XDECREF(bytes);
    return result;
}

/* Add what the visitor returned, a list of (start, end, id), to `fresh`. */
int add_spans(Store *s, PyObject *spans, u32 at, u32 size) {
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

/* Put what is in `fresh` in its place among `items`, which are in order, and nothing twice. */
static int merge(Store *s) {
    u32 added = COUNT(s->fresh, Item), known = COUNT(s->items, Item), kept = 0;
    if (!added) return 0;
    Item *fresh = s->fresh.data;
    qsort(fresh, added, sizeof(Item), by_start);
    for (u32 i = 0; i < added; i++)
        if (!kept || by_start(&fresh[kept - 1], &fresh[i])) fresh[kept++] = fresh[i];
    if (!grown(&s->items, kept * sizeof(Item))) return -1;
    Item *items = s->items.data;
    u32 to = known + kept, left = known;
    for (u32 i = kept; i--; items[--to] = fresh[i]) { /* from the end, so that each is moved once */
        int order = 1;
        while (left && (order = by_start(&items[left - 1], &fresh[i])) > 0) items[--to] = items[--left];
        if (left && !order) left--;
    }
    if (to > left) { /* some were there twice */
        memmove(items + left, items + to, (known + kept - to) * sizeof(Item));
        s->items.used -= (to - left) * sizeof(Item);
    }
    s->fresh.used = 0;
    return 0;
}

static u32 less(u32 a, u32 b) { return a > b ? a - b : 0; }
static u32 more(u32 a, u32 b, u32 most) { return b > most || a > most - b ? most : a + b; }
static int is_trigger(const Store *s, Item item) { return item.id >= 0 && (u32)item.id < s->trigger_count; }

enum { LONGEST_BEGINNING = 24 }; /* bytes of a value that a trigger ends within */

/* Whether the last bytes of some have the word `value`, by which a name on another line is known (`lexical.py`). */
static int has_value(const u8 *bytes, u32 size) {
    u32 at = size > NEAR ? size - NEAR : 0;
    for (; at + 5 <= size; at++)
        if ((bytes[at] | 32) == 'v' && (bytes[at + 1] | 32) == 'a' && (bytes[at + 2] | 32) == 'l' && (bytes[at + 3] | 32) == 'u' &&
            (bytes[at + 4] | 32) == 'e')
            return 1;
    return 0;
}

static int is_blank_or_quote(u8 c) { return c == ' ' || c == '\t' || c == '"' || c == '\'' || c == '`'; }
static int joins(u8 c) { return c == ' ' || c == '\t' || c == '=' || c == ':' || c == '(' || c == ','; }

/* Whether a value begins the last line of some bytes, behind blanks, quotes and a tag, so that its name is on another. */
static int own_line(const u8 *bytes, u32 size) {
    const u8 *end = bytes + size, *at = memrchr(bytes, '\n', size);
    if (!at++) return 0;
    while (at < end && is_blank_or_quote(*at)) at++;
    if (at < end && *at == '<')
        while (at < end && *at++ != '>') {}
    if (end - at > LONGEST_BEGINNING) return 0;
    for (; at + 3 < end; at++)
        if (joins(*at)) return 0;
    return 1;
}

/* Whether two parts have more in common than the line feed between them: what is found lies within a part. */
static int overlap(Change one, u32 start, u32 end) { return one.start + 1 < end && start + 1 < one.end; }

/* Tell which part of a content decides about a trigger. */
static Change reach_of(const Store *s, const u8 *raw, u32 size, Item item) {
    const Reach *reach = &s->reaches[item.id];
    Change part = {less(item.end, reach->back), more(item.end, reach->ahead, size)};
    const u8 *feed;
    const u8 *from = raw + part.start;
    u32 ahead = item.end - part.start;
    int bounded = reach->line_back && !(reach->but_value && (has_value(from, ahead) || own_line(from, ahead)));
    if (bounded && (feed = memrchr(raw + part.start, '\n', item.end - part.start))) part.start = (u32)(feed - raw);
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
               PyArg_ParseTuple(answer, "IIppp", &back, &ahead, &reach->line_back, &reach->line_ahead, &reach->but_value);
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
    const u8 *from = s->buffer.data, *stop = from + s->buffer.used;
    u32 w = 0, windows_count = COUNT(s->windows, Copy);
    for (const u8 *p = from; (p = memmem(p, (size_t)(stop - p), mark, (size_t)mark_length)) != NULL; p++) {
        const Copy *windows = s->windows.data;
        while (w + 1 < windows_count && (u32)(p - from) >= windows[w + 1].at) w++;
        u32 start = (u32)(p - from) - windows[w].at + windows[w].from;
        if (touched(changes, count, start, start + (u32)mark_length))
            PUSH(s->fresh, Item, {start, start + (u32)mark_length, (int32_t)s->trigger_count});
    }
    PyObject *met = asked(s, "look", s->buffer.data, s->buffer.used, NULL);
    if (!met || !PyList_Check(met)) { Py_XDECREF(met); return -1; }
    const Copy *windows = s->windows.data;
    int result = -1;
    w = 0;
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
        if (!overlap(part, low, high)) continue;
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
        const Reach *reach = &s->reaches[item.id]; /* its lines may bound it further, which takes longer to tell */
        if (!touched(changes, count, less(item.end, reach->back), more(item.end, reach->ahead, size))) continue;
        Change part = reach_of(s, raw, size, item);
        if (!touched(changes, count, part.start, part.end)) continue;
        if (open && overlap(part, low, high)) {
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

int visit_blob(Store *s) {
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
int flush(Store *s) {
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

int visit_message(Store *s) {
    Frame *frame = &s->frames[s->depth - 1];
    const u8 *text = frame->raw, *end = frame->raw + frame->size;
    if (s->again[frame->object]) return 0;
    if (s->kinds[frame->object] == COMMIT && note_commit(s, frame)) return -1;
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

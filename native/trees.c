/* Reads trees: which others, and which contents that matter, are in each. Source: gitformat-tree in git-mktree(1), gitrepository-layout(5). */
#include "store.h"

/* Return where the value of a key is, NONE in it for a new key. */
u32 *entry(Table *table, u64 key) {
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
u32 lost_number(Store *s, const u8 *id) {
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

const u8 *name_at(const Store *s, u32 number, u32 *length) {
    const u32 *starts = s->names.data;
    u32 start = starts[number], end = number + 1 < COUNT(s->names, u32) ? starts[number + 1] : (u32)s->texts.used;
    *length = end - start;
    return (const u8 *)s->texts.data + start;
}

/* Return the number of a name, the visitor's opinion of it noted; NONE with an exception. */
u32 name_number(Store *s, const u8 *name, u32 length) {
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
int visit_tree(Store *s) {
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

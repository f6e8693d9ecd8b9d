/* Goes the way of the commits through the trees, the oldest first, and tells where a content stands at a path first. */
#include "store.h"

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
    const u8 *commits, *rows, *names, *lost;
    Py_ssize_t commits_size, rows_size, names_size, lost_size;
    if (!PyArg_ParseTuple(part, "y#y#y#y#", &commits, &commits_size, &rows, &rows_size, &names, &names_size, &lost, &lost_size)) return -1;
    for (Py_ssize_t at = 0; at + 12 <= commits_size;) {
        u32 row[3]; /* a commit, its tree, and how many parents follow */
        memcpy(row, commits + at, sizeof row);
        if (row[0] < s->count && (row[1] < s->count || row[1] == NONE)) roots[row[0]] = row[1];
        if (row[2] > (size_t)(commits_size - at - 12) / 4) return odd("a commit out of place");
        at += 12 + 4 * (Py_ssize_t)row[2];
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
 * walk(parts, commits): `parts` are the (commits, rows, names, lost) that the processes told, `commits` ids, oldest first.
 * Returns (number of the commit, path, id) where a wanted content stands at a path first; Odd where a commit is missing.
 */
PyObject *Store_walk(Store *s, PyObject *args) {
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
    if (!done) done = whole();
end:
    for (u32 i = 0; i < COUNT(levels, Level); i++) free(((Level *)levels.data)[i].pairs.data);
    free(where); free(roots); free(leads); free(next); free(told.data); free(rows.data); free(levels.data); free(stack.data);
    free(nodes.data); free(paths.keys); free(paths.values); free(seen.keys); free(seen.values);
    if (done) { Py_XDECREF(result); return NULL; }
    return result;
}

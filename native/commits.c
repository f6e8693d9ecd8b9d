/* Tells which tree and parents commits have, and brings them into an order. */
#include "store.h"

static int from_hex(const u8 *text, u8 *id, u32 width) {
    for (u32 i = 0; i < 2 * width; i++) {
        u8 c = text[i], digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
        if (digit > 15) return 0;
        id[i / 2] = (u8)(id[i / 2] << 4 | digit);
    }
    return 1;
}

/* Read a line that names an object, and go on behind it. Returns whether it is there; the object is NONE where it is not here. */
static int named(const Store *s, const char *what, const u8 **at, const u8 *end, u32 *object) {
    u8 id[32];
    size_t length = strlen(what), width = 2 * s->width;
    if ((size_t)(end - *at) <= length + width || memcmp(*at, what, length) || !from_hex(*at + length, id, s->width) || (*at)[length + width] != '\n') return 0;
    *at += length + width + 1;
    *object = number_of(s, id);
    return 1;
}

/* Put a commit, its tree, and how many and which parents it has into `commits`. Source: parse_commit_buffer of git. */
int note_commit(Store *s, const Frame *frame) {
    const u8 *at = frame->raw, *end = frame->raw + frame->size;
    u32 tree = NONE, parent = NONE, many = 0;
    size_t place = s->commits.used / 4 + 2;
    int readable = named(s, "tree ", &at, end, &tree);
    PUSH(s->commits, u32, frame->object);
    PUSH(s->commits, u32, tree);
    PUSH(s->commits, u32, 0);
    for (; readable && named(s, "parent ", &at, end, &parent); many++) PUSH(s->commits, u32, parent);
    ((u32 *)s->commits.data)[place] = many;
    return end - at > 6 && !memcmp(at, "parent", 6) ? odd("a malformed commit") : 0;
}

/* Return the row of a commit behind the one at a place, or NULL at the end; `odd` where there is none. */
const u32 *next_commit(const Store *s, const u32 **at, const u32 *end) {
    const u32 *row = *at;
    if (row == end) return NULL;
    if (end - row < 3 || row[2] > (size_t)(end - row - 3) || row[0] >= s->count || s->kinds[row[0]] != COMMIT) { odd("a commit out of place"); return NULL; }
    *at = row + 3 + row[2];
    return row;
}

static int ordered(const Store *s, const u32 *rows, const u32 *where, u32 *degrees, const u8 *heads, u32 count, Vector *stack, Vector *order) {
    /* what is reached, and by how many */
    for (u32 i = 0; i < count; i++) {
        u32 head = number_of(s, heads + (size_t)i * s->width);
        if (head == NONE || where[head] == NONE) return odd("a commit that is missing");
        if (degrees[head]) continue;
        degrees[head] = 1;
        PUSH(*stack, u32, head);
        while (stack->used) {
            stack->used -= 4;
            const u32 *row = rows + where[*(u32 *)((u8 *)stack->data + stack->used)];
            for (u32 p = 0; p < row[2]; p++) {
                u32 parent = row[3 + p];
                if (parent == NONE || where[parent] == NONE) return odd("a commit that is missing");
                if (degrees[parent]++) continue;
                degrees[parent]++;
                PUSH(*stack, u32, parent);
            }
        }
    }
    /* the first head is on top; a parent comes when the last of its children has come */
    for (u32 i = count; i--;) {
        u32 head = number_of(s, heads + (size_t)i * s->width);
        if (degrees[head] == 1) PUSH(*stack, u32, head);
    }
    while (stack->used) {
        stack->used -= 4;
        u32 commit = *(u32 *)((u8 *)stack->data + stack->used);
        const u32 *row = rows + where[commit];
        PUSH(*order, u32, commit);
        for (u32 p = 0; p < row[2]; p++)
            if (--degrees[row[3 + p]] == 1) PUSH(*stack, u32, row[3 + p]);
    }
    return 0;
}

/*
 * order(parts, heads): the ids of all commits that `heads` lead to, the oldest first, each behind its parents, as
 * `git rev-list --topo-order --reverse` tells them. `parts` are the commits that the processes told; of `heads`, what git
 * puts first comes first. Odd where one is missing.
 */
PyObject *Store_order(Store *s, PyObject *args) {
    PyObject *parts, *result = NULL;
    const u8 *heads;
    Py_ssize_t size;
    Vector rows = {0, 0, 0}, stack = {0, 0, 0}, order = {0, 0, 0};
    u32 *where = malloc((size_t)s->count * 4 + 4), *degrees = calloc((size_t)s->count + 1, 4);
    if (!PyArg_ParseTuple(args, "O!y#", &PyList_Type, &parts, &heads, &size)) goto end;
    if (!where || !degrees) { PyErr_NoMemory(); goto end; }
    memset(where, 255, (size_t)s->count * 4 + 4);
    for (Py_ssize_t i = 0; i < PyList_Size(parts); i++) {
        char *part;
        Py_ssize_t length;
        if (PyBytes_AsStringAndSize(PyList_GetItem(parts, i), &part, &length)) goto end;
        u8 *to = grown(&rows, (size_t)length / 4 * 4);
        if (!to) goto end;
        memcpy(to, part, (size_t)length / 4 * 4);
    }
    const u32 *first = rows.data, *at = first, *stop = first + rows.used / 4, *row;
    while ((row = next_commit(s, &at, stop)) != NULL) {
        where[row[0]] = (u32)(row - first);
        for (u32 p = 0; p < row[2]; p++)
            if (row[3 + p] != NONE && row[3 + p] >= s->count) { odd("a commit out of place"); goto end; }
    }
    if (PyErr_Occurred() || ordered(s, first, where, degrees, heads, (u32)((size_t)size / s->width), &stack, &order)) goto end;
    u32 many = COUNT(order, u32);
    u8 *ids = malloc((size_t)many * s->width + 1);
    if (!ids) { PyErr_NoMemory(); goto end; }
    for (u32 i = 0; i < many; i++) memcpy(ids + (size_t)i * s->width, id_of(s, ((const u32 *)order.data)[many - 1 - i]), s->width);
    if (!whole()) result = PyBytes_FromStringAndSize((const char *)ids, (Py_ssize_t)((size_t)many * s->width));
    free(ids);
end:
    free(where); free(degrees); free(rows.data); free(stack.data); free(order.data);
    return result;
}

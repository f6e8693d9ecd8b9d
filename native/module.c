/* What Python calls. */
#define _GNU_SOURCE
#include "store.h"
#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define API 4 /* one more with each change of what Python calls or is asked: `ci_guard/git/helper.py` has the same number */

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
    s->left.used = s->commits.used = s->rows.used = 0;
    while (s->depth) pop(s);
    if (s->waits.owned) free(s->waits.raw - HEADROOM);
    s->waits = (Unproved){0};
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
            if ((!s->mode && flush(s)) || prove_last(s)) return NULL;
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
    if (whole()) return NULL;
    if (!built && !PyList_Size(s->found)) Py_RETURN_NONE;
    PyObject *found = s->found;
    if (!(s->found = PyList_New(0))) { s->found = found; return NULL; }
    return Py_BuildValue("IN", objects, found);
}

/* told(): bytes of the blobs that were looked at, ids of the objects left to git, commits, names in rows,
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
    const char *data = s->buffer.data ? s->buffer.data : "", *commits = s->commits.data ? s->commits.data : "";
    const char *lost = s->lost.data ? s->lost.data : "";
    return Py_BuildValue("Ky#y#y#y#", (unsigned long long)s->bytes, data, (Py_ssize_t)ids, commits, (Py_ssize_t)s->commits.used, data + ids,
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
    if (whole()) return NULL;
    return PyBytes_FromStringAndSize(s->buffer.data ? s->buffer.data : "", (Py_ssize_t)s->buffer.used);
}

static PyObject *Store_count(Store *s, PyObject *none) { (void)none; return PyLong_FromUnsignedLong(s->count); }

static PyMethodDef methods[] = {
    {"count", (PyCFunction)Store_count, METH_NOARGS, NULL},
    {"contents", (PyCFunction)Store_contents, METH_VARARGS, NULL}, {"want", (PyCFunction)Store_want, METH_VARARGS, NULL},
    {"start", (PyCFunction)Store_start, METH_VARARGS, NULL},       {"step", (PyCFunction)Store_step, METH_VARARGS, NULL},
    {"told", (PyCFunction)Store_told, METH_NOARGS, NULL}, {"rows", (PyCFunction)Store_rows, METH_NOARGS, NULL},          {"ids", (PyCFunction)Store_ids, METH_VARARGS, NULL},
    {"order", (PyCFunction)Store_order, METH_VARARGS, NULL},
    {"walk", (PyCFunction)Store_walk, METH_VARARGS, NULL},         {NULL, NULL, 0, NULL}};
static PyType_Slot slots[] = {{Py_tp_new, Store_new}, {Py_tp_dealloc, Store_dealloc}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {"ci_guard_native.Store", sizeof(Store), 0, Py_TPFLAGS_DEFAULT, slots};
static PyMethodDef functions[] = {
    {"inflated", inflated_bytes, METH_VARARGS, NULL}, {"gunzipped", gunzipped, METH_VARARGS, NULL},
    {"tar_members", tar_members, METH_VARARGS, NULL}, {"signs", signs_of, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "ci_guard_native", "Reads packs of git objects, and archives.", -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_ci_guard_native(void) {
    fill_signs();
    fast_sha1 = has_sha1();
    PyObject *made = PyModule_Create(&module), *type = made ? PyType_FromSpec(&spec) : NULL;
    Odd = PyErr_NewException("ci_guard_native.Odd", NULL, NULL);
    Damaged = PyErr_NewException("ci_guard_native.Damaged", NULL, NULL);
    if (!type || !Odd || !Damaged || PyModule_AddObject(made, "Store", type) || PyModule_AddObject(made, "Odd", Py_NewRef(Odd)) ||
        PyModule_AddObject(made, "Damaged", Py_NewRef(Damaged)) || PyModule_AddIntConstant(made, "API", API)) {
        Py_XDECREF(made);
        return NULL;
    }
    return made;
}

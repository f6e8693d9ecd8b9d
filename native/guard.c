/*
 * Files that are mapped can be cut short by others meanwhile: the kernel then sends SIGBUS to whoever reads on. Here such
 * a page is replaced by zeros, and `cut_short` says so, by which all that was read is given up. Source: mmap(2), sigaction(2).
 */
#define _GNU_SOURCE
#include "store.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_MAPS 512

typedef struct { u8 *start; u64 size; } Map;

static Map maps[MOST_MAPS];
static struct sigaction before;
static int installed;
static uintptr_t page_size;
volatile sig_atomic_t cut_short;

static void on_fault(int number, siginfo_t *info, void *context) {
    uintptr_t at = (uintptr_t)info->si_addr;
    for (u32 i = 0; i < MOST_MAPS; i++) {
        uintptr_t start = (uintptr_t)maps[i].start;
        if (!start || at < start || at - start >= maps[i].size) continue;
        void *page = (void *)(at & ~(page_size - 1));
        if (mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) break;
        cut_short = 1;
        return;
    }
    /* none of ours: what would have happened happens */
    if ((before.sa_flags & SA_SIGINFO) && before.sa_sigaction) before.sa_sigaction(number, info, context);
    else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) before.sa_handler(number);
    else sigaction(number, &before, NULL); /* the same read fails again */
}

/* Map a file; NULL with an exception. */
u8 *mapped_file(int descriptor, u64 *size) {
    struct stat status;
    if (fstat(descriptor, &status) || !S_ISREG(status.st_mode) || status.st_size < 32) { odd("no plain file"); return NULL; }
    *size = (u64)status.st_size;
    u32 slot = 0, others = 0;
    for (u32 i = 0; i < MOST_MAPS; i++) others += maps[i].start != NULL;
    if (!others) cut_short = 0;
    while (slot < MOST_MAPS && maps[slot].start) slot++;
    if (slot == MOST_MAPS) { odd("too many files"); return NULL; }
    if (!installed) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO | SA_NODEFER;
        sigemptyset(&action.sa_mask);
        page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
        if (sigaction(SIGBUS, &action, &before)) { odd("no handler for faults"); return NULL; }
        installed = 1;
    }
    void *map = mmap(NULL, (size_t)*size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (map == MAP_FAILED) { odd("a file cannot be mapped"); return NULL; }
    maps[slot] = (Map){map, *size};
    return map;
}

void unmap(u8 *start, u64 size) {
    for (u32 i = 0; i < MOST_MAPS; i++)
        if (maps[i].start == start) maps[i] = (Map){NULL, 0};
    munmap(start, (size_t)size);
}

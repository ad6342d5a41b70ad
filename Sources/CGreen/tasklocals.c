// Task-local values (@TaskLocal) for greenlets. Where no Swift task runs, the runtime keeps a thread's bindings in a list
// behind one thread-local word. That word is swapped with the stacks, so that each greenlet has bindings of its own, and a
// greenlet begins with copies of those of who started it.
//
// The runtime does not export the word. It is found once, on a thread that was made for that, by what the exported calls
// change in the runtime's thread-local block, and only where the list looks exactly as expected; else bindings stay as they
// are, shared by a thread's greenlets.
#define _GNU_SOURCE
#include "fiber.h"

#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define GREEN_SWIFT __attribute__((swiftcall))

GREEN_SWIFT extern void swift_task_localValuePush(const void *key, void *value, const void *type);
GREEN_SWIFT extern void swift_task_localValuePop(void);
GREEN_SWIFT extern void *swift_task_getCurrent(void);
extern const char green_int_type[] __asm__("$sSiN");

// One binding, the innermost first: the next one with flags in its low bits, the key, the value's type, the value.
typedef struct green_item {
    uintptr_t next;
    const void *key;
    const void *const *type;
} green_item;

enum { GREEN_MOST_LOCALS = 64, GREEN_MOST_TLS = 16384 };

static void *green_nothing;
__thread void **green_task_slot __attribute__((tls_model("initial-exec"))) = &green_nothing;
// Where the runtime keeps the task that runs on this thread, once a hub ran inside of one.
static __thread void **green_active_task;
static ptrdiff_t green_offset = -1;
static pthread_once_t green_probed = PTHREAD_ONCE_INIT;

// ---- The runtime's thread-local block -------------------------------------------------------------------

typedef struct green_block {
    char *start;
    size_t size;
} green_block;

static int green_is_runtime(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    uintptr_t code = (uintptr_t)&swift_task_localValuePush;
    bool is_here = false;
    size_t length = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && code >= start && code < start + header->p_memsz) is_here = true;
        if (header->p_type == PT_TLS) length = header->p_memsz;
    }
    if (!is_here) return 0;
    *(green_block *)context = (green_block){info->dlpi_tls_data, length};
    return 1;
}

// That of the calling thread; without a start where there is none.
static green_block green_runtime_block(void) {
    // Whoever touches it first makes it.
    (void)swift_task_getCurrent();
    green_block block = {NULL, 0};
    dl_iterate_phdr(green_is_runtime, &block);
    if (block.size > GREEN_MOST_TLS) block.start = NULL;
    return block;
}

static const green_item *green_next(const green_item *item) { return (const green_item *)(item->next & ~(uintptr_t)7); }

static bool green_looks_right(void *const *slot, const char keys[2]) {
    const green_item *inner = slot != NULL && *slot != NULL ? *(const green_item *const *)*slot : NULL;
    if (inner == NULL || inner->key != &keys[1] || (const char *)inner->type != green_int_type) return false;
    if (*(const long *)(inner + 1) != 43) return false;
    const green_item *outer = green_next(inner);
    if (outer == NULL || outer->key != &keys[0] || (const char *)outer->type != green_int_type) return false;
    return *(const long *)(outer + 1) == 42 && green_next(outer) == NULL;
}

static void *green_probe_thread(void *ignored) {
    (void)ignored;
    static const char keys[2];
    green_block block = green_runtime_block();
    if (block.start == NULL || swift_task_getCurrent() != NULL) return NULL;
    size_t count = block.size / sizeof(void *);
    void **words = (void **)block.start, *before[GREEN_MOST_TLS / sizeof(void *)], **found = NULL;
    memcpy(before, words, count * sizeof(void *));
    long values[2] = {42, 43};
    swift_task_localValuePush(&keys[0], &values[0], green_int_type);
    swift_task_localValuePush(&keys[1], &values[1], green_int_type);
    for (size_t i = 0; i < count; i++) {
        if (words[i] == before[i]) continue;
        // More than one word changed: nobody can say which.
        if (before[i] != NULL || found != NULL) return NULL;
        found = &words[i];
    }
    bool is_right = green_looks_right(found, keys);
    swift_task_localValuePop();
    swift_task_localValuePop();
    if (is_right && *found == NULL) green_offset = (char *)found - block.start;
    return NULL;
}

static void green_probe(void) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    if (pthread_create(&thread, &attributes, green_probe_thread, NULL) == 0) pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

// ---- For hubs -------------------------------------------------------------------------------------------

void *green_task_locals_enter(void) {
    pthread_once(&green_probed, green_probe);
    if (green_offset < 0) return NULL;
    green_block block = green_runtime_block();
    if (block.start == NULL) return NULL;
    void *task = swift_task_getCurrent();
    if (task != NULL) {
        // Bindings made inside of a task belong to it, last in, first out: greenlets are none of its business.
        void **words = (void **)block.start;
        for (size_t i = 0; i < block.size / sizeof(void *) && swift_task_getCurrent() != NULL; i++) {
            if (words[i] != task) continue;
            words[i] = NULL;
            if (swift_task_getCurrent() == NULL) {
                green_active_task = &words[i];
                break;
            }
            words[i] = task;
        }
        if (swift_task_getCurrent() != NULL) return NULL;
    }
    green_task_slot = (void **)(block.start + green_offset);
    return task;
}

void green_task_locals_leave(void *task) {
    green_task_slot = &green_nothing;
    if (task != NULL) *green_active_task = task;
}

// A value's size, the alignment of its type, and how it is copied: the type's value witnesses stand before it.
static size_t green_value_offset(const green_item *item) {
    uintptr_t mask = ((const uint32_t *)item->type[-1])[20] & 0xff;
    return (sizeof *item + mask) & ~mask;
}

void green_copy_task_locals(green_fiber *child) {
    void **slot = green_task_slot, *own = *slot;
    const green_item *items[GREEN_MOST_LOCALS];
    int count = 0;
    for (const green_item *item = *(const green_item *const *)own; item != NULL && count < GREEN_MOST_LOCALS; item = green_next(item)) {
        bool is_shadowed = false;
        for (int i = 0; i < count; i++) is_shadowed |= items[i]->key == item->key;
        if (!is_shadowed && item->key != NULL) items[count++] = item;
    }
    *slot = NULL;
    while (count-- > 0) {
        const green_item *item = items[count];
        const void *const *witnesses = item->type[-1];
        GREEN_SWIFT void *(*copy)(void *, const void *, const void *) = (void *)witnesses[2];
        size_t size = (size_t)witnesses[8];
        void *value = aligned_alloc(64, (size + 127) & ~(size_t)63);
        if (value == NULL) continue;
        copy(value, (const char *)item + green_value_offset(item), item->type);
        // Takes the copy over.
        swift_task_localValuePush(item->key, value, item->type);
        free(value);
    }
    child->task_locals = *slot;
    *slot = own;
}

void green_drop_task_locals(void) {
    for (int i = 0; i < GREEN_MOST_LOCALS * 2 && *green_task_slot != NULL; i++) swift_task_localValuePop();
}

bool green_separates_task_locals(void) { return green_task_slot != &green_nothing; }

// ---- From tasks to greenlets ----------------------------------------------------------------------------

// Where a task object keeps the innermost of its bindings; -1 where that is not known. Found once, as the thread's word is: by
// what two bindings change in it.
static ptrdiff_t green_task_offset = -1;
static pthread_once_t green_task_probed = PTHREAD_ONCE_INIT;

// A task object has as many words as Swift's ABI says (NumWords_AsyncTask), and may end there.
enum { GREEN_TASK_WORDS = 24, GREEN_LINK_KIND = 7 };

// What an item is, in the low bits of its first word: bindings up to here, the marker before a parent's, and what ends the search.
enum { GREEN_LAST_BINDING = 2, GREEN_PARENT_MARKER = 4 };

/// Reads memory that may not be there.
static bool green_peek(const void *from, void *to, size_t size) {
    struct iovec local = {to, size}, remote = {(void *)from, size};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)size;
}

/// Whether a binding with that key and number is at an address; the next one's.
static bool green_is_probe(const void *at, const void *key, long number, const void **next) {
    struct {
        green_item item;
        long value;
    } seen;
    if (at == NULL || (uintptr_t)at % sizeof(void *) != 0 || !green_peek(at, &seen, sizeof seen)) return false;
    *next = (const void *)(seen.item.next & ~(uintptr_t)GREEN_LINK_KIND);
    return seen.item.key == key && (const char *)seen.item.type == green_int_type && seen.value == number;
}

static void green_probe_task(void) {
    static const char keys[2];
    void **words = swift_task_getCurrent();
    void *before[GREEN_TASK_WORDS];
    const void *outer, *rest;
    if (words == NULL) return;
    memcpy(before, words, sizeof before);
    long values[2] = {42, 43};
    swift_task_localValuePush(&keys[0], &values[0], green_int_type);
    swift_task_localValuePush(&keys[1], &values[1], green_int_type);
    ptrdiff_t found = -1;
    for (int i = 0; i < GREEN_TASK_WORDS; i++) {
        if (words[i] == before[i] || !green_is_probe(words[i], &keys[1], 43, &outer)) continue;
        if (green_is_probe(outer, &keys[0], 42, &rest) && rest == before[i]) found = i;
    }
    swift_task_localValuePop();
    swift_task_localValuePop();
    if (found >= 0 && words[found] == before[found]) green_task_offset = found;
}

/// A binding's value, copied into memory of its own; NULL without memory.
static void *green_copy_value(const green_item *item) {
    const void *const *witnesses = item->type[-1];
    GREEN_SWIFT void *(*copy)(void *, const void *, const void *) = (void *)witnesses[2];
    void *value = aligned_alloc(64, ((size_t)witnesses[8] + 127) & ~(size_t)63);
    if (value != NULL) copy(value, (const char *)item + green_value_offset(item), item->type);
    return value;
}

struct green_locals {
    int count;
    struct {
        const void *key;
        const void *const *type;
        void *value;
    } bindings[GREEN_MOST_LOCALS];
};

green_locals *green_capture_task_locals(void) {
    void **words = swift_task_getCurrent();
    if (words == NULL) return NULL;
    pthread_once(&green_task_probed, green_probe_task);
    if (green_task_offset < 0 || words[green_task_offset] == NULL) return NULL;
    green_locals *locals = malloc(sizeof *locals);
    if (locals == NULL) return NULL;
    locals->count = 0;
    const green_item *item = words[green_task_offset];
    for (int steps = 0; item != NULL && steps < 16 * GREEN_MOST_LOCALS && locals->count < GREEN_MOST_LOCALS; steps++) {
        uintptr_t kind = item->next & GREEN_LINK_KIND;
        const green_item *next = green_next(item);
        // The parent's bindings follow its marker, which is none itself; what ends the runtime's search ends this one.
        if (kind > GREEN_LAST_BINDING && kind != GREEN_PARENT_MARKER) break;
        bool is_shadowed = kind == GREEN_PARENT_MARKER || item->key == NULL || item->type == NULL;
        for (int i = 0; !is_shadowed && i < locals->count; i++) is_shadowed = locals->bindings[i].key == item->key;
        void *value = is_shadowed ? NULL : green_copy_value(item);
        if (value != NULL) {
            locals->bindings[locals->count].key = item->key;
            locals->bindings[locals->count].type = item->type;
            locals->bindings[locals->count++].value = value;
        }
        item = next;
    }
    return locals;
}

void green_bind_captured(green_locals *locals) {
    if (locals == NULL) return;
    while (locals->count > 0) {
        locals->count--;
        // Takes the copy over.
        swift_task_localValuePush(
            locals->bindings[locals->count].key, locals->bindings[locals->count].value, locals->bindings[locals->count].type);
        free(locals->bindings[locals->count].value);
    }
}

void green_drop_captured(green_locals *locals) {
    if (locals == NULL) return;
    while (locals->count > 0) {
        locals->count--;
        const void *const *witnesses = locals->bindings[locals->count].type[-1];
        GREEN_SWIFT void (*destroy)(void *, const void *) = (void *)witnesses[1];
        destroy(locals->bindings[locals->count].value, locals->bindings[locals->count].type);
        free(locals->bindings[locals->count].value);
    }
    free(locals);
}

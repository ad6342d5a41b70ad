// Where a thread, or a suspended greenlet, is in the code: return addresses, found by frame pointers, and their names, from the
// symbol tables of the files that they were loaded from.
#define _GNU_SOURCE
#include "fiber.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

// What is read here is a stack as it happens to be: neither sanitizer has a say in that.
#define GREEN_RAW __attribute__((no_sanitize("address", "thread")))

// ---- Walking --------------------------------------------------------------------------------------------

/// Adds the return addresses of a chain of frames that lie between `low` and `high`.
GREEN_RAW static int green_walk(uintptr_t frame, uintptr_t low, uintptr_t high, uintptr_t *out, int count, int room) {
    while (count < room && frame >= low && frame % sizeof frame == 0 && high - frame >= 2 * sizeof frame && frame < high) {
        uintptr_t next = ((const uintptr_t *)frame)[0], back = ((const uintptr_t *)frame)[1];
        if (back == 0) break;
        out[count++] = back;
        // Outer frames lie higher: so this ends.
        if (next <= frame) break;
        frame = next;
    }
    return count;
}

GREEN_RAW int green_trace_fiber(const green_fiber *fiber, uintptr_t *out, int room) {
    // As green_swap, or jump_fcontext, has saved them.
#if defined(GREEN_OWN_SWITCH)
    enum { FRAME = 0x28, PLACE = 0x30, SAVED = 0x38 };
#elif defined(__x86_64__)
    enum { FRAME = 0x30, PLACE = 0x38, SAVED = 0x40 };
#elif defined(__aarch64__)
    enum { FRAME = 0x90, PLACE = 0x98, SAVED = 0xb0 };
#else
    enum { FRAME = 0, PLACE = 0, SAVED = 0 };
#endif
    uintptr_t low = (uintptr_t)fiber->stack_bottom, high = low + fiber->stack_size, context = (uintptr_t)fiber->context;
    if (SAVED == 0 || room < 1 || low == 0 || context < low || context > high - SAVED) return 0;
    out[0] = *(const uintptr_t *)(context + PLACE);
    return green_walk(*(const uintptr_t *)(context + FRAME), context, high, out, 1, room);
}

// ---- Another thread -------------------------------------------------------------------------------------

// The one trace that is being taken. A thread that answers late finds that nobody waits any more.
enum { GREEN_NOBODY, GREEN_WANTED, GREEN_WRITING, GREEN_WRITTEN };
static int green_request;
static int green_request_thread;
static int green_found;
static uintptr_t green_addresses[GREEN_TRACE];
static sem_t green_answered;
static pthread_mutex_t green_trace_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t green_trace_once = PTHREAD_ONCE_INIT;
static struct sigaction green_trace_earlier;
static bool green_trace_works;

// Where this thread's own stack lies.
static __thread uintptr_t green_own_low __attribute__((tls_model("initial-exec")));
static __thread uintptr_t green_own_high __attribute__((tls_model("initial-exec")));

GREEN_RAW static int green_trace_context(const ucontext_t *context) {
#if defined(__x86_64__)
    uintptr_t place = (uintptr_t)context->uc_mcontext.gregs[REG_RIP], stack = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
    uintptr_t frame = (uintptr_t)context->uc_mcontext.gregs[REG_RBP];
#elif defined(__aarch64__)
    uintptr_t place = context->uc_mcontext.pc, stack = context->uc_mcontext.sp, frame = context->uc_mcontext.regs[29];
#else
    uintptr_t place = 0, stack = 0, frame = 0;
#endif
    const green_fiber *fiber = green_running_fiber();
    uintptr_t high = green_own_high;
    if (stack < green_own_low || stack >= high) {
        if (fiber == NULL || fiber->stack_bottom == NULL) return 0;
        high = (uintptr_t)fiber->stack_bottom + fiber->stack_size;
        if (stack < (uintptr_t)fiber->stack_bottom || stack >= high) return 0;
    }
    green_addresses[0] = place;
    return green_walk(frame, stack, high, green_addresses, 1, GREEN_TRACE);
}

static void green_on_request(int number, siginfo_t *info, void *context) {
    int saved = errno, wanted = GREEN_WANTED;
    if (__atomic_load_n(&green_request_thread, __ATOMIC_ACQUIRE) == (int)syscall(SYS_gettid) &&
        __atomic_compare_exchange_n(&green_request, &wanted, GREEN_WRITING, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        green_found = green_trace_context(context);
        __atomic_store_n(&green_request, GREEN_WRITTEN, __ATOMIC_RELEASE);
        sem_post(&green_answered);
    } else if (green_trace_earlier.sa_flags & SA_SIGINFO) {
        green_trace_earlier.sa_sigaction(number, info, context);
    } else if (green_trace_earlier.sa_handler != SIG_DFL && green_trace_earlier.sa_handler != SIG_IGN) {
        green_trace_earlier.sa_handler(number);
    }
    errno = saved;
}

static void green_trace_install(void) {
    sem_init(&green_answered, 0, 0);
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    action.sa_sigaction = green_on_request;
    sigemptyset(&action.sa_mask);
    green_trace_works = sigaction(SIGURG, &action, &green_trace_earlier) == 0;
}

int green_trace_admit(void) {
    pthread_once(&green_trace_once, green_trace_install);
    pthread_attr_t attributes;
    if (green_own_high == 0 && pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void *start = NULL;
        size_t size = 0;
        pthread_attr_getstack(&attributes, &start, &size);
        pthread_attr_destroy(&attributes);
        green_own_low = (uintptr_t)start;
        green_own_high = green_own_low + size;
    }
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGURG);
    pthread_sigmask(SIG_UNBLOCK, &only, NULL);
    return (int)syscall(SYS_gettid);
}

/// Whether the answer came; in a tenth of a second at most, unless it is being written then.
static bool green_await_answer(void) {
    struct timespec limit;
    clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_nsec += 100000000;
    if (limit.tv_nsec >= 1000000000) {
        limit.tv_sec++;
        limit.tv_nsec -= 1000000000;
    }
    int failure;
    while ((failure = sem_clockwait(&green_answered, CLOCK_MONOTONIC, &limit)) != 0 && errno == EINTR) {}
    if (failure == 0) return true;
    int wanted = GREEN_WANTED;
    if (__atomic_compare_exchange_n(&green_request, &wanted, GREEN_NOBODY, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return false;
    while (sem_wait(&green_answered) != 0) {}
    return true;
}

int green_trace_thread(int thread, uintptr_t *out, int room) {
    int count = 0;
    pthread_mutex_lock(&green_trace_mutex);
    if (green_trace_works && thread > 0) {
        __atomic_store_n(&green_request_thread, thread, __ATOMIC_RELEASE);
        __atomic_store_n(&green_request, GREEN_WANTED, __ATOMIC_RELEASE);
        if (syscall(SYS_tgkill, getpid(), thread, SIGURG) == 0 && green_await_answer()) {
            count = green_found < room ? green_found : room;
            memcpy(out, green_addresses, (size_t)count * sizeof *out);
        }
        __atomic_store_n(&green_request, GREEN_NOBODY, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&green_trace_mutex);
    return count;
}

// ---- Names ----------------------------------------------------------------------------------------------

/// Which loaded file an address belongs to.
typedef struct green_place {
    uintptr_t address, base;
    char path[512];
} green_place;

static int green_find_file(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    green_place *place = context;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || place->address - info->dlpi_addr - part->p_vaddr >= part->p_memsz) continue;
        place->base = info->dlpi_addr;
        bool is_main = info->dlpi_name == NULL || *info->dlpi_name == 0;
        strncpy(place->path, is_main ? "/proc/self/exe" : info->dlpi_name, sizeof place->path - 1);
        return 1;
    }
    return 0;
}

/// The name of the function at an offset, in a file's own table of symbols; false where it has none.
static bool green_search(const char *file, size_t size, uintptr_t offset, char *name, size_t room) {
    const ElfW(Ehdr) *head = (const ElfW(Ehdr) *)file;
    if (size < sizeof *head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_shentsize != sizeof(ElfW(Shdr))) return false;
    if (head->e_shoff > size || head->e_shnum > (size - head->e_shoff) / sizeof(ElfW(Shdr))) return false;
    const ElfW(Shdr) *sections = (const ElfW(Shdr) *)(file + head->e_shoff);
    for (int i = 0; i < head->e_shnum; i++) {
        const ElfW(Shdr) *table = &sections[i];
        if ((table->sh_type != SHT_SYMTAB && table->sh_type != SHT_DYNSYM) || table->sh_link >= head->e_shnum) continue;
        const ElfW(Shdr) *texts = &sections[table->sh_link];
        if (table->sh_offset > size || table->sh_size > size - table->sh_offset) continue;
        if (texts->sh_offset > size || texts->sh_size > size - texts->sh_offset) continue;
        const ElfW(Sym) *symbols = (const ElfW(Sym) *)(file + table->sh_offset);
        for (size_t n = 0; n < table->sh_size / sizeof *symbols; n++) {
            if ((symbols[n].st_info & 0xf) != STT_FUNC || symbols[n].st_name >= texts->sh_size) continue;
            if (offset - symbols[n].st_value >= symbols[n].st_size) continue;
            const char *text = file + texts->sh_offset + symbols[n].st_name;
            size_t length = strnlen(text, texts->sh_size - symbols[n].st_name);
            if (length >= room) length = room - 1;
            memcpy(name, text, length);
            name[length] = 0;
            return true;
        }
    }
    return false;
}

uintptr_t green_describe_address(uintptr_t address, char *name, size_t room, char *file, size_t file_room) {
    green_place place = {.address = address};
    name[0] = file[0] = 0;
    if (!dl_iterate_phdr(green_find_file, &place)) return address;
    uintptr_t offset = address - place.base;
    ssize_t length = readlink(place.path, file, file_room - 1);
    if (length > 0) {
        file[length] = 0;
    } else {
        strncpy(file, place.path, file_room - 1);
        file[file_room - 1] = 0;
    }
    int descriptor = open(place.path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (descriptor >= 0 && fstat(descriptor, &info) == 0 && info.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (bytes != MAP_FAILED) {
            green_search(bytes, (size_t)info.st_size, offset, name, room);
            munmap(bytes, (size_t)info.st_size);
        }
    }
    if (descriptor >= 0) close(descriptor);
    return offset;
}

// Part of Swift's runtime.
extern char *swift_demangle(const char *name, size_t length, char *out, size_t *room, uint32_t flags) __attribute__((weak));

void green_demangle(const char *name, char *out, size_t room) {
    size_t length = room;
    out[0] = 0;
    if (swift_demangle == NULL || swift_demangle(name, strlen(name), out, &length, 0) == NULL) {
        strncpy(out, name, room - 1);
    }
    out[room - 1] = 0;
}

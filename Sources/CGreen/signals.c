// Signals for loops. The handler of a signal notes it for each loop that wants it and wakes that loop by a descriptor. It
// need not be blocked anywhere, so that the children of this process start with a clean mask.
#define _GNU_SOURCE
#include "green.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

// A place's descriptor is never closed: the handler may be about to write to it on another thread. The next loop gets it.
static struct {
    int descriptor;
    bool is_taken;
    uint64_t wanted;
    uint64_t came;
} green_places[GREEN_SIGNAL_LOOPS];
static int green_place_count;
static struct sigaction green_earlier[65];
// For all but the handler.
static pthread_mutex_t green_signals_mutex = PTHREAD_MUTEX_INITIALIZER;

static uint64_t green_bit(int number) { return 1ull << (number - 1); }

static void green_on_signal(int number) {
    int saved = errno;
    uint64_t one = 1;
    int count = __atomic_load_n(&green_place_count, __ATOMIC_ACQUIRE);
    for (int i = 0; i < count; i++) {
        if (!(__atomic_load_n(&green_places[i].wanted, __ATOMIC_ACQUIRE) & green_bit(number))) continue;
        __atomic_fetch_or(&green_places[i].came, green_bit(number), __ATOMIC_RELEASE);
        ssize_t ignored = write(green_places[i].descriptor, &one, sizeof one);
        (void)ignored;
    }
    errno = saved;
}

int green_signal_place(int *descriptor) {
    int place = 0, failure = 0;
    pthread_mutex_lock(&green_signals_mutex);
    while (place < green_place_count && green_places[place].is_taken) place++;
    if (place == GREEN_SIGNAL_LOOPS) {
        failure = EMFILE;
    } else if (place == green_place_count) {
        int made = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (made < 0) {
            failure = errno;
        } else {
            green_places[place].descriptor = made;
            __atomic_store_n(&green_place_count, place + 1, __ATOMIC_RELEASE);
        }
    }
    if (failure == 0) {
        green_places[place].is_taken = true;
        __atomic_store_n(&green_places[place].came, 0, __ATOMIC_RELEASE);
        *descriptor = green_places[place].descriptor;
    }
    pthread_mutex_unlock(&green_signals_mutex);
    return failure == 0 ? place : -failure;
}

// Whether no place wants that signal. Under the mutex.
static bool green_is_unwanted(int number) {
    for (int i = 0; i < green_place_count; i++) {
        if (green_places[i].wanted & green_bit(number)) return false;
    }
    return true;
}

int green_signal_want(int place, int number) {
    if (number < 1 || number > 64) return -EINVAL;
    pthread_mutex_lock(&green_signals_mutex);
    int failure = 0;
    bool is_first = green_is_unwanted(number);
    __atomic_fetch_or(&green_places[place].wanted, green_bit(number), __ATOMIC_RELEASE);
    if (is_first) {
        struct sigaction action = {.sa_flags = SA_RESTART | SA_ONSTACK};
        action.sa_handler = green_on_signal;
        sigfillset(&action.sa_mask);
        if (sigaction(number, &action, &green_earlier[number]) != 0) {
            failure = errno;
            __atomic_fetch_and(&green_places[place].wanted, ~green_bit(number), __ATOMIC_RELEASE);
        }
    }
    pthread_mutex_unlock(&green_signals_mutex);
    return -failure;
}

// Under the mutex.
static void green_unwant(int place, int number) {
    if (!(green_places[place].wanted & green_bit(number))) return;
    __atomic_fetch_and(&green_places[place].wanted, ~green_bit(number), __ATOMIC_RELEASE);
    if (green_is_unwanted(number)) sigaction(number, &green_earlier[number], NULL);
}

void green_signal_forget(int place, int number) {
    if (number < 1 || number > 64) return;
    pthread_mutex_lock(&green_signals_mutex);
    green_unwant(place, number);
    pthread_mutex_unlock(&green_signals_mutex);
}

void green_signal_leave(int place) {
    pthread_mutex_lock(&green_signals_mutex);
    for (int number = 1; number <= 64; number++) green_unwant(place, number);
    green_places[place].is_taken = false;
    pthread_mutex_unlock(&green_signals_mutex);
}

uint64_t green_signal_take(int place) {
    uint64_t count;
    ssize_t ignored = read(green_places[place].descriptor, &count, sizeof count);
    (void)ignored;
    return __atomic_exchange_n(&green_places[place].came, 0, __ATOMIC_ACQ_REL);
}

void green_signals_block(sigset_t *before) {
    sigset_t all;
    sigfillset(&all);
    // A thread that faults while these are blocked ends without a word.
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, before);
}

void green_signals_restore(const sigset_t *mask) { pthread_sigmask(SIG_SETMASK, mask, NULL); }

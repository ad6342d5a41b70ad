// A greenlet that overflows its stack touches the guard below it, or, where a frame is larger than that, one further down. The signal handler for that runs on a stack of its
// own, says what happened, and lets the fault happen once more for whoever handled it before.
#define _GNU_SOURCE
#include "fiber.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef GREEN_SANITIZED

enum { GREEN_SIGNAL_STACK = 128 * 1024 };

static struct sigaction green_previous;
static pthread_once_t green_once = PTHREAD_ONCE_INIT;
static pthread_key_t green_signal_stack;

static void green_say(const char *text) {
    ssize_t ignored = write(2, text, strlen(text));
    (void)ignored;
}

static void green_fault(int number, siginfo_t *info, void *context) {
    (void)context;
    const green_fiber *fiber = green_running_fiber();
    if (fiber != NULL && fiber->slab != NULL) {
        const char *address = info->si_addr;
        // All of a slab can be touched but its guards: this was one of them, be it a neighbour's.
        if (address >= fiber->slab && address < fiber->slab + fiber->slab_size) {
            char size[24];
            char *digit = size + sizeof size;
            *--digit = 0;
            for (size_t left = fiber->stack_size / 1024; digit > size && (left > 0 || *digit == 0); left /= 10) {
                *--digit = (char)('0' + left % 10);
            }
            green_say("Green: stack overflow: a greenlet used up its stack of ");
            green_say(digit);
            green_say(" KiB; let it need less, or raise HubOptions.stackSize\n");
        }
    }
    sigaction(number, &green_previous, NULL);
}

static void green_drop_signal_stack(void *memory) {
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    munmap(memory, GREEN_SIGNAL_STACK);
}

static void green_install(void) {
    pthread_key_create(&green_signal_stack, green_drop_signal_stack);
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    action.sa_sigaction = green_fault;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &green_previous);
}

void green_watch_stacks(void) {
    pthread_once(&green_once, green_install);
    stack_t present;
    if (sigaltstack(NULL, &present) != 0 || !(present.ss_flags & SS_DISABLE)) return;
    void *memory = mmap(NULL, GREEN_SIGNAL_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    stack_t stack = {.ss_sp = memory, .ss_size = GREEN_SIGNAL_STACK};
    sigaltstack(&stack, NULL);
    pthread_setspecific(green_signal_stack, memory);
}

#else

void green_watch_stacks(void) {}

#endif

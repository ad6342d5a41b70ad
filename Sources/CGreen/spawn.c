// Starts processes with a clean mask and the usual handling of signals, whatever the calling thread blocks and ignores.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "green.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434  // Linux 5.3
#endif

static void green_close_all(const int *descriptors, int count) {
    for (int i = 0; i < count; i++)
        if (descriptors[i] >= 0) close(descriptors[i]);
}

/// Three pipes: the child's ends, then ours, which are non-blocking.
static int green_make_pipes(int child[3], int own[3]) {
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) return errno;
        child[i] = ends[i == 0 ? 0 : 1];
        own[i] = ends[i == 0 ? 1 : 0];
        if (fcntl(own[i], F_SETFL, fcntl(own[i], F_GETFL) | O_NONBLOCK) != 0) return errno;
    }
    return 0;
}

static int green_spawn_with(
    char *const *arguments, char *const *environment, const char *directory, const int child[3], pid_t *process) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure != 0) return failure;
    failure = posix_spawnattr_init(&attributes);
    if (failure != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return failure;
    }
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    for (int i = 0; i < 3 && failure == 0; i++) failure = posix_spawn_file_actions_adddup2(&actions, child[i], i);
    if (failure == 0 && directory != NULL) failure = posix_spawn_file_actions_addchdir_np(&actions, directory);
    if (failure == 0) failure = posix_spawnp(process, arguments[0], &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

int green_spawn(
    char *const *arguments, char *const *environment, const char *directory, int own[3], int *watch, int *process) {
    int child[3] = {-1, -1, -1};
    pid_t started = -1;
    own[0] = own[1] = own[2] = *watch = -1;
    int failure = green_make_pipes(child, own);
    if (failure == 0)
        failure = green_spawn_with(arguments, environment != NULL ? environment : environ, directory, child, &started);
    green_close_all(child, 3);
    if (failure == 0) {
        *watch = (int)syscall(SYS_pidfd_open, started, 0);
        if (*watch < 0) {
            failure = errno;
            kill(started, SIGKILL);
            waitpid(started, NULL, 0);
        }
    }
    if (failure != 0) {
        green_close_all(own, 3);
        return -failure;
    }
    *process = started;
    return 0;
}

int green_process_descriptor(int process) {
    int descriptor = (int)syscall(SYS_pidfd_open, process, 0);
    return descriptor < 0 ? -errno : descriptor;
}

int green_reap(int process, bool waits) {
    int status;
    pid_t got;
    do {
        got = waitpid(process, &status, waits ? 0 : WNOHANG);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return -errno;
    if (got == 0) return -EAGAIN;
    return WIFSIGNALED(status) ? 0x100 | WTERMSIG(status) : WEXITSTATUS(status);
}

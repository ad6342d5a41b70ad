// The three system calls of Landlock (landlock(7)), for which glibc has no functions. Numbers and layouts stand here, as a
// kernel's headers may be older than the kernel.
#pragma once
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

// The same on all architectures.
enum { vireo_landlock_create_ruleset = 444, vireo_landlock_add_rule = 445, vireo_landlock_restrict_self = 446 };

// What a set of rules governs; later fields came with later versions.
struct vireo_landlock_ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

// What may be done beneath a directory.
struct vireo_landlock_path_beneath {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

// The version of Landlock that the kernel has, from 1; below 1 where it has none, or has it switched off.
static inline long vireo_landlock_version(void) {
    return syscall(vireo_landlock_create_ruleset, (void *)0, (size_t)0, (uint32_t)1);
}

// A descriptor that stands for a directory and opens nothing (O_PATH, which fcntl.h has for GNU alone); -1 with errno.
static inline int vireo_landlock_directory(const char *path) {
    return open(path, 010000000 | O_DIRECTORY | O_CLOEXEC);
}

// A descriptor of a new set of rules, of which the first `size` bytes mean something; -1 with errno.
static inline int vireo_landlock_create(const struct vireo_landlock_ruleset *rules, size_t size) {
    return (int)syscall(vireo_landlock_create_ruleset, rules, size, (uint32_t)0);
}

// Allows something beneath the directory that a descriptor stands for; -1 with errno.
static inline int vireo_landlock_allow(int rules, uint64_t access, int directory) {
    struct vireo_landlock_path_beneath path = {access, directory};
    return (int)syscall(vireo_landlock_add_rule, rules, 1, &path, (uint32_t)0);
}

// Puts the rules in force for this thread and those that it starts, for good; -1 with errno.
static inline int vireo_landlock_enter(int rules) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return (int)syscall(vireo_landlock_restrict_self, rules, (uint32_t)0);
}

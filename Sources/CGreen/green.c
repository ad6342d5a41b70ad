#define _GNU_SOURCE
#include "fiber.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <linux/errqueue.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../CBoostContext/shim.h"

#ifdef GREEN_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef GREEN_TSAN
#include <sanitizer/tsan_interface.h>
#endif

__thread void *green_thread_hub;

// ---- Switching stacks -----------------------------------------------------------------------------------

static __thread green_fiber *green_arriving __attribute__((tls_model("initial-exec")));

const green_fiber *green_running_fiber(void) { return green_arriving; }

#ifdef GREEN_OWN_SWITCH

// Keeps the registers that a call must keep on the stack, and its end in `*from`; goes on with the flow whose stack ends at `to`.
void green_swap(void **from, void *to) __attribute__((visibility("hidden")));
__asm__(
    ".pushsection .text\n"
    ".globl green_swap\n"
    ".hidden green_swap\n"
    ".type green_swap, @function\n"
    ".p2align 4\n"
    "green_swap:\n"
    "  pushq %rbp\n"
    "  pushq %rbx\n"
    "  pushq %r12\n"
    "  pushq %r13\n"
    "  pushq %r14\n"
    "  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n"
    "  popq %r14\n"
    "  popq %r13\n"
    "  popq %r12\n"
    "  popq %rbx\n"
    "  popq %rbp\n"
    "  ret\n"
    ".size green_swap, . - green_swap\n"
    ".popsection\n");

static void green_first(void) {
    green_arriving->entry();
    __builtin_trap();
}

// A stack on which `green_swap` finds registers that are all zero, and returns to the beginning. There the stack is as after a call:
// its end leads nowhere, and lies 8 bytes below a multiple of 16.
static void *green_lay(void *bottom, size_t size) {
    uintptr_t *top = (uintptr_t *)(((uintptr_t)bottom + size) & ~(uintptr_t)15);
    memset(top - 8, 0, 8 * sizeof *top);
    top[-2] = (uintptr_t)green_first;
    return top - 8;
}

#else

// What each flow does first after it was switched to: note where the other one stopped.
static inline void green_arrive(transfer_t transfer) {
    green_fiber *left = transfer.data;
    left->context = transfer.fctx;
#ifdef GREEN_ASAN
    const void *bottom = NULL;
    size_t size = 0;
    __sanitizer_finish_switch_fiber(green_arriving->fake_stack, &bottom, &size);
    if (left->stack_bottom == NULL) {
        left->stack_bottom = (void *)bottom;
        left->stack_size = size;
    }
#endif
}

static void green_begin(transfer_t transfer) {
    green_fiber *self = green_arriving;
    green_arrive(transfer);
    self->entry();
    __builtin_trap();
}

static void *green_lay(void *bottom, size_t size) { return make_fcontext((char *)bottom + size, size, green_begin); }

#endif

void green_fiber_make(green_fiber *fiber, void *stack_bottom, size_t stack_size, void (*entry)(void)) {
    memset(fiber, 0, sizeof *fiber);
    fiber->context = green_lay(stack_bottom, stack_size);
    fiber->stack_bottom = stack_bottom;
    fiber->stack_size = stack_size;
    fiber->entry = entry;
#ifdef GREEN_TSAN
    fiber->tsan_fiber = __tsan_create_fiber(0);
#endif
}

void green_fiber_adopt_thread(green_fiber *fiber) {
    memset(fiber, 0, sizeof *fiber);
#ifdef GREEN_TSAN
    fiber->tsan_fiber = __tsan_get_current_fiber();
#endif
}

void green_fiber_switch(green_fiber *from, green_fiber *to) {
    green_arriving = to;
    void **slot = green_task_slot, *locals = *slot;
    from->task_locals = locals;
    if (__builtin_expect(locals != to->task_locals, 0)) *slot = to->task_locals;
#ifdef GREEN_ASAN
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack_bottom, to->stack_size);
#endif
#ifdef GREEN_TSAN
    __tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
#ifdef GREEN_OWN_SWITCH
    green_swap(&from->context, to->context);
#else
    green_arrive(jump_fcontext(to->context, from));
#endif
}

void green_fiber_discard(green_fiber *fiber) {
#ifdef GREEN_TSAN
    __tsan_destroy_fiber(fiber->tsan_fiber);
#endif
    fiber->context = NULL;
}

bool green_sanitized(void) {
#ifdef GREEN_SANITIZED
    return true;
#else
    return false;
#endif
}

// ---- Datagrams ------------------------------------------------------------------------------------------

// Scratch of a thread for the kernel's view of a batch; too large for a greenlet's stack.
static __thread struct {
    struct mmsghdr headers[GREEN_BATCH];
    struct iovec vectors[GREEN_BATCH];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control[GREEN_BATCH];
} green_scratch;

static void green_read_control(struct msghdr *header, green_slot *slot) {
    slot->local_family = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(&slot->local, &info.ipi_addr, sizeof info.ipi_addr);
            slot->interface_index = (uint32_t)info.ipi_ifindex;
            slot->local_family = AF_INET;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            slot->local = info.ipi6_addr;
            slot->interface_index = (uint32_t)info.ipi6_ifindex;
            slot->local_family = AF_INET6;
        }
    }
}

static void green_write_control(struct msghdr *header, const green_slot *slot, void *space) {
    bool v4 = slot->local_family == AF_INET;
    size_t size = v4 ? sizeof(struct in_pktinfo) : sizeof(struct in6_pktinfo);
    header->msg_control = space;
    header->msg_controllen = CMSG_SPACE(size);
    memset(space, 0, header->msg_controllen);
    struct cmsghdr *c = CMSG_FIRSTHDR(header);
    c->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
    c->cmsg_type = v4 ? IP_PKTINFO : IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(size);
    if (v4) {
        struct in_pktinfo info = {0};
        memcpy(&info.ipi_spec_dst, &slot->local, sizeof info.ipi_spec_dst);
        memcpy(CMSG_DATA(c), &info, sizeof info);
    } else {
        struct in6_pktinfo info = {.ipi6_addr = slot->local};
        // A link-local source needs its interface; for others the routing table decides.
        if (IN6_IS_ADDR_LINKLOCAL(&slot->local)) info.ipi6_ifindex = slot->interface_index;
        memcpy(CMSG_DATA(c), &info, sizeof info);
    }
}

int green_receive(int descriptor, green_slot *const *slots, unsigned count, bool packet_info) {
    if (count > GREEN_BATCH) count = GREEN_BATCH;
    for (unsigned i = 0; i < count; i++) {
        green_scratch.vectors[i] = (struct iovec){slots[i]->data, slots[i]->capacity};
        green_scratch.headers[i].msg_hdr = (struct msghdr){
            .msg_name = &slots[i]->peer,
            .msg_namelen = sizeof slots[i]->peer,
            .msg_iov = &green_scratch.vectors[i],
            .msg_iovlen = 1,
            .msg_control = packet_info ? &green_scratch.control[i] : NULL,
            .msg_controllen = packet_info ? sizeof green_scratch.control[i] : 0,
        };
    }
    int got;
    do {
        got = recvmmsg(descriptor, green_scratch.headers, count, MSG_DONTWAIT, NULL);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return -errno;
    for (int i = 0; i < got; i++) {
        struct msghdr *header = &green_scratch.headers[i].msg_hdr;
        slots[i]->length = green_scratch.headers[i].msg_len;
        slots[i]->truncated = (header->msg_flags & MSG_TRUNC) != 0;
        slots[i]->has_peer = header->msg_namelen > 0;
        slots[i]->local_family = 0;
        if (packet_info) green_read_control(header, slots[i]);
    }
    return got;
}

int green_send(int descriptor, green_slot *const *slots, unsigned count) {
    if (count > GREEN_BATCH) count = GREEN_BATCH;
    for (unsigned i = 0; i < count; i++) {
        green_scratch.vectors[i] = (struct iovec){slots[i]->data, slots[i]->length};
        struct msghdr *header = &green_scratch.headers[i].msg_hdr;
        *header = (struct msghdr){.msg_iov = &green_scratch.vectors[i], .msg_iovlen = 1};
        if (slots[i]->has_peer) {
            header->msg_name = &slots[i]->peer;
            header->msg_namelen = slots[i]->peer.v4.sin_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
            if (slots[i]->local_family != 0) green_write_control(header, slots[i], &green_scratch.control[i]);
        }
    }
    int sent;
    do {
        sent = sendmmsg(descriptor, green_scratch.headers, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

int green_multicast(int descriptor, const green_address *group, uint32_t interface, bool joins) {
    bool v4 = group->v4.sin_family == AF_INET;
    struct group_req request = {.gr_interface = interface};
    memcpy(&request.gr_group, group, v4 ? sizeof group->v4 : sizeof group->v6);
    int result = setsockopt(
        descriptor, v4 ? IPPROTO_IP : IPPROTO_IPV6, joins ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &request, sizeof request);
    return result == 0 ? 0 : -errno;
}

int green_multicast_interface(int descriptor, bool v4, uint32_t interface) {
    struct ip_mreqn request = {.imr_ifindex = (int)interface};
    int number = (int)interface;
    int result = v4 ? setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request)
                    : setsockopt(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_IF, &number, sizeof number);
    return result == 0 ? 0 : -errno;
}

int green_keep_reports(int descriptor, int family) {
    int on = 1;
    int result = family == AF_INET ? setsockopt(descriptor, IPPROTO_IP, IP_RECVERR, &on, sizeof on)
                                   : setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
    return result == 0 ? 0 : -errno;
}

static void green_read_report(struct msghdr *header, green_report *report) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
        bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
        if ((!v4 && !v6) || c->cmsg_len < CMSG_LEN(sizeof(struct sock_extended_err))) continue;
        struct sock_extended_err said;
        memcpy(&said, CMSG_DATA(c), sizeof said);
        report->error = (int32_t)said.ee_errno;
        bool icmp = said.ee_origin == SO_EE_ORIGIN_ICMP || said.ee_origin == SO_EE_ORIGIN_ICMP6;
        report->origin = icmp                                      ? GREEN_ORIGIN_ICMP
                         : said.ee_origin == SO_EE_ORIGIN_LOCAL ? GREEN_ORIGIN_LOCAL
                                                                   : GREEN_ORIGIN_UNKNOWN;
        report->type = said.ee_type;
        report->code = said.ee_code;
        report->info = said.ee_info;
        size_t size = v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        if (c->cmsg_len < CMSG_LEN(sizeof said + size)) continue;
        // SO_EE_OFFENDER: the address follows.
        memcpy(&report->reporter, CMSG_DATA(c) + sizeof said, size);
    }
}

int green_take_report(int descriptor, green_report *report, uint8_t *data, uint32_t capacity) {
    union {
        struct cmsghdr align;
        char bytes[256];
    } control;
    struct iovec vector = {data, capacity};
    struct msghdr header = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;
    do {
        got = recvmsg(descriptor, &header, MSG_ERRQUEUE | MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return -errno;
    memset(report, 0, sizeof *report);
    report->error = EIO;
    report->length = (uint32_t)got;
    green_read_report(&header, report);
    return 1;
}

// ---- The kernel -----------------------------------------------------------------------------------------

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102  // Linux 6.13
#endif

static bool green_kernel_is_old;

int green_guard_install(void *page, size_t length) {
    if (__atomic_load_n(&green_kernel_is_old, __ATOMIC_RELAXED)) return -EINVAL;
    return madvise(page, length, MADV_GUARD_INSTALL) == 0 ? 0 : -errno;
}

int green_guard_protect(void *page, size_t length) { return mprotect(page, length, PROT_NONE) == 0 ? 0 : -errno; }

void green_emulate_old_kernel(bool on) { __atomic_store_n(&green_kernel_is_old, on, __ATOMIC_RELAXED); }

int green_accept(int descriptor, green_address *peer) {
    socklen_t size = sizeof *peer;
    int connection = accept4(descriptor, (struct sockaddr *)peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return connection < 0 ? -errno : connection;
}

int64_t green_peer_user(int descriptor) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || size != sizeof peer) return -1;
    return peer.uid == (uid_t)-1 ? -1 : (int64_t)peer.uid;
}

int green_event_descriptor(void) {
    int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

void green_random(void *buffer, size_t length) {
    size_t filled = 0;
    while (filled < length) {
        ssize_t got = getrandom((char *)buffer + filled, length - filled, 0);
        if (got > 0) filled += (size_t)got;
    }
}

void green_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int green_timer_descriptor(void) {
    int descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

void green_timer_arm(int descriptor, uint64_t nanoseconds) {
    struct itimerspec when = {.it_value = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)}};
    timerfd_settime(descriptor, TFD_TIMER_ABSTIME, &when, NULL);
}

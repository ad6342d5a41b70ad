// The C symbols of Boost.Context; its own header declares them for C++ only.
#ifndef VIREO_BOOST_CONTEXT_SHIM_H
#define VIREO_BOOST_CONTEXT_SHIM_H
#if defined(__has_include) && !__has_include(<boost/version.hpp>)
#error "Boost.Context is missing: install libboost-context-dev (Debian, Ubuntu), boost-devel (Fedora) or boost-dev (Alpine)"
#endif
#include <stddef.h>

typedef void *fcontext_t;

typedef struct transfer_t {
    fcontext_t fctx;
    void *data;
} transfer_t;

transfer_t jump_fcontext(fcontext_t to, void *data);
fcontext_t make_fcontext(void *stack_top, size_t size, void (*entry)(transfer_t));

#endif

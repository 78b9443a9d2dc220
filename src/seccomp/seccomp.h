/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_SECCOMP_SECCOMP_H
#define CARREL_SECCOMP_SECCOMP_H

#include "util/buf.h"
#include <stddef.h>
#include <stdint.h>

/*
 * The system-call filters. They are compiled by libseccomp when Carrel is built
 * (src/seccomp/gen.c), one for each set of features, and stand in the program as bytes: starting an
 * app costs no compilation and needs no library.
 */
enum seccomp_feature {
    SECCOMP_DEVEL = 1 << 0,     /* ptrace, perf_event_open, personality */
    SECCOMP_MULTIARCH = 1 << 1, /* the 32-bit ABI of this machine, modify_ldt */
    SECCOMP_BLUETOOTH = 1 << 2, /* AF_BLUETOOTH */
    SECCOMP_CANBUS = 1 << 3,    /* AF_CAN */
    SECCOMP_USERNS = 1 << 4, /* an inner sandbox: new user, pid, net, ipc … namespaces, chroot */
    SECCOMP_MOUNT = 1 << 5,  /* with USERNS: mount, umount2, pivot_root in it (bwrap inside) */
    SECCOMP_FEATURE_COMBINATIONS = 1 << 6,
};

struct seccomp_filter {
    const char *name;       /* "default", "default+devel+userns" … */
    const uint8_t *program; /* struct sock_filter[], native byte order */
    size_t size;            /* bytes */
};

/* The filter for a set of features (MOUNT implies USERNS). Never NULL. */
const struct seccomp_filter *seccomp_filter_for(unsigned features);
/* By the name that stands in a plan, or NULL. */
const struct seccomp_filter *seccomp_filter_named(const char *name);

/* Both take one of the filters above and append text for people. */

/* What the filter allows and refuses, by groups with their purposes, with all argument rules. */
void seccomp_text(const struct seccomp_filter *filter, struct buf *out);
/* The program itself, one instruction a line, with the names of the calls. */
void seccomp_disassemble(const struct seccomp_filter *filter, struct buf *out);

#endif

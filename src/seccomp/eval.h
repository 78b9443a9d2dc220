/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_SECCOMP_EVAL_H
#define CARREL_SECCOMP_EVAL_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * For the tests: runs a filter as the kernel would (Linux, kernel/seccomp.c and net/core/filter.c),
 * knowing nothing of who made it.
 */
struct eval_result {
    uint32_t action;   /* SECCOMP_RET_… with its data */
    unsigned steps;    /* instructions carried out */
    bool reads_args;   /* loaded from any argument or the instruction pointer */
    const char *error; /* the kernel would have refused this program */
};

/* covered, when not NULL, holds n flags; those of the instructions carried out are set. */
struct eval_result eval_filter(const struct sock_filter *prog, size_t n,
                               const struct seccomp_data *data, bool *covered);

#endif

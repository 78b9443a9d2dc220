/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_SECCOMP_GROUPS_H
#define CARREL_SECCOMP_GROUPS_H

#include <stddef.h>
#include <stdint.h>

/*
 * The policy of the system-call filters, as tables. The generator turns them into programs when
 * Carrel is built; the front end reads the same tables to show a person what a filter allows. They
 * name calls as libseccomp does; a name that an ABI does not have is passed over for that ABI.
 */

/* Calls that are allowed when all features in `need` are given. */
struct seccomp_group {
    const char *name, *purpose;
    unsigned need;     /* enum seccomp_feature */
    const char *calls; /* separated by blanks */
};

/* Calls that are known and refused, unless a group whose features are given allows them. */
struct seccomp_refusal {
    const char *name, *reason;
    int error;
    const char *calls;
};

/*
 * One row of a call's argument rules. It stands when all of `need` and none of `without` are given;
 * of the rows that stand the one whose tests all hold decides, and one row of each call has no
 * tests: it decides for all other arguments. Rows that can hold together must agree, as libseccomp
 * does not keep their order. A test looks at the low 32 bits of an argument and at nothing
 * else, as the kernel does for these arguments: what stands in the upper half changes nothing.
 */
struct seccomp_rule {
    const char *call;
    unsigned need, without;
    int error;        /* 0: allowed */
    const char *what; /* NULL where there are no tests */
    unsigned tests;
    struct seccomp_test {
        unsigned arg;
        uint32_t mask, value;
    } test[2];
};

/* Calls newer than the libseccomp we build with, which then may not know their names. */
struct seccomp_new_call {
    const char *name;
    int number;
    const char *only; /* the machine that has it, as Meson names it, or NULL: the same on all */
};

/* What a process of ours may still call once it only waits; anything else ends it. */
struct seccomp_own {
    const char *room, *calls;
    const uint32_t *requests; /* of ioctl, 0 at the end; NULL: no ioctl */
};
extern const struct seccomp_own seccomp_own[];
extern const size_t seccomp_own_count;

/* A word for a feature in the name of a filter; in the order of the bits. */
extern const char *const seccomp_feature_names[];
extern const size_t seccomp_feature_count;

extern const struct seccomp_group seccomp_groups[];
extern const size_t seccomp_group_count;
extern const struct seccomp_refusal seccomp_refusals[];
extern const size_t seccomp_refusal_count;
extern const struct seccomp_rule seccomp_rules[];
extern const size_t seccomp_rule_count;
extern const struct seccomp_new_call seccomp_new_calls[];
extern const size_t seccomp_new_call_count;

/* Whether a row with these conditions stands for a set of features. */
static inline int seccomp_stands(unsigned features, unsigned need, unsigned without)
{
    return (features & need) == need && !(features & without);
}

/* Whether the first n bytes of `name` are one of the words of `calls`. */
int seccomp_list_has(const char *calls, const char *name, size_t n);
/* Whether any group that stands for these features allows the call. */
int seccomp_allows(unsigned features, const char *name, size_t n);
/* Goes through the words of a list: returns the next word and its length, or NULL at the end. */
const char *seccomp_next_call(const char **list, size_t *n);

#endif

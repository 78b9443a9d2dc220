/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_DOCTOR_H
#define CARREL_CLI_DOCTOR_H

#include "util/arena.h"
#include "util/buf.h"

#include <stdbool.h>

/* How one check ended. BAD: apps cannot be started. WEAK: they can, with one wall less, or the host
 * itself is open. */
enum health { HEALTH_GOOD, HEALTH_INFO, HEALTH_WEAK, HEALTH_BAD };

struct finding {
    enum health health;
    const char *state;   /* what was seen */
    const char *meaning; /* what follows from it, or NULL */
    const char *remedy;  /* the exact thing to do, or NULL */
};

/* What a check may look at. */
struct host {
    struct arena *arena;
    const char *root; /* "" or a folder that stands for / (tests); then nothing is tried */
    bool tries;
    const char *datadir; /* where Carrel's own files are installed */
};

struct check {
    const char *id, *title;
    struct finding (*look)(const struct host *h);
};

extern const struct check doctor_kernel_checks[], doctor_host_checks[]; /* end with id NULL */

/* First line of a file below root, without the newline; NULL when it cannot be read. */
const char *host_line(const struct host *h, const char *path);
/* The same as a number, or -1. */
long long host_number(const struct host *h, const char *path);
bool host_has(const struct host *h, const char *path);

#endif

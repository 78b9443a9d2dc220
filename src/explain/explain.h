/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_EXPLAIN_EXPLAIN_H
#define CARREL_EXPLAIN_EXPLAIN_H

#include "facts/facts.h"
#include "plan/plan.h"
#include "util/buf.h"
#include <stdbool.h>

/* What one path is to the app: a reading of the plan, nothing else. */
struct verdict {
    bool visible, readable, writable;
    const char *inside;  /* the path without the links of the sandbox */
    const char *outside; /* the host's path behind it, or NULL (made for the app: tmpfs, file …) */
    const struct plan_step *step; /* the step that decides, or NULL: nothing puts it there */
    const char *reason;           /* one sentence */
};

/* path is absolute. f may be NULL; with it the permissions of the file itself count too. */
void explain_path(struct arena *a, const struct plan *p, struct facts *f, const char *path,
                  struct verdict *out);
void explain_text(const struct verdict *v, const char *path, struct buf *out);
void explain_json(const struct verdict *v, const char *path, struct buf *out);

#endif

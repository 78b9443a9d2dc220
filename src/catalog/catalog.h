/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CATALOG_CATALOG_H
#define CARREL_CATALOG_CATALOG_H

#include "facts/facts.h"
#include "policy/policy.h"
#include "util/diag.h"

/*
 * Which app a person means and which policy files speak of it. Policies are files named
 * ID.policy; names such as "firefox" are symbolic links to one ("firefox" -> "org.mozilla.firefox.policy")
 * in a folder names/ beside them, so that a look-up opens a few paths and scans nothing.
 */
struct catalog {
    struct arena *arena;
    const char *shipped, *system, *user; /* folders of policies, weakest first */
};

struct app {
    const char *id;
    const char *program;      /* absolute path or bare name; from the policy, the .desktop file or argv */
    const char *const *args;  /* fixed arguments of the command, NULL-terminated, may be NULL */
    const char *desktop_file; /* or NULL */
    bool has_policy;          /* false: the strict default alone */
};

void catalog_init(struct catalog *c, struct arena *a, const struct facts *f, const char *datadir);
/* name: an app id, a command, a name from names/, ID.desktop or a path. Returns 0, or -1 with an
 * error in d that names the nearest known names. */
int catalog_find(const struct catalog *c, const struct facts *f, const char *name,
                 struct app *out, struct diags *d);
/* Merges base, global and app files of all three layers for app->id into p. */
int catalog_load(const struct catalog *c, const struct app *app, struct policy *p, struct diags *d);
/* Every app id with a policy, sorted. */
int catalog_list(const struct catalog *c, struct app **out, size_t *n, struct diags *d);

#endif

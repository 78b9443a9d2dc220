/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CATALOG_CATALOG_H
#define CARREL_CATALOG_CATALOG_H

#include "facts/facts.h"
#include "policy/policy.h"
#include "util/diag.h"

/*
 * Which app a person means and which policy files speak of it. Policies are files named
 * ID.policy; names such as "firefox" are symbolic links to one
 * ("firefox" -> "../org.mozilla.firefox.policy") in a folder names/ beside them, so that a look-up
 * opens a few paths and scans nothing.
 */
struct catalog {
    struct arena *arena;
    const char *layers[LAYER_COMMAND_LINE]; /* folders of policies, by layer, weakest first */
    const char *sysroot; /* "" or, in tests, a folder that stands for / when programs and .desktop
                            files are looked for */
};

struct app {
    const char *id;
    const char *program;      /* absolute path or bare name; NULL: the policy's command */
    const char *typed;        /* the distribution's program of the very name that was given, which a
                                 policy has among its names: "lowriter"; or NULL */
    const char *const *args;  /* fixed arguments of the command, NULL-terminated, may be NULL */
    const char *desktop_file; /* or NULL */
    bool has_policy;          /* false: the strict default alone */
    bool by_entry;    /* the .desktop file is the app, its program starts others (sh -c …) */
    bool own_program; /* the program lies outside /usr: the app must be let see it */
};

/* datadir: the folder with policies/ in it. */
void catalog_init(struct catalog *c, struct arena *a, const struct facts *f, const char *datadir);
/*
 * name: an app id, a command, a name from names/, ID.desktop or a path. Returns 0; or, with an
 * error in d that names the nearest known name: -ENOENT, -EACCES when it is no program, -EINVAL.
 */
int catalog_find(const struct catalog *c, const struct facts *f, const char *name, struct app *out,
                 struct diags *d);
/* The program or .desktop file that has this id for want of a policy that names it. Returns 0 or
 * -ENOENT. */
int catalog_source(const struct catalog *c, const struct facts *f, const char *id, struct app *out);
/*
 * Merges into p, weakest first: the strict default (base.policy of the shipped folder), for an app
 * without a policy unknown.policy beside it, then of each layer global.policy and ID.policy. Files
 * that do not exist are passed over, but not the default. Returns 0, or -1 with an error in d.
 */
int catalog_load(const struct catalog *c, const struct app *app, struct policy *p, struct diags *d);
/* Every app id with a policy, sorted; program and args are not filled in. */
int catalog_list(const struct catalog *c, struct app **out, size_t *n, struct diags *d);
/* The layers that have a policy of this app: "shipped", "system", "user", joined by ','. */
const char *catalog_layers_of(const struct catalog *c, const char *id);

#endif

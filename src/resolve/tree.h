/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_RESOLVE_TREE_H
#define CARREL_RESOLVE_TREE_H

#include "facts/facts.h"
#include "plan/plan.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The root that the app will see, as a set of nodes by destination. Rules add nodes in any order;
 * tree_emit sorts them so that parents come before children, leaves out what another node
 * already gives, and writes the steps.
 */
enum node_kind {
    NODE_DIR,
    NODE_SYMLINK,
    NODE_FILE,
    NODE_BIND,
    NODE_TMPFS,
    NODE_PROC,
    NODE_DEVPTS,
    NODE_MQUEUE
};

/* Who wins where two rules speak of the same destination: the greater rank. Between base rules and
 * what no policy may change lie the ranks of the policy's layers (policy.h). */
#define RANK_BASE  0u
#define RANK_FIXED UINT64_MAX

struct node {
    enum node_kind kind;
    uint32_t hash; /* of dst; tree_put sets it */
    const char *dst;
    uint64_t rank;
    const char *why;

    const struct path_fact *src; /* NODE_BIND: a file that is there */
    const char *new_src;         /* NODE_BIND: a folder that a host-dir step makes first */
    bool rw, dev, noexec;        /* NODE_BIND */
    bool pin;                    /* NODE_BIND: must be a mount point of its own */
    bool hides;                  /* takes something away: wins over a grant of equal rank */
    const char *mode;            /* NODE_DIR, NODE_FILE, NODE_TMPFS: octal digits; NODE_PROC:
                                    "bare" or NULL */
    const char *target;          /* NODE_SYMLINK */
    bool keep;                   /* NODE_SYMLINK: is wanted below a bind too */
    const char *content;         /* NODE_FILE, size bytes */
    size_t size;
    bool seal;         /* NODE_TMPFS: read-only once everything stands in it */
    const char *limit; /* NODE_TMPFS: its size; NULL: half of the memory, as the kernel has it */
};

struct tree {
    struct arena *arena;
    struct node *v;
    size_t n, cap;
};

/* Adds a node, or replaces the one at the same destination when it has no greater rank. */
void tree_put(struct tree *t, struct node node);
struct node *tree_at(const struct tree *t, const char *dst);
/* The node that decides what is at path: the deepest one at or above it that mounts or makes
 * something there. NULL when nothing does. */
const struct node *tree_cover(const struct tree *t, const char *path);
/* The host's path behind a path inside, or NULL when it is made for the app or not there. */
const char *tree_host_path(const struct tree *t, const char *path);
/* Device and inode of what was found, as the plan has them and the core compares them: DEV:INO. */
const char *path_identity(struct arena *a, const struct path_fact *p);
/* The host path of a bind, links resolved. */
const char *node_source(const struct node *n);

/* Sorts by path, parents first, and drops what is superfluous. */
void tree_settle(struct tree *t);
/* Appends the steps of a settled tree. */
void tree_emit(const struct tree *t, struct plan *out);

#endif

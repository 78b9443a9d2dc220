/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_BWRAP_BWRAP_H
#define CARREL_BWRAP_BWRAP_H

#include "plan/plan.h"
#include "util/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * bubblewrap's command line, as it is in 0.13.1, and how it becomes a plan. A line is read in
 * two steps: the table's handlers take settings (the last one wins) and note operations (in
 * order); then bwrap_plan makes the plan of them. Nothing here changes anything.
 */

struct wishes;
struct operation;

/* Settings that hold one value. -1: not given. */
enum fd_setting {
    FD_BLOCK,
    FD_USERNS_BLOCK,
    FD_INFO,
    FD_JSON,
    FD_SECCOMP,
    FD_USERNS,
    FD_USERNS2,
    FD_PIDNS,
    FD_NETNS,
    FD_SETTINGS
};

/* Bits of wishes.flags. */
enum flag {
    WANT_USER = 1,
    WANT_USER_TRY = 2,
    WANT_IPC = 4,
    WANT_PID = 8,
    WANT_NET = 16,
    WANT_UTS = 32,
    WANT_CGROUP = 64,
    WANT_CGROUP_TRY = 128,
    WANT_ALL = WANT_USER_TRY | WANT_IPC | WANT_PID | WANT_NET | WANT_UTS | WANT_CGROUP_TRY,
    DISABLE_USERNS = 256,
    ASSERT_USERNS = 512,
    NEW_SESSION = 1024,
    DIE_WITH_PARENT = 2048,
    AS_PID_1 = 4096,
    LEVEL_PREFIX = 8192,
    PRINT_PLAN = 1 << 14,
    END_TOGETHER = 1 << 16,
    NO_BOUNDARY = 1 << 17,
    HELP = 1 << 18,
    VERSION = 1 << 19,
    DEV = 1 << 20, /* a --dev was among the operations */
    CAPS_CHOSEN = 1 << 21,
    ASSUMED_KERNEL = 1 << 22,
    EXPLAIN = 1 << 23,
    FORWARD_SIGNALS = 1 << 24,
    OWN_TTY = 1 << 25,
    SUBIDS = 1 << 26,
    DROP_CALLER_CAPS = 1 << 27,
};

/* One row per option. */
struct option {
    const char *name;
    const char *args; /* their names with blanks between; PATH_NAMES among them may not be empty */
    const char *help;
    /* At once. Returns -1 with w->error set. */
    int (*take)(struct wishes *w, const struct option *o, char **arg);
    /* Or later, in order: adds the steps. The same. */
    int (*make)(struct wishes *w, const struct operation *op);
    unsigned value;       /* of the handler */
    unsigned char quirks; /* bits of enum quirk */
};

enum quirk {
    ONE_ARGUMENT = 1, /* complains that it "takes one argument" and not "an" */
    LAST_WINS = 2,    /* and a warning says so */
    USES_PERMS = 4,
    USES_SIZE = 8,
    USES_LAYERS = 16,
    MODIFIES = 32, /* the next option */
    OURS = 64,     /* bubblewrap has no such option */
};

extern const struct option bwrap_options[];
extern const size_t bwrap_n_options;

struct operation {
    const struct option *option;
    char *arg[3];
    int perms;     /* or -1 */
    uint64_t size; /* or 0 */
    int fd;        /* that an argument is, or -1 */
    unsigned n_layers;
    char **layers;   /* bottom first */
    unsigned number; /* of the argument, from 1 */
};

/* What the host is asked; the tests ask nobody. */
struct host {
    bool (*exists)(const char *path);
    /* A small file, "" if it cannot be read. */
    const char *(*text)(struct arena *a, const char *path);
    /* All of a descriptor, which is closed. -1: it cannot be read. */
    int (*read_fd)(struct arena *a, int fd, char **data, size_t *n);
    /* The identity of what is open, as DEV:INO; NULL: nothing is. It is not the program's. */
    const char *(*identity)(struct arena *a, int fd);
    /* The caller's folder, by the name that PWD has for it; and what standard output is, if it is
     * a terminal with a name inside. NULL: none. */
    const char *(*cwd)(const struct wishes *w);
    const char *(*terminal)(struct arena *a);
    bool (*is_terminal)(int fd);
    /* The number of a descriptor that nobody uses. */
    int (*free_fd)(void);
    uint32_t uid, gid;
    uint64_t caps;
    unsigned umask;
    void (*warn)(const struct wishes *w, const char *text);
};

struct wishes {
    struct arena *arena;
    const struct host *host;
    struct plan plan;
    const char *error; /* what is wrong, as bubblewrap puts it */
    unsigned flags;
    int fds[FD_SETTINGS];
    int64_t uid, gid; /* -1: the caller's */
    uint64_t caps;
    const char *hostname, *chdir, *argv0, *exec_label, *file_label;
    char **env; /* NULL-terminated */
    size_t n_env, cap_env;
    struct operation *ops;
    size_t n_ops, cap_ops;
    char **locks;
    size_t n_locks, cap_locks;
    int *sync_fds, *filter_fds;
    size_t n_sync, cap_sync, n_filters, cap_filters;
    char **limits;
    size_t n_limits, cap_limits;
    /* modifiers of the next option */
    int perms;
    uint64_t size;
    char **layers;
    size_t n_layers, cap_layers;
    unsigned number; /* of the argument that is read */
    const char *dev; /* where the last --dev is, for a terminal of its own */
    bool in_data;
    unsigned char *given; /* how often each option came */
    char **command;       /* NULL-terminated; NULL: none */
};

/* Puts an error; always -1. */
int bwrap_fail(struct wishes *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Reads a command line without the program's name. env is copied. Returns 0 or -1. */
int bwrap_parse(struct wishes *w, char **argv, char *const *env);
/* Adds the maps of the caller's own and subordinate ids (subids.c). Returns 0 or -1. */
int bwrap_add_subids(struct wishes *w, uint32_t uid, uint32_t gid);
/* Fills w->plan, sorted. Returns 0 or -1. */
int bwrap_plan(struct wishes *w);
/* What --help prints. */
void bwrap_help(struct buf *out, const char *program);

/* The number of a capability by its name (cap_x, in any case) or itself; -1: there is none. */
int capability_number(const char *name);

/* ---- environment (env.c) ---- */
void env_init(struct wishes *w, char *const *env);
const char *env_get(const struct wishes *w, const char *name);
/* -1: no name of a variable */
int env_set(struct wishes *w, const char *name, const char *value);
int env_unset(struct wishes *w, const char *name);

/* ---- handlers: settings.c, operations.c ---- */
typedef int take(struct wishes *w, const struct option *o, char **arg);
typedef int make(struct wishes *w, const struct operation *op);
take take_args, take_argv0, take_flag, take_share_net, take_fd, take_list_fd, take_id, take_text,
    take_setenv, take_unsetenv, take_clearenv, take_lock, take_perms, take_size, take_layer,
    take_cap, take_label, take_limit;
make make_bind, make_bind_fd, make_remount_ro, make_overlay, make_proc, make_dev, make_tmpfs,
    make_mqueue, make_dir, make_file, make_bind_data, make_symlink, make_chmod, make_landlock;
/* A descriptor's number; -1 with the error set. */
int read_fd_number(struct wishes *w, const char *text);
/* A path inside in the form that a plan wants. */
char *inside(struct wishes *w, const char *path);
/* Adds a step whose reason names the operation. Words, ended by NULL. */
void add_step(struct wishes *w, const struct operation *op, enum plan_verb verb, ...)
    __attribute__((sentinel));

#endif

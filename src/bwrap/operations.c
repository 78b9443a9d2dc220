/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The handlers of options that are carried out in order: each adds steps to the plan. */
#include "bwrap/bwrap.h"
#include "util/str.h"

#include <errno.h>

/* Values of the rows. */
enum { BIND = 0, BIND_DEV = 1, BIND_RO = 2, BIND_TRY = 4 };
enum { OVERLAY_RW, OVERLAY_TMP, OVERLAY_RO };

/* The reason is left out where nobody will see it. */
void add_step(struct wishes *w, const struct operation *op, enum plan_verb verb, ...)
{
    bool shown = op && w->flags & (PRINT_PLAN | EXPLAIN);
    struct word words[PLAN_MAX_WORDS];
    int n = 0;
    va_list ap;
    va_start(ap, verb);
    for (char *s; (s = va_arg(ap, char *));)
        words[n++] = (struct word){s, strlen(s)};
    va_end(ap);
    plan_add_words(&w->plan, verb,
                   shown ? arena_printf(w->arena, "argument %u: %s", op->number, op->option->name)
                         : NULL,
                   n, words);
}

/* Absolute, without "", "." and "..": there is nothing above the root, and as bubblewrap does, a
 * path that begins with no slash begins there too. */
char *inside(struct wishes *w, const char *path)
{
    char *out = arena_alloc(w->arena, strlen(path) + 2);
    size_t n = 0;
    while (*path) {
        size_t k = strcspn(path, "/");
        if (k == 2 && path[0] == '.' && path[1] == '.') {
            while (n && out[--n] != '/')
                ;
        } else if (k && !(k == 1 && *path == '.')) {
            out[n++] = '/';
            memcpy(out + n, path, k);
            n += k;
        }
        path += k + (path[k] == '/');
    }
    if (n == 0)
        out[n++] = '/';
    out[n] = '\0';
    return out;
}

static char *octal(struct wishes *w, int mode)
{
    return arena_printf(w->arena, "%o", (unsigned)mode);
}

static char *decimal(struct wishes *w, uint64_t n)
{
    return arena_printf(w->arena, "%llu", (unsigned long long)n);
}

static int perms_of(const struct operation *op, int otherwise)
{
    return op->perms >= 0 ? op->perms : otherwise;
}

static const char *const bind_flags[] = {"rw",          "rw,dev",          "ro",         NULL,
                                         "rw,optional", "rw,dev,optional", "ro,optional"};

int make_bind(struct wishes *w, const struct operation *op)
{
    add_step(w, op, PLAN_BIND, op->arg[0], inside(w, op->arg[1]), bind_flags[op->option->value],
             (char *)NULL);
    return 0;
}

/* What the descriptor shows is found again by its path, and must be the same. */
int make_bind_fd(struct wishes *w, const struct operation *op)
{
    char *link = arena_printf(w->arena, "/proc/self/fd/%d", op->fd);
    const char *identity = w->host->identity(w->arena, op->fd);
    if (!identity)
        return bwrap_fail(w, "Can't find source path %s: %s", link,
                          strerror(errno == EBADF ? ENOENT : errno));
    add_step(w, op, PLAN_BIND, link, inside(w, op->arg[1]), bind_flags[op->option->value], identity,
             (char *)NULL);
    return 0;
}

int make_remount_ro(struct wishes *w, const struct operation *op)
{
    add_step(w, op, PLAN_SEAL, inside(w, op->arg[0]), (char *)NULL);
    return 0;
}

int make_overlay(struct wishes *w, const struct operation *op)
{
    static const char *const kinds[] = {"rw", "tmp", "ro"};
    unsigned kind = op->option->value;
    bool rw = kind == OVERLAY_RW;
    for (unsigned i = op->n_layers; i--;) /* the topmost first */
        add_step(w, op, PLAN_LAYER, op->layers[i], (char *)NULL);
    add_step(w, op, PLAN_OVERLAY, inside(w, op->arg[rw ? 2 : 0]), decimal(w, op->n_layers),
             kinds[kind], rw ? op->arg[0] : NULL, rw ? op->arg[1] : NULL, (char *)NULL);
    return 0;
}

/* Without a process namespace of its own it is the host's, as the processes are. */
int make_proc(struct wishes *w, const struct operation *op)
{
    bool own = w->flags & WANT_PID || w->fds[FD_PIDNS] >= 0;
    add_step(w, op, PLAN_PROC, inside(w, op->arg[0]), own ? "bare" : "host", (char *)NULL);
    return 0;
}

int make_dev(struct wishes *w, const struct operation *op)
{
    static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};
    static const char *const links[][2] = {{"/proc/self/fd/0", "stdin"},
                                           {"/proc/self/fd/1", "stdout"},
                                           {"/proc/self/fd/2", "stderr"},
                                           {"/proc/self/fd", "fd"},
                                           {"/proc/kcore", "core"}};
    char *to = inside(w, op->arg[0]);
    const char *dir = to[1] ? to : "";
    /* What is above it is made for nobody else, as the others of bubblewrap's that have no mode do.
     */
    bool above = strchr(dir + (*dir == '/'), '/') != NULL;
    add_step(w, op, PLAN_TMPFS, to, above ? "700" : "755", "-", (char *)NULL);
    if (above)
        add_step(w, op, PLAN_CHMOD, to, "755", (char *)NULL);
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
        add_step(w, op, PLAN_BIND, arena_printf(w->arena, "/dev/%s", nodes[i]),
                 arena_printf(w->arena, "%s/%s", dir, nodes[i]), "rw,dev", (char *)NULL);
    for (size_t i = 0; i < ARRAY_SIZE(links); i++)
        add_step(w, op, PLAN_SYMLINK, links[i][0],
                 arena_printf(w->arena, "%s/%s", dir, links[i][1]), (char *)NULL);
    add_step(w, op, PLAN_DIR, arena_printf(w->arena, "%s/shm", dir), "755", (char *)NULL);
    add_step(w, op, PLAN_DEVPTS, arena_printf(w->arena, "%s/pts", dir), (char *)NULL);
    add_step(w, op, PLAN_SYMLINK, "pts/ptmx", arena_printf(w->arena, "%s/ptmx", dir), (char *)NULL);
    w->dev = dir;
    const char *terminal = w->flags & OWN_TTY ? NULL : w->host->terminal(w->arena);
    if (terminal)
        add_step(w, op, PLAN_BIND, terminal, arena_printf(w->arena, "%s/console", dir), "rw,dev",
                 (char *)NULL);
    return 0;
}

int make_tmpfs(struct wishes *w, const struct operation *op)
{
    add_step(w, op, PLAN_TMPFS, inside(w, op->arg[0]), octal(w, perms_of(op, 0755)),
             op->size ? decimal(w, op->size) : "-", (char *)NULL);
    return 0;
}

int make_mqueue(struct wishes *w, const struct operation *op)
{
    add_step(w, op, PLAN_MQUEUE, inside(w, op->arg[0]), (char *)NULL);
    return 0;
}

int make_dir(struct wishes *w, const struct operation *op)
{
    add_step(w, op, PLAN_DIR, inside(w, op->arg[0]), octal(w, perms_of(op, 0755)), (char *)NULL);
    return 0;
}

int make_file(struct wishes *w, const struct operation *op)
{
    add_step(w, op, PLAN_COPY_FD, inside(w, op->arg[1]), octal(w, perms_of(op, 0666)),
             decimal(w, (uint64_t)op->fd), (char *)NULL);
    return 0;
}

int make_bind_data(struct wishes *w, const struct operation *op)
{
    add_step(w, op, PLAN_BIND_COPY, inside(w, op->arg[1]), octal(w, perms_of(op, 0600)),
             decimal(w, (uint64_t)op->fd), op->option->value == BIND_RO ? "ro" : "rw",
             (char *)NULL);
    return 0;
}

int make_symlink(struct wishes *w, const struct operation *op)
{
    add_step(w, op, PLAN_SYMLINK, op->arg[0], inside(w, op->arg[1]), (char *)NULL);
    return 0;
}

int make_chmod(struct wishes *w, const struct operation *op)
{
    add_step(w, op, PLAN_CHMOD, inside(w, op->arg[1]), octal(w, op->perms), (char *)NULL);
    return 0;
}

/* The words are the plan's own; what they may be its check says. */
int make_landlock(struct wishes *w, const struct operation *op)
{
    add_step(w, op, op->option->value ? PLAN_LANDLOCK_ALLOW : PLAN_LANDLOCK, op->arg[0], op->arg[1],
             (char *)NULL);
    return 0;
}

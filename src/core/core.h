/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CORE_CORE_H
#define CARREL_CORE_CORE_H

#include "plan/read.h"
#include "plan/verbs.h"
#include "util/word.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The core carries out a plan. The whole plan is read and checked (check.c) into a `struct job`
 * before anything is changed; from then on nothing is parsed. Three processes work on it:
 *
 *   monitor (monitor.c)  waits outside, forwards signals, passes the exit status on
 *   pid 1   (init.c)     makes the root in namespaces of its own, then reaps
 *   the app (app.c)      lays down every power and executes the program
 *
 * They share one address space (see sys.h) until the app executes, so after the check a job is
 * only read, but for the members that are said to be somebody's own. A fault ends the process in
 * which it comes up: one line on standard error (`die`), then the exit status; the others see that
 * and follow.
 */

enum {
    EXIT_OURS = 125, /* refused or failed */
    EXIT_NOT_PROGRAM = 126,
    EXIT_NOT_FOUND = 127,
    FIRST_FREE_FD = 3,
    MAX_KEPT_FDS = 64,
    MAX_FILTER_BYTES = 4096 * 8,
    STACK_BYTES = 64 << 10,
    NAMESPACES = 7,
};

/* One step, checked. n[I] is the value of word I: a number, mode or limit, the place of a name in
 * its list, or the bits of several. Of bind's DEV:INO it is n[3] and n[4]. */
struct step {
    struct word *w;
    uint64_t n[7];
    const char *why; /* still escaped, or NULL */
    int line;
    unsigned char verb, argc;
};

/* Bits of bind's flags, in the order of their names. */
enum { BIND_RO = 1, BIND_RW = 2, BIND_DEV = 4, BIND_NOEXEC = 8, BIND_OPTIONAL = 16 };

struct region {
    char *at;
    size_t size;
};

/* A folder that was used last, at a path of size bytes below base: what lies beside it needs no
 * walk. -1: there is none yet; for base, that it is the root as this process sees it. */
struct folder {
    int base, fd;
    const char *path;
    size_t size;
};
#define NO_FOLDER                                                                                  \
    {                                                                                              \
        .base = -1, .fd = -1                                                                       \
    }

struct job {
    struct step *steps;
    size_t n;
    const struct step *last[PLAN_VERB_COUNT]; /* of each verb, or NULL */
    char **argv, **envp;                      /* for execve, NULL-terminated */
    unsigned long namespaces;                 /* CLONE_NEW* */
    int kept[MAX_KEPT_FDS], n_kept;
    unsigned loose;       /* bits of the loosen line: 0 in every plan of carrel-core */
    unsigned long shared; /* CLONE_NEW*: what that line says is shared with the caller */
    bool rooted;          /* these two are only of use to the check */
    char **vector;        /* where its next string goes */

    /* set by the monitor before the first clone */
    uint32_t caller_uid, caller_gid;
    int proc_fd; /* the caller's /proc, for the id maps */
    int status_fds[2];
    struct region filter; /* its instructions */

    /* pid 1's own */
    int root;             /* descriptor of the new root */
    struct folder parent; /* beneath it */
    int terminal;         /* the app's, where it gets one */
    bool aliased; /* a symbolic link was followed beneath the root: paths do not tell places */
    int scratch;  /* compat: a tmpfs that nobody sees, or -1 */
    const struct step *layer; /* compat: the next one for an overlay */
    int go[2], started[2];    /* compat: pipes, see compat_process.c */
    bool entered;             /* compat: the folder to start in */
    uint64_t mask;            /* compat: of the caller's signals */

    struct folder source; /* on the host; in the app's process: inside */
    int ruleset;          /* the app's own: Landlock's */
};

/* ---- check.c: no system calls at all ---- */

/* Why a plan is refused. */
struct fault {
    struct step step;        /* line (0: none) and verb (PLAN_VERB_COUNT: none) */
    const struct word *word; /* the one that must be as the text says; NULL: the text says all */
    const char *text, *list; /* the list ends the text */
};

/* Bytes that job_read needs for a plan of this size, 8-aligned and zeroed. */
size_t job_space(size_t plan_size);
/* Reads and checks a plan; text is changed, text[size] must be writable. Pointers in *j go into
 * text and space. Returns 0, or -1 with *f filled. */
int job_read(struct job *j, char *text, size_t size, void *space, struct fault *f);
/* Digits of the base only, lower case, at most max. */
bool read_number(const struct word *w, unsigned base, uint64_t max, uint64_t *out);

/* Who carries a step out: pid 1 or the app. */
enum step_place { IN_ROOT, IN_APP };
typedef void step_runner(struct job *j, const struct step *s);

/* What the words of a verb are, and who carries it out. Where nobody does, the check has taken in
 * all of it. */
enum { MANY = 1, REQUIRED = 2 };
struct rule {
    const char *words; /* a letter each, see check.c */
    unsigned char flags, place;
    const char *list[2]; /* of names: for the first word, for the others */
    step_runner *run;
    unsigned long needs; /* a namespace */
    /* what the single words do not show: NULL, or why the step is refused */
    const char *(*check)(struct job *j, struct step *s);
};

void run_steps(struct job *j, enum step_place place);

/* The first number of the one step of a verb, or what holds without it. */
static inline uint64_t job_value(const struct job *j, enum plan_verb verb, uint64_t otherwise)
{
    return j->last[verb] ? j->last[verb]->n[0] : otherwise;
}

/* Whether the status-fd is a supervisor's. */
static inline bool supervised(const struct job *j)
{
    return j->last[PLAN_STATUS_FD] && j->last[PLAN_STATUS_FD]->argc > 1;
}

/* A struct cmsghdr with SCM_RIGHTS: for one, or for all namespaces. */
struct descriptors {
    size_t size;
    int level, type, fd[NAMESPACES];
};

/* ---- say.c ---- */

/* A text that grows; what does not fit goes to standard error before. */
struct line {
    size_t n;
    char text[1024];
};
/* fmt knows %s (trusted text), %q (untrusted text), %e (the same without
 * quotes), %w (a struct word pointer or NULL, untrusted)
 * and %u (unsigned). */
void format(struct line *l, const char *fmt, ...);
void vformat(struct line *l, const char *fmt, va_list ap);
/* Puts untrusted text: what is no plain text is escaped as in a plan, but for blanks. */
void put_escaped(struct line *l, const char *s, size_t n, const char *quote);
void flush(struct line *l);

/*
 * Prints one line, "carrel: plan line N (verb): message: reason (call); hint", and ends the
 * process. step may be NULL; call is the system call that failed with -err, or NULL.
 */
#define die(...) die_with(EXIT_OURS, __VA_ARGS__)
_Noreturn void die_with(int status, const struct step *step, const char *call, long err,
                        const char *fmt, ...);
/* Hands the result of a system call through, or dies of it when it is an error. */
long must(const struct step *step, const char *call, long result, const char *fmt, ...);
/* Makes a system call with N arguments that must succeed; then come the format and its arguments.
 */
#define CALL0(s, name, ...)             must(s, #name, sys0(__NR_##name), __VA_ARGS__)
#define CALL1(s, name, a, ...)          must(s, #name, sys1(__NR_##name, a), __VA_ARGS__)
#define CALL2(s, name, a, b, ...)       must(s, #name, sys2(__NR_##name, a, b), __VA_ARGS__)
#define CALL3(s, name, a, b, c, ...)    must(s, #name, sys3(__NR_##name, a, b, c), __VA_ARGS__)
#define CALL4(s, name, a, b, c, d, ...) must(s, #name, sys4(__NR_##name, a, b, c, d), __VA_ARGS__)
#define CALL5(s, name, a, b, c, d, e, ...)                                                         \
    must(s, #name, sys5(__NR_##name, a, b, c, d, e), __VA_ARGS__)
/* For a handler that does not need the job. */
#define NO_JOB __attribute__((unused)) struct job *no_job

/* ---- path.c: every path that is opened, on the host and beneath the new root ---- */

/* Opens the folder above path beneath the new root, making what is missing; *name is the last
 * component. The descriptor stays the job's. */
int root_parent(struct job *j, const struct step *s, char *path, const char **name);
/* Opens an entry of a folder (O_PATH), no symbolic link followed; path is for the message. */
int entry_open(const struct step *s, int parent, const char *name, const char *path, int flags);
/* Opens the folder above an absolute path, no symbolic link followed; *name is the last component.
 * The descriptor stays the job's. -ENOENT is returned, all other faults end the process. */
int source_parent(struct job *j, const struct step *s, char *path, const char **name);
/* Opens what is at an absolute path (O_PATH), in the same way. */
int path_open(struct job *j, const struct step *s, char *path);
/* To be told after something was mounted on a path of so many bytes: what root_parent remembers may
 * lie below it, unless it is shorter. */
void root_covered(struct job *j, size_t size);

/* ---- the handlers of the steps ---- */

/* path.c, mount.c */
step_runner run_host_dir, run_tmpfs, run_bind, run_proc, run_devpts, run_mqueue, run_dir, run_file,
    run_symlink, run_seal;
/* ns.c, init.c */
step_runner run_hostname, run_loopback, run_terminal;
/* app.c, landlock.c */
step_runner run_rlimit, run_keyring, run_cwd, run_landlock, run_landlock_allow;
/* Leaves the old root for good. */
void root_enter(struct job *j);

/* ---- mount.c: its tools ---- */

/* Sets flags, and the propagation, of a mount; flags may be AT_RECURSIVE. */
void mount_flags(const struct step *s, int tree, unsigned flags, uint64_t set,
                 uint64_t propagation);
/* A new file system of this type, detached. Options are pairs of key and value;
 * NULL is that of a key alone. */
int mount_new(const struct step *s, const char *type, const char *const *options,
              uint64_t attributes);
/* A detached copy of the mounts at a path. */
int mount_clone(const struct step *s, int dir, const char *path, unsigned flags);
/* Attaches a detached tree beneath the root. The descriptor becomes the job's root, or is closed.
 */
void mount_attach(struct job *j, const struct step *s, int tree, char *dst, bool dir);
/* The rest of a bind step once the mounts of its source are copied. */
void bind_tree(struct job *j, const struct step *s, int tree);

/* ---- ns.c ---- */

/* Maps the one id of this process's new user namespace; the file is self/uid_map or self/gid_map.
 */
void ns_map_id(const struct job *j, const char *name, uint64_t id, uint32_t outer);
/* Writes into a file of the caller's /proc. */
void proc_write(const struct job *j, const char *name, const char *text, size_t n);
/* Whether others may look into this memory, and whether the files of this process in /proc, the
 * maps too, belong to it instead of root. */
void set_dumpable(unsigned long value);
void caps_empty_bounding_set(uint64_t but);
/* All of them. A new user namespace starts without inheritable and ambient ones. */
void caps_drop(void);

/* ---- monitor.c, init.c, app.c ---- */

void signal_default(int sig);
/* Carries out the steps of the process, lays down what is left of its powers and executes the
 * program. Of a caller without capabilities. */
_Noreturn void app_become(struct job *j);
/* SIGKILL for this process when its parent dies; at once if it has died already. */
void die_with_parent(const struct job *j);
/*
 * Before each time that the monitor or pid 1 waits: how long. After the first time it is confined
 * to the calls that it needs for that and for its end. A filter costs as much as a twentieth of a
 * start, so what ends at once goes without.
 */
const struct timespec *confine_waiting(int round);
void install_filter(const struct step *s, const void *instructions, size_t size);

_Noreturn void monitor(struct job *j);
int init_main(void *job);
int app_main(void *job);
extern char init_stack[STACK_BYTES], app_stack[STACK_BYTES];

/* ---- compat_*.c: only in carrel-bwrap. Weak: carrel-core has none of them ---- */

#define COMPAT __attribute__((weak))
/* The rule of a verb that is another than carrel-core's, or NULL. */
COMPAT const struct rule *compat_rule(unsigned verb);
/* Prints a fault as bubblewrap would and ends the process. */
_Noreturn COMPAT void compat_say(const struct step *s, const char *call, long err, const char *hint,
                                 const char *fmt, va_list ap);
/* What root_parent does when the parent folder of path, its first n bytes, cannot be opened. */
COMPAT int compat_parent(struct job *j, const struct step *s, char *path, size_t n);
/* Takes the root away for another one to be mounted in its place. */
COMPAT void compat_drop_root(struct job *j, const struct step *s);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CORE_CORE_H
#define CARREL_CORE_CORE_H

#include "plan/read.h"
#include "plan/verbs.h"
#include "util/word.h"
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
 * The first two share one address space (see sys.h), so after the check a job is only read, but
 * for the members that its comments name. A fault ends the process in which it comes up: one line
 * on standard error (`die`), then the exit status; the others see that and follow.
 */

enum {
    EXIT_OURS = 125, /* refused or failed */
    EXIT_NOT_PROGRAM = 126,
    EXIT_NOT_FOUND = 127,
    FIRST_FREE_FD = 3,
    MAX_KEPT_FDS = 64,
    MAX_FILTER_BYTES = 4096 * 8,
};

/* One step, checked. What n[] holds depends on the verb, see check.c. */
struct step {
    struct word *w;
    uint64_t n[3];
    int line;
    unsigned char verb, argc;
};

enum bind_flags { BIND_RO = 1, BIND_DEV = 2, BIND_NOEXEC = 4, BIND_OPTIONAL = 8, BIND_SAME = 16 };

struct job {
    struct step *steps;
    size_t n;
    char **argv, **envp; /* for execve, NULL-terminated */
    const char *hostname;
    unsigned seen[2];         /* bits by verb: which verbs came up */
    unsigned long namespaces; /* CLONE_NEW* */
    uint32_t uid, gid;
    unsigned umask;
    bool nested_userns, terminal;
    int kept[MAX_KEPT_FDS], n_kept; /* ascending */
    int filter_fd;                  /* -1 without one */
    const struct step *exec;
    struct landlock {
        uint64_t handled, scoped;
        int ruleset; /* the app's own */
    } landlock;

    /* set by the monitor before the first clone */
    uint32_t caller_uid, caller_gid;
    int proc_fd; /* the caller's /proc, for the id maps */
    int status_fds[2];
    char *filter; /* its instructions, aligned */
    size_t filter_size;
    struct region {
        char *at;
        size_t size;
    } memory[3]; /* what pid 1 gives back once the app runs: text, steps, filter */

    /* pid 1's own */
    int root;                /* descriptor of the new root, -1 before it stands */
    int parent;              /* a folder beneath it that was used last, -1: none */
    const char *parent_path; /* its path, parent_size bytes */
    size_t parent_size;
};

/* Why a plan is refused. */
struct fault {
    int line;
    const char *verb;        /* or NULL */
    const struct word *word; /* the offending one, or NULL */
    const char *text;
};

/* ---- check.c: no system calls at all ---- */

/* Bytes that job_read needs for a plan of this size, 8-aligned. */
size_t job_space(size_t plan_size);
/* Reads and checks a plan; text is changed, text[size] must be writable, space is zeroed memory.
 * Pointers in *j go into both. Returns 0, or -1 with *f filled. */
int job_read(struct job *j, char *text, size_t size, void *space, struct fault *f);
static inline bool job_has(const struct job *j, enum plan_verb verb)
{
    return j->seen[verb / 32] >> verb % 32 & 1;
}

/* ---- values.c: words to numbers, no system calls ---- */

bool value_number(const struct word *w, int base, uint64_t max, uint64_t *out);
/* Absolute, normalised, no NUL, shorter than PATH_MAX. */
bool value_path(const struct word *w);
/* A row of a table of names; ended by a row whose name is NULL. */
struct name_bit {
    const char *name;
    uint64_t bit;
};
bool value_name(const struct name_bit *table, const char *s, size_t n, uint64_t *bit);
/* A comma-separated list of names, `-` for none. */
bool value_names(const struct name_bit *table, const struct word *w, uint64_t *bits);
extern const struct name_bit namespace_names[], bind_flag_names[], rlimit_names[],
    landlock_right_names[], landlock_scope_names[];

/* ---- say.c ---- */

/*
 * Prints one line, "carrel: line N (verb): message: reason; hint", and ends the process.
 * step may be NULL; call is the system call that failed with -err, or NULL when there was none.
 * fmt knows %s (trusted text), %q (quoted, escaped, a C string) and %u (unsigned).
 */
_Noreturn void die(const struct step *step, const char *call, long err, const char *fmt, ...);
/* The same with another exit status than 125 and a hint of the caller's (or NULL). */
_Noreturn void die_with(int status, const char *hint, const struct step *step, const char *call,
                        long err, const char *fmt, ...);
_Noreturn void die_of_fault(const struct fault *f);

/* ---- path.c ---- */

/* Opens the folder above path beneath the new root, making what is missing; *name is the last
 * component. The descriptor stays the job's. */
int root_parent(struct job *j, const struct step *s, char *path, const char **name);
/* Opens what is at path beneath the new root (O_PATH). */
int root_open(struct job *j, const struct step *s, const char *path);
/* Opens an entry of a folder (O_PATH), no symbolic link followed; extra: more open flags. */
int entry_open(const struct step *s, int parent, const char *name, const char *path, int extra);
/* Opens a source on the host (O_PATH). -ENOENT is returned, all other faults end the process. */
int host_open(const struct step *s, char *path);
/* Makes the folders of a path on the host that are missing. */
void host_make_dirs(const struct step *s, char *path, unsigned mode);
/* To be told after something was mounted on path: what was remembered may now lie below it. */
void root_covered(struct job *j, const char *path);

/* ---- mount.c, landlock.c, limits.c: the handlers of the steps ---- */

typedef void step_runner(struct job *j, const struct step *s);
step_runner run_host_dir, run_hostname, run_loopback;
step_runner run_tmpfs, run_bind, run_proc, run_devpts, run_mqueue, run_dir, run_file, run_symlink,
    run_seal;
step_runner run_rlimit, run_keyring, run_cwd, run_landlock, run_landlock_allow;
void landlock_enforce(const struct job *j);

/* Leaves the old root for good. */
void root_enter(struct job *j);

/* ---- steps.c ---- */

/* Who carries a step out, and when. */
enum step_place { AT_CHECK, IN_SETUP, IN_ROOT, IN_APP };
void run_steps(struct job *j, enum step_place place);

/* ---- ns.c ---- */

/* Maps the one pair of ids of this process's new user namespace. */
void ns_map_ids(const struct job *j, uint32_t uid, uint32_t outer_uid, uint32_t gid,
                uint32_t outer_gid);
void ns_deny_setgroups(const struct job *j);
/* Lets the outer user namespace hold one more, which will be the app's. */
void ns_limit_nested(const struct job *j);
void ns_check_nested_denied(void);
void caps_keep_only(uint64_t caps);
void caps_empty_bounding_set(void);

/* ---- monitor.c, init.c, app.c ---- */

_Noreturn void monitor(struct job *j);
int init_main(void *job);
int app_main(void *job);
/* For app_main; it shares pid 1's memory until it executes. */
extern char init_stack[], app_stack[];
enum { STACK_BYTES = 64 << 10 };

#endif

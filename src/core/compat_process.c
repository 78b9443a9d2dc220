/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/compat.h"
#include "core/signals.h"
#include "core/sys.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>

/*
 * bubblewrap's processes:
 *
 *   monitor   waits for the program's end, not for the sandbox's, and lets signals end it
 *   child     makes the root; then it reaps, as pid 1 or to hold locks, or executes the program
 *   program   the reaper's first child
 *
 * The child shares the monitor's memory only if it executes the program itself. A reaper lives
 * beside the program under the same rights, and what it could be made to do must not reach out.
 */
enum { SLAVE = 1 << 19, DETACH = 2, FAILED = 1 };

static bool asks(const struct job *j, unsigned loose)
{
    return j->loose & loose;
}

/* The step of a verb whose name N is `which`, from the last on; NULL: there is none. */
static const struct step *find(const struct job *j, enum plan_verb verb, int n, uint64_t which)
{
    for (const struct step *s = j->last[verb]; s && s >= j->steps; s--)
        if (s->verb == verb && s->n[n] == which)
            return s;
    return NULL;
}

/* A byte into a pipe; -1: there is none, which is no fault. */
static void tell(int fd)
{
    sys3(__NR_write, fd, "\1", 1);
}

static void wait_for(const struct job *j, uint64_t which)
{
    const struct step *s = find(j, PLAN_WAIT_FD, 1, which);
    char byte;
    if (s)
        sys3(__NR_read, s->n[0], &byte, 1);
}

/* ---- what is done before the first process is made ---- */

/* What options named is not the program's. One that is not open becomes -1, which fails when it is
 * used: nothing of ours may come under its number. */
static void claim_fds(const struct job *j)
{
    static const struct {
        unsigned char verb, word;
    } rows[] = {{PLAN_JOIN, 1},    {PLAN_INFO_FD, 0},   {PLAN_WAIT_FD, 0},   {PLAN_HOLD_FD, 0},
                {PLAN_COPY_FD, 2}, {PLAN_BIND_COPY, 2}, {PLAN_FILTER_FD, 0}, {PLAN_TERMINAL, 0}};
    if (!asks(j, LOOSE_FDS))
        must(NULL, "close_range", sys_close_range(FIRST_FREE_FD, CLOSE_RANGE_CLOEXEC),
             "cannot close descriptors");
    for (int i = 0; i < j->n_kept; i++)
        CALL3(NULL, fcntl, j->kept[i], F_SETFD, 0, "cannot keep descriptor %u",
              (unsigned)j->kept[i]);
    for (struct step *s = j->steps; s < j->steps + j->n; s++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            if (s->verb != rows[i].verb || (s->verb == PLAN_HOLD_FD && asks(j, LOOSE_NO_REAPER)))
                continue;
            if (sys3(__NR_fcntl, s->n[rows[i].word], F_SETFD, FD_CLOEXEC))
                s->n[rows[i].word] = ~0ull;
        }
}

void *compat_memory(const struct step *s, size_t n)
{
    long at =
        sys6(__NR_mmap, 0, (long)n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(s, "mmap", at > -4096 && at < 0 ? at : 0, "cannot get memory");
    return (void *)at;
}

/* The bytes of a filter; n[1] of its step is where they are, n[2] how many. */
static void load_filters(struct job *j)
{
    const size_t max = MAX_FILTER_BYTES + 8;
    for (struct step *s = j->steps; s < j->steps + j->n; s++) {
        if (s->verb != PLAN_FILTER_FD)
            continue;
        char *at = compat_memory(s, max);
        size_t size = 0;
        for (long n = 1; n && size < max; size += (size_t)n)
            n = CALL3(s, read, s->n[0], at + size, max - size, "Can't read seccomp data");
        if (size <= MAX_FILTER_BYTES && size % sizeof(struct sock_filter))
            die(s, NULL, 0, "the filter has %u bytes", (unsigned)size);
        must(s, "seccomp", size > MAX_FILTER_BYTES ? -EINVAL : 0, "the filter is too long");
        fd_used_up(j, s, s->n[0]);
        s->n[1] = (uintptr_t)at;
        s->n[2] = size / sizeof(struct sock_filter);
    }
}

static void install_filters(const struct job *j)
{
    for (const struct step *s = j->steps; s < j->steps + j->n; s++) {
        struct sock_fprog program = {(unsigned short)s->n[2], (struct sock_filter *)s->n[1]};
        if (s->verb == PLAN_FILTER_FD) /* by the call that such filters allow for the next */
            must(s, "seccomp", sys3(__NR_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program),
                 "cannot install the filter");
    }
}

static void join(const struct job *j, uint64_t which, unsigned long kind, const char *text)
{
    const struct step *s = find(j, PLAN_JOIN, 0, which);
    if (s)
        CALL2(s, setns, s->n[1], kind, text);
}

/* ---- the child ---- */

/* Of these, those that are held at all: else nothing would be laid down. */
static void set_caps(uint64_t caps)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    CALL2(NULL, capget, &head, data, "capget failed");
    for (int i = 0; i < 2; i++, caps >>= 32)
        data[i].effective = data[i].inheritable = data[i].permitted &= (uint32_t)caps;
    CALL2(NULL, capset, &head, data, "capset failed");
}

/* Other ids may be mapped in a namespace that others made. */
static void take_ids(const struct job *j)
{
    uint32_t uid = (uint32_t)job_value(j, PLAN_UID, 0), gid = (uint32_t)job_value(j, PLAN_GID, 0);
    if (!find(j, PLAN_JOIN, 0, JOIN_USER))
        return;
    if (gid != j->caller_gid)
        CALL1(j->last[PLAN_GID], setgid, gid, "unable to switch to gid %u", gid);
    if (uid != j->caller_uid)
        CALL1(j->last[PLAN_UID], setuid, uid, "unable to switch to uid %u", uid);
}

/* Terminals of its own need root in the namespace of the mounts. */
static uint32_t outer_id(const struct job *j, enum plan_verb verb)
{
    bool root = j->last[PLAN_DEVPTS] && !asks(j, LOOSE_ONE_LEVEL);
    return root ? 0 : (uint32_t)job_value(j, verb, 0);
}

static void map_ids(const struct job *j)
{
    if (!(j->namespaces & CLONE_NEWUSER) || find(j, PLAN_WAIT_FD, 1, 0) || j->last[PLAN_ID_MAP])
        return;
    proc_write(j, "self/setgroups", "deny", 4);
    ns_map_id(j, "self/uid_map", outer_id(j, PLAN_UID), j->caller_uid);
    ns_map_id(j, "self/gid_map", outer_id(j, PLAN_GID), j->caller_gid);
}

static void write_label(const struct job *j, uint64_t which, const char *file)
{
    const struct step *s = find(j, PLAN_LABEL, 0, which);
    if (s)
        proc_write(j, file, s->w[1].s, s->w[1].n);
}

static bool two_levels(const struct job *j)
{
    return !asks(j, LOOSE_ONE_LEVEL | LOOSE_USER);
}

static void second_level(const struct job *j)
{
    uint64_t nested = job_value(j, PLAN_NESTED_USERNS, 0);
    if (two_levels(j)) {
        if (nested == 0)
            proc_write(j, "sys/user/max_user_namespaces", "1", 1);
        CALL1(NULL, unshare, CLONE_NEWUSER, "unshare user ns");
        caps_empty_bounding_set(job_value(j, PLAN_CAPS, 0));
        ns_map_id(j, "self/uid_map", job_value(j, PLAN_UID, 0), outer_id(j, PLAN_UID));
        ns_map_id(j, "self/gid_map", job_value(j, PLAN_GID, 0), outer_id(j, PLAN_GID));
    }
    if (nested != 1 && sys1(__NR_unshare, CLONE_NEWUSER) >= 0)
        die(j->last[PLAN_NESTED_USERNS], NULL, 0, "the limit on them has no effect");
}

static void make_root(struct job *j)
{
    if (!(j->namespaces & CLONE_NEWUSER)) {
        /* Else what is mounted here would come up on the host. */
        const struct mount_attr slave = {.propagation = SLAVE};
        CALL5(NULL, mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &slave, sizeof slave,
              "Failed to make / slave");
    }
    sources_find(j);
    write_label(j, 1, "self/attr/fscreate");
    bool hidden = j->last[PLAN_BIND_COPY] || j->last[PLAN_OVERLAY];
    if (hidden)
        scratch_make(j);
    j->layer = j->steps;
    run_steps(j, IN_ROOT);
    root_enter(j);
    if (hidden) /* it lay upon the old root, and went first */
        CALL2(NULL, umount2, ".", DETACH, "cannot leave the old root");
}

/* The first folder that can be entered; `must` ends the search. */
void run_enter(struct job *j, const struct step *s)
{
    static char pwd[4096 + 8] = "PWD=";
    if (j->entered)
        return;
    long err = sys1(__NR_chdir, s->w[0].s);
    if (s->n[1] == 0)
        must(s, "chdir", err, "cannot enter %q", s->w[0].s);
    if (err)
        return;
    j->entered = true;
    memcpy(pwd + 4, s->w[0].s, s->w[0].n + 1);
    for (char **e = j->envp; *e; e++)
        if (!strncmp(*e, pwd, 4))
            *e = pwd;
}

static void ask_parents_death(const struct job *j)
{
    if (j->last[PLAN_PARENT_DEATH])
        must(NULL, "prctl", sys_prctl(PR_SET_PDEATHSIG, SIGKILL), "cannot ask for that");
}

/* ---- the program ---- */

/* Where the kernel knows no format, it is a script without #!, as execvp(3) holds. */
static long try(const struct job *j, char *path)
{
    static char shell[] = "sh";
    long err = sys3(__NR_execve, path, j->argv, j->envp);
    if (err != -ENOEXEC)
        return err;
    size_t n = 0;
    while (j->argv[n])
        n++;
    memmove(j->argv + 2, j->argv + 1, n * sizeof *j->argv); /* job_space leaves room for one more */
    j->argv[0] = shell;
    j->argv[1] = path;
    return sys3(__NR_execve, "/bin/sh", j->argv, j->envp);
}

static long search(const struct job *j, const char *name)
{
    const char *path = NULL;
    char full[8192];
    long err = -ENOENT;
    size_t size = strlen(name) + 1;
    for (char *const *e = j->envp; *e && !path; e++)
        path = strncmp(*e, "PATH=", 5) == 0 ? *e + 5 : NULL;
    path = path ? path : "/bin:/usr/bin";
    for (size_t n; size > 1; path += n + 1) {
        n = strcspn(path, ":");
        if (n + 1 + size <= sizeof full) {
            memcpy(full, path, n);
            full[n] = '/';
            memcpy(full + n + (n > 0), name, size);
            long e = try(j, full);
            if (e != -ENOENT && e != -ENOTDIR && e != -EACCES)
                return e;
            err = e == -EACCES ? e : err;
        }
        if (!path[n])
            break;
    }
    return err;
}

/* So that the program keeps them. What is not inheritable cannot be raised; the first one that the
 * kernel does not know ends the loop. */
static void raise_ambient(uint64_t caps)
{
    long err = 0;
    for (unsigned long cap = 0; cap < 64 && err != -EINVAL; cap++) {
        if (!(caps >> cap & 1))
            continue;
        err = sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
        must(NULL, "prctl", err == -EINVAL || err == -EPERM ? 0 : err, "Adding ambient capability");
    }
}

/* A byte tells the monitor that the program is about to start; a second one that it did not. */
static _Noreturn void start_program(struct job *j)
{
    char *name = j->last[PLAN_EXEC]->w[0].s;
    ask_parents_death(j);
    raise_ambient(job_value(j, PLAN_CAPS, 0));
    if (j->last[PLAN_LANDLOCK])
        CALL2(j->last[PLAN_LANDLOCK], landlock_restrict_self, j->ruleset, 0, "cannot enforce it");
    install_filters(j);
    if (j->last[PLAN_ARGV0])
        j->argv[0] = j->last[PLAN_ARGV0]->w[0].s;
    if (j->last[PLAN_SIGNALS])
        signals_release(j);
    tell(j->started[1]);
    long err = strchr(name, '/') ? try(j, name) : search(j, name);
    tell(j->started[1]);
    must(j->last[PLAN_EXEC], "execve", err, "cannot start %q", name);
    sys_exit(FAILED);
}

static int program_main(void *job)
{
    start_program(job);
}

/* ---- the reaper ---- */

/* Closes those from first on that come before next; then it goes on behind that. 0: all are done.
 */
static unsigned close_up_to(unsigned first, unsigned next)
{
    if (next > first)
        sys3(__NR_close_range, first, next == ~0u ? next : next - 1, 0);
    return next + 1;
}

/* The first from `from` on that the reaper needs. */
static unsigned next_needed(const struct job *j, unsigned from)
{
    unsigned next = (unsigned)j->status_fds[1] >= from ? (unsigned)j->status_fds[1] : ~0u;
    for (const struct step *s = j->steps; s < j->steps + j->n; s++) {
        unsigned fd = s->verb == PLAN_HOLD_FD     ? (unsigned)s->n[0]
                      : s->verb == PLAN_LOCK_FILE ? (unsigned)s->n[1]
                                                  : ~0u;
        next = fd >= from && fd < next ? fd : next;
    }
    return next;
}

/* n[1] of the step is the descriptor. */
static void lock_files(struct job *j)
{
    struct flock lock = {.l_type = F_RDLCK};
    for (struct step *s = j->steps; s < j->steps + j->n; s++) {
        if (s->verb != PLAN_LOCK_FILE)
            continue;
        int fd = sys_openat(AT_FDCWD, s->w[0].s, O_RDONLY | O_NOCTTY, 0);
        must(s, "openat", fd, "cannot open it");
        CALL3(s, fcntl, fd, F_SETLK, &lock, "cannot lock it");
        s->n[1] = (uint64_t)fd;
    }
}

/* Until nothing is left to reap. How the program ended is told at once. */
static _Noreturn void reap(const struct job *j, int program)
{
    int status, code = FAILED;
    bool forward = j->last[PLAN_SIGNALS];
    set_caps(0);
    for (unsigned fd = 0; fd < FIRST_FREE_FD; fd++) /* of these the caller's own stay as well */
        if (sys3(__NR_fcntl, fd, F_GETFD, 0) == FD_CLOEXEC && next_needed(j, fd) != fd)
            sys_close((int)fd);
    for (unsigned fd = FIRST_FREE_FD; fd;)
        fd = close_up_to(fd, next_needed(j, fd));
    ask_parents_death(j);
    install_filters(j);
    for (long pid = 0; pid >= 0 || pid == -EINTR;) {
        pid = sys4(__NR_wait4, -1, &status, forward ? WNOHANG : 0, NULL);
        if (pid == 0)
            forward = signals_wait(j, program);
        if (pid != program)
            continue;
        code = exit_code(status);
        sys3(__NR_write, j->status_fds[1], &code, sizeof code);
        sys0(__NR_sched_yield); /* who waits for that word need not wait for our end */
        if (!asks(j, LOOSE_OUTLIVE))
            break;
    }
    sys_exit(code);
}

static bool needs_reaper(const struct job *j)
{
    return !asks(j, LOOSE_NO_REAPER) &&
           (j->namespaces & CLONE_NEWPID || j->last[PLAN_LOCK_FILE] || j->last[PLAN_HOLD_FD]);
}

/* Waits until the monitor has written the maps or told who this is, and says who it is: its number
 * for the monitor is not known to a parent in between. */
static void meet_monitor(const struct job *j)
{
    char self[16] = "", go = 0;
    sys_close(j->go[1]);
    sys4(__NR_readlinkat, j->proc_fd, "self", self, sizeof self - 1);
    sys3(__NR_write, j->status_fds[1], self, sizeof self);
    sys3(__NR_read, j->go[0], &go, 1);
    if (!go)
        sys_exit(FAILED);
}

static void no_new_privileges(void)
{
    must(NULL, "prctl", sys_prctl(PR_SET_NO_NEW_PRIVS, 1), "prctl(PR_SET_NO_NEW_PRIVS) failed");
}

/* Who reads what is told there waits for its end, while this process may wait for the reader's
 * word. */
static void leave_reports(const struct job *j)
{
    for (const struct step *s = j->steps; s < j->steps + j->n; s++)
        if (s->verb == PLAN_INFO_FD)
            sys_close((int)s->n[0]);
}

static int child_main(void *job)
{
    struct job *j = job;
    leave_reports(j);
    if (j->go[0] >= 0)
        meet_monitor(j);
    if (j->last[PLAN_ID_MAP])
        no_new_privileges();
    if (!two_levels(j) && (!(j->shared & CLONE_NEWUSER) || find(j, PLAN_JOIN, 0, JOIN_USER)))
        caps_empty_bounding_set(job_value(j, PLAN_CAPS, 0));
    take_ids(j);
    map_ids(j);
    if (j->last[PLAN_TERMINAL]) /* which is the session's own */
        CALL0(j->last[PLAN_TERMINAL], setsid, "setsid");
    make_root(j);
    join(j, JOIN_USER2, CLONE_NEWUSER, "Setting userns2 failed");
    second_level(j);
    if (!asks(j, LOOSE_CAPS))
        set_caps(job_value(j, PLAN_CAPS, 0));
    wait_for(j, 1);
    sys1(__NR_umask, job_value(j, PLAN_UMASK, 022));
    sys1(__NR_chdir, "/");
    run_steps(j, IN_APP);
    if (j->last[PLAN_SESSION] && !j->last[PLAN_TERMINAL])
        CALL0(j->last[PLAN_SESSION], setsid, "setsid");
    write_label(j, 0, "self/attr/exec");
    if (j->last[PLAN_PARENT_DEATH])
        die_with_parent(j);
    if (!needs_reaper(j))
        start_program(j);
    lock_files(j);
    int program = spawn(program_main, app_stack + STACK_BYTES, 0, j);
    must(NULL, "fork", program, "Can't fork for pid 1");
    reap(j, program);
}

/* ---- the monitor ---- */

static void write_info(const struct job *j, const struct step *s, unsigned child)
{
    static const struct {
        const char *file, *name;
        unsigned long flag;
    } rows[] = {{"cgroup", "cgroup", CLONE_NEWCGROUP}, {"ipc", "ipc", CLONE_NEWIPC},
                {"mnt", "mnt", CLONE_NEWNS},           {"net", "net", CLONE_NEWNET},
                {"pid", "pid", CLONE_NEWPID},          {"uts", "uts", CLONE_NEWUTS}};
    bool once = s->n[1] == 0;
    struct line l = {0};
    format(&l, once ? "{\n    \"child-pid\": %u" : "{ \"child-pid\": %u", child);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stat st;
        struct line path = {0};
        format(&path, "%u/ns/%s", child, rows[i].file);
        path.text[path.n] = '\0';
        int fd = j->namespaces & rows[i].flag ? sys_openat(j->proc_fd, path.text, O_PATH, 0) : -1;
        if (fd < 0 || sys_fstat(fd, &st))
            continue;
        format(&l, once ? ",\n    \"%s-namespace\": %u" : ", \"%s-namespace\": %u", rows[i].name,
               (unsigned)st.st_ino);
        sys_close(fd);
    }
    format(&l, once ? "\n}\n" : " }\n");
    CALL3(s, write, s->n[0], l.text, l.n, "Write to info_fd");
    if (once)
        sys_close((int)s->n[0]);
}

/* How the program ended, by the reaper's word or as the child itself. */
static int wait_for_end(const struct job *j, int child)
{
    int code, status;
    long got = -EINTR;
    while (needs_reaper(j) && got == -EINTR)
        got = sys3(__NR_read, j->status_fds[0], &code, sizeof code);
    if (got == sizeof code)
        return code;
    while ((got = sys4(__NR_wait4, child, &status, __WALL, NULL)) == -EINTR)
        ;
    return got == child ? exit_code(status) : FAILED;
}

/* Nothing is held that is another's: the program has what it inherits. */
static _Noreturn void watch(const struct job *j, int child, const struct step *report)
{
    const int keep[] = {j->status_fds[0], j->started[0], report ? (int)report->n[0] : -1};
    char bytes[2];
    struct line l = {0};
    for (unsigned fd = FIRST_FREE_FD, next = ~0u; fd; fd = close_up_to(fd, next), next = ~0u)
        for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
            next = (unsigned)keep[i] >= fd && (unsigned)keep[i] < next ? (unsigned)keep[i] : next;
    if (j->last[PLAN_SIGNALS])
        signals_watch(j, child, needs_reaper(j) ? j->status_fds[0] : -1);
    int code = wait_for_end(j, child);
    if (report && sys3(__NR_read, j->started[0], bytes, sizeof bytes) == 1) {
        format(&l, "{ \"exit-code\": %u }\n", (unsigned)code);
        sys3(__NR_write, report->n[0], l.text, l.n);
    }
    sys_exit(code);
}

/* A namespace of processes below one that is joined: who makes it must be in that one first. The
 * child is still the monitor's, so that it can wait for it. */
static int child_below(void *job)
{
    struct job *j = job;
    int child = spawn_apart(child_main, j->namespaces | CLONE_PARENT, j);
    must(NULL, "clone", child, "cannot make the namespaces");
    sys_exit(0);
}

static void open_pipe(int *fds)
{
    CALL2(NULL, pipe2, fds, O_CLOEXEC, "cannot make a pipe");
}

/* Makes the child. Returns its number; for the monitor, that is. */
static unsigned make_child(struct job *j)
{
    bool below = find(j, PLAN_JOIN, 0, JOIN_PID) && j->namespaces & CLONE_NEWPID;
    bool alone = needs_reaper(j) || j->last[PLAN_JOIN];
    char self[16] = "";
    struct word number = {self, 0};
    uint64_t pid;
    int child = below   ? spawn_apart(child_below, 0, j)
                : alone ? spawn_apart(child_main, j->namespaces, j)
                        : spawn(child_main, init_stack + STACK_BYTES, j->namespaces, j);
    must(NULL, "clone", child, "cannot make the namespaces");
    sys_close(j->status_fds[1]);
    sys_close(j->started[1]);
    if (j->go[0] < 0)
        return (unsigned)child;
    sys_close(j->go[0]);
    if (sys3(__NR_read, j->status_fds[0], self, sizeof self) != sizeof self)
        sys_exit(FAILED);
    number.n = strlen(self);
    return below && read_number(&number, 10, INT32_MAX, &pid) ? (unsigned)pid : (unsigned)child;
}

static _Noreturn void run(struct job *j)
{
    const uint64_t chld = 1ull << (SIGCHLD - 1);
    const struct step *info = find(j, PLAN_INFO_FD, 1, 0), *report = find(j, PLAN_INFO_FD, 1, 1);
    signal_default(SIGCHLD); /* ignored, children would leave no status */
    CALL4(NULL, rt_sigprocmask, SIG_UNBLOCK, &chld, NULL, sizeof chld, "cannot unblock signals");
    sys1(__NR_umask, 0);
    if (!j->last[PLAN_ID_MAP]) /* whose program has some */
        no_new_privileges();
    if (j->last[PLAN_SIGNALS])
        signals_hold(j);
    open_pipe(j->status_fds);
    if (report)
        open_pipe(j->started);
    if (report || info || j->last[PLAN_ID_MAP] || find(j, PLAN_WAIT_FD, 1, 0) ||
        find(j, PLAN_JOIN, 0, JOIN_PID) || find(j, PLAN_JOIN, 0, JOIN_USER2))
        open_pipe(j->go);
    join(j, JOIN_USER, CLONE_NEWUSER, "Joining specified user namespace failed");
    join(j, JOIN_NET, CLONE_NEWNET, "Joining the network namespace failed");
    join(j, JOIN_PID, CLONE_NEWPID, "Setting pidns failed");
    unsigned child = make_child(j);
    if (j->last[PLAN_ID_MAP]) {
        maps_write(j, child);
        no_new_privileges();
    }
    if (info)
        write_info(j, info, child);
    if (report)
        write_info(j, report, child);
    join(j, JOIN_USER2, CLONE_NEWUSER, "Setting userns2 failed");
    set_caps(0);
    ask_parents_death(j);
    wait_for(j, 0);
    tell(j->go[1]);
    watch(j, (int)child, report);
}

void compat_run(char *text, size_t size, void *space, bool prefixed, bool explained)
{
    struct job j;
    struct fault f;
    compat_say_how(prefixed, explained);
    if (job_read(&j, text, size, space, &f))
        die(&f.step, NULL, 0, f.word ? "%w must be %s%s" : "%w%s%s", f.word, f.text, f.list);
    claim_fds(&j);
    do /* what stands for 0, 1 or 2 if they are closed goes when the program starts */
        j.proc_fd =
            (int)must(NULL, "openat", sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0),
                      "Can't open /proc");
    while (j.proc_fd < FIRST_FREE_FD);
    j.caller_uid = (uint32_t)sys0(__NR_geteuid);
    j.caller_gid = (uint32_t)sys0(__NR_getegid);
    j.go[0] = j.go[1] = j.started[0] = j.started[1] = -1;
    load_filters(&j);
    run(&j);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The place of a running app in the registry, and the supervisor that keeps it. */
#include "run/instance.h"

#include "seccomp/seccomp.h"
#include "util/file.h"
#include "util/libc.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const struct place nowhere;

/* The supervisor's words, and the descriptors among them that it inherits. */
struct handover {
    struct arena *arena;
    char **argv;
    size_t argc, cap_argv;
    int *fds;
    size_t n_fds, cap_fds;
};

static void add_word(struct handover *h, const char *word)
{
    h->argv = arena_grow(h->arena, h->argv, h->argc, &h->cap_argv, sizeof *h->argv);
    h->argv[h->argc++] = word ? arena_strdup(h->arena, word) : NULL;
}

/* The descriptor becomes the handover's; -1 stands for none. */
static void add_fd(struct handover *h, int fd)
{
    if (fd < 0) {
        add_word(h, "-");
        return;
    }
    add_word(h, arena_printf(h->arena, "%d", fd));
    h->fds = arena_grow(h->arena, h->fds, h->n_fds, &h->cap_fds, sizeof *h->fds);
    h->fds[h->n_fds++] = fd;
}

/* What nobody is told of: it is only to stay open. */
static void hold_fd(struct handover *h, int fd)
{
    h->fds = arena_grow(h->arena, h->fds, h->n_fds, &h->cap_fds, sizeof *h->fds);
    h->fds[h->n_fds++] = fd;
}

static void close_all(struct handover *h)
{
    for (size_t i = 0; i < h->n_fds; i++)
        close(h->fds[i]);
    h->n_fds = 0;
}

static int fail(struct diags *d, const char *what, const char *about, int error)
{
    diag_add(d, DIAG_ERROR, nowhere, run_hint(error), "%s %s: %s", what, about, strerror(error));
    return -1;
}

/* Of the registry itself, which own_folder has refused. */
static int fail_registry(struct diags *d, const char *path, int error)
{
    bool in_the_way = error == ENOTDIR || error == ELOOP, shared = error == EPERM;
    diag_add(d, DIAG_ERROR, nowhere,
             in_the_way ? "it must be a folder of yours: move away what is there"
             : shared   ? "others may write to it, or it is not yours: chmod go-w, or move it away"
                        : NULL,
             "cannot use %s for the registry of running apps: %s", path,
             shared ? "it is not yours alone" : strerror(error));
    return -1;
}

/* ---- the folder ---- */

/* Opens a folder of ours, which is made when it is not there. Nobody else may write to it. */
static int own_folder(int at, const char *name, bool is_new)
{
    struct stat st;
    if (mkdirat(at, name, 0700) < 0 && (is_new || errno != EEXIST))
        return -errno;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        int error = errno;
        if (is_new)
            unlinkat(at, name, AT_REMOVEDIR);
        return -error;
    }
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & 022))
        return fd;
    close(fd);
    return -EPERM;
}

/* The file whose lock says that the instance is alive: other programs ask for it by fcntl(2). The
 * lock belongs to the open file, so that the supervisor inherits it. */
static int locked_file(int folder)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    int fd = openat(folder, ".ref", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    return -error;
}

static int write_file(int folder, const char *name, const char *text)
{
    cleanup_fd int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
}

/* A socket in the folder, whose path may be longer than an address can hold. */
static int listening_socket(int folder, const char *name, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int n =
        snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    cleanup_fd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    umask(mask);
    return bound && listen(fd, 128) == 0 ? steal_fd(&fd) : -errno;
}

/*
 * A descriptor that can be read once something was written in the folder, or put there. The folder
 * is made when it is missing: who writes there would make it, too late for us.
 */
static int watch_folder(struct arena *a, const char *path)
{
    cleanup_fd int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char *made = arena_strdup(a, path);
    for (char *p = strchr(made + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(made, 0700);
        *p = '/';
    }
    mkdir(made, 0700);
    if (fd < 0 || inotify_add_watch(fd, path, IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR) < 0)
        return -errno;
    return steal_fd(&fd);
}

static void remove_folder(int registry, const char *id, int folder, const struct plan *p)
{
    static const char *const names[] = {".ref", "info", "pid", "control"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        unlinkat(folder, names[i], 0);
    for (size_t i = 0; i < p->n_services; i++)
        if (p->services[i].socket)
            unlinkat(folder, p->services[i].name, 0);
    unlinkat(registry, id, AT_REMOVEDIR);
}

/* ---- what the supervisor is handed ---- */

static int service_filter(const struct plan *p)
{
    const struct seccomp_filter *f = NULL;
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].verb == PLAN_SECCOMP)
            f = seccomp_filter_named(step_arg(&p->v[i], 1));
    return f ? sealed_file("carrel-filter", f->program, f->size) : -EINVAL;
}

static bool hand_over_service(struct handover *h, int folder, const struct plan_service *s,
                              struct diags *d)
{
    struct buf text = {.arena = h->arena};
    int listener = s->socket ? listening_socket(folder, s->name, SOCK_STREAM)
                             : watch_folder(h->arena, s->watch);
    if (listener < 0 && !s->socket) /* what it does is made up for by the next start */
        return true;
    plan_write(s->plan, &text);
    const int fds[] = {
        listener,
        sealed_file("carrel-plan", text.data, text.len),
        service_filter(s->plan),
        s->data ? sealed_file("carrel-data", s->data, s->size) : -1,
    };
    add_word(h, s->name);
    add_word(h, s->at_once ? "at-once" : "-");
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        bool wanted = i < 3 || s->data;
        add_fd(h, fds[i]);
        if (wanted && fds[i] < 0) {
            fail(d, "cannot prepare the helper", s->name, -fds[i]);
            return false;
        }
    }
    return true;
}

/* The child shares the memory until it executes, so that a fault of that is known here. */
static int start(const struct handover *h, const char *program)
{
    volatile int error = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        static char *none[] = {NULL};
        bool ready = sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0;
        for (size_t i = 0; i < h->n_fds; i++)
            ready &= fcntl(h->fds[i], F_SETFD, 0) == 0;
        if (ready)
            execve(program, h->argv, none);
        error = errno;
        _exit(125);
    }
    return pid < 0 ? -errno : -error;
}

/* The core's end of the line to the supervisor goes where the plan says; returns the other one, -1
 * when the plan has none, or an error below that. */
static int report_line(const struct plan *p)
{
    const struct plan_step *s = NULL;
    int ends[2], on = 1;
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].verb == PLAN_STATUS_FD && p->v[i].argc > 1)
            s = &p->v[i];
    if (!s)
        return -1;
    if (fd_of(s) < 0)
        return -EBADF;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    cleanup_fd int ours = ends[0], theirs = ends[1];
    bool ready = setsockopt(ours, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0;
    if (ours == fd_of(s)) /* it is where the other one must be */
        ours = fcntl(ours, F_DUPFD_CLOEXEC, ours + 1);
    ready &= ours >= 0;
    if (theirs == fd_of(s))
        theirs = -1;
    else
        ready &= dup3(theirs, fd_of(s), O_CLOEXEC) >= 0;
    /* a number beyond the limit of open files is no descriptor */
    return ready ? steal_fd(&ours) : -EMFILE;
}

/* Fills the folder and starts the supervisor. Each descriptor becomes the handover's at once. */
static int fill(struct handover *h, int folder, int report, const struct plan *p,
                const char *supervisor, int app_plan, struct diags *d)
{
    char *pid = arena_printf(h->arena, "%d", (int)getpid());
    int lock = locked_file(folder);
    add_fd(h, lock);
    int r = lock < 0 ? lock : write_file(folder, "pid", pid);
    if (r == 0 && p->info)
        r = write_file(folder, "info", p->info);
    if (r < 0)
        return fail(d, "cannot enter the app into", "the registry of running apps", -r);
    int parent = sys_pidfd_open(getpid());
    add_fd(h, parent);
    add_fd(h, report);
    int control = listening_socket(folder, "control", SOCK_SEQPACKET);
    add_fd(h, control);
    if (parent < 0 || control < 0)
        return fail(d, "cannot prepare", "the supervisor", control < 0 ? -control : errno);
    int copy = fcntl(app_plan, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        return fail(d, "cannot prepare", "the supervisor", errno);
    add_fd(h, copy);
    for (size_t i = 0; i < p->n_services; i++)
        if (!hand_over_service(h, folder, &p->services[i], d))
            return -1;
    add_word(h, NULL);
    r = start(h, supervisor);
    return r < 0 ? fail(d, "cannot start", supervisor, -r) : 0;
}

static int begin(const struct plan *p, const struct run_instance *in, const char *libexec,
                 int app_plan, struct diags *d)
{
    struct handover h = {.arena = p->arena};
    /* It was opened without knowing which numbers the plan names. */
    int held = in->held;
    while (held > 0 && plan_uses_fd(p, held))
        held = fcntl(in->held, F_DUPFD_CLOEXEC, held + 1);
    if (held > 0)
        hold_fd(&h, held);
    int report = report_line(p); /* first: its number must not be taken */
    if (report < -1)
        return fail(d, "cannot prepare", "the supervisor", -report);
    const char *where = arena_printf(p->arena, "%s/" INSTANCE_REGISTRY, in->runtime_dir);
    cleanup_fd int registry = own_folder(AT_FDCWD, where, false);
    if (registry < 0)
        return fail_registry(d, where, -registry);
    int folder = own_folder(registry, in->id, true);
    if (folder < 0)
        return fail(d, "cannot make a folder in", where, -folder);
    add_word(&h, "carrel-supervisor");
    add_word(&h, arena_printf(p->arena, "%s/carrel-core", libexec));
    add_word(&h, in->id);
    add_fd(&h, folder);
    int r = fill(&h, folder, report, p, arena_printf(p->arena, "%s/carrel-supervisor", libexec),
                 app_plan, d);
    if (r < 0)
        remove_folder(registry, in->id, folder, p);
    close_all(&h);
    return r;
}

int run_lock_registry(const char *runtime_dir, int least)
{
    enum { TRIES = 500, NANOSECONDS = 10000000 };
    const struct timespec pause = {0, NANOSECONDS};
    char path[PATH_MAX];
    mode_t mask = umask(077);
    int r, n = snprintf(path, sizeof path, "%s/" INSTANCE_REGISTRY, runtime_dir);
    cleanup_fd int fd = n < (int)sizeof path ? own_folder(AT_FDCWD, path, false) : -ENAMETOOLONG;
    umask(mask);
    if (fd < 0)
        return fd;
    for (int i = 0; (r = flock(fd, LOCK_EX | LOCK_NB)) < 0 && errno == EWOULDBLOCK && i < TRIES;
         i++)
        nanosleep(&pause, NULL);
    r = r < 0 ? r : fcntl(fd, F_DUPFD_CLOEXEC, least); /* the lock is that of both */
    return r < 0 ? -errno : r;
}

int instance_begin(const struct plan *p, const struct run_instance *in, const char *libexec,
                   int app_plan, struct diags *d)
{
    mode_t mask = umask(077); /* the caller's may forbid us our own folder */
    int r = begin(p, in, libexec, app_plan, d);
    umask(mask);
    return r;
}

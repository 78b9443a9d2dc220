/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the person's other commands ask for, on the socket `control` in the instance's folder. One
 * message, one answer, then the connection ends. A message is words, a NUL behind each; the
 * first says what to do:
 *
 *     kill SIGNAL                    to the process that the person has started
 *     join                           the answer brings the namespaces, the plan and the app's
 *                                    pidfd
 *     grant ro|rw SECONDS PATH       with a descriptor of it; 0 seconds: until the app ends
 *     revoke PATH
 *     grants
 *     allow BUS see|talk|own SECONDS NAME    BUS is session, system or accessibility
 *     forbid BUS see|talk|own NAME           takes back what was allowed
 *     names
 *     group                          with a descriptor of the control group that is the app's
 *     share                          another run of the app uses our X server: for as long as this
 *                                    connection is open, which it stays; the answer brings the plan
 *                                    and the user and IPC namespaces that app and server share
 *     line SERVICE                   with one end of a line, for a service that runs
 *
 * The answer is "ok", or "error", then words: a text and an errno; for join the ids of the app and
 * of pid 1; for grants "ro|rw SECONDS PATH" each, for names "BUS LEVEL SECONDS NAME"; for revoke
 * the id of the mount.
 */
#include "supervise/supervise.h"
#include "util/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* One word more than any request has: too many are seen, not passed over. */
enum { MAX_WORDS = 6, MAX_ANSWER = 64 << 10, MAX_FDS = NS_COUNT + 2 };
_Static_assert(MAX_FDS <= (int)PASS_MOST, "they go in one message");

struct request {
    char text[PATH_MAX + 64];
    const char *words[MAX_WORDS];
    int n_words;
    int fd; /* that came along, or -1 */
};

struct reply {
    char text[MAX_ANSWER];
    size_t n;
    int fds[MAX_FDS], n_fds;
    int n_own;  /* so many of the last are closed when they are sent */
    bool stays; /* the connection is a guest's */
};

static void say(struct reply *r, const char *word)
{
    size_t n = strlen(word) + 1;
    if (r->n + n <= sizeof r->text) {
        memcpy(r->text + r->n, word, n);
        r->n += n;
    }
}

static void say_number(struct reply *r, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%ju", (uintmax_t)n);
    say(r, text);
}

static void say_fault(struct reply *r, const char *what, int error)
{
    r->n = 0;
    say(r, "error");
    say(r, what);
    say_number(r, (uint64_t)error);
}

static void say_outcome(struct reply *r, struct outcome o)
{
    if (o.failed)
        say_fault(r, o.failed, o.error);
    else
        say(r, "ok");
}

/* 0 to max, digits only. */
static bool number(const char *text, long max, long *out)
{
    char *end;
    errno = 0;
    *out = strtol(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *out <= max;
}

/* ---- what can be asked ---- */

static void do_kill(struct supervisor *s, const struct request *q, struct reply *r)
{
    long sig;
    if (!number(q->words[1], 64, &sig))
        say_fault(r, "no signal", EINVAL);
    else if (syscall(SYS_pidfd_send_signal, s->parent, (int)sig, NULL, 0) < 0)
        say_fault(r, "cannot send it", errno);
    else
        say(r, "ok");
}

static void do_join(struct supervisor *s, const struct request *q, struct reply *r)
{
    (void)q;
    if (!s->app) {
        say_fault(r, "the app has not started yet", EAGAIN);
        return;
    }
    say(r, "ok");
    say_number(r, (uint64_t)s->app);
    say_number(r, (uint64_t)s->init);
    for (int i = 0; i < NS_COUNT; i++)
        r->fds[r->n_fds++] = s->ns[i];
    r->fds[r->n_fds++] = s->plan;
    r->fds[r->n_fds++] = s->app_fd;
}

/* Absolute, no empty, "." or ".." part: what the walk inside relies on. */
static bool clean(const char *path)
{
    for (const char *p = path; *p; p += strcspn(p, "/")) {
        if (*p++ != '/')
            return false;
        size_t n = strcspn(p, "/");
        if (n == 0 || n > NAME_MAX || (n == 1 && p[0] == '.') ||
            (n == 2 && p[0] == '.' && p[1] == '.'))
            return false;
    }
    return *path && strlen(path) < PATH_MAX;
}

/* All that is granted must go into one answer, or some of it could not be listed nor taken back. */
static bool can_be_listed(const struct supervisor *s, const char *path)
{
    enum { BESIDE_PATH = 32 };
    size_t n = strlen(path) + (size_t)2 * BESIDE_PATH;
    for (int i = 0; i < s->n_grants; i++)
        if (*s->grants[i].path && strcmp(s->grants[i].path, path) != 0)
            n += strlen(s->grants[i].path) + BESIDE_PATH;
    return n <= MAX_ANSWER;
}

static void do_grant(struct supervisor *s, const struct request *q, struct reply *r)
{
    long seconds;
    bool rw = strcmp(q->words[1], "rw") == 0;
    if (q->fd < 0 || (!rw && strcmp(q->words[1], "ro") != 0) ||
        !number(q->words[2], 10L * 365 * 86400, &seconds) || !clean(q->words[3])) {
        say_fault(r, "no such grant", EINVAL);
        return;
    }
    if (!can_be_listed(s, q->words[3])) {
        say_fault(r, "too many grants with long paths", ENOSPC);
        return;
    }
    say_outcome(r, grant_add(s, q->words[3], q->fd, rw, seconds));
}

static void do_revoke(struct supervisor *s, const struct request *q, struct reply *r)
{
    for (int i = 0; i < s->n_grants; i++) {
        struct grant *g = &s->grants[i];
        uint64_t mount = g->mount;
        if (!*q->words[1] || strcmp(g->path, q->words[1]) != 0)
            continue;
        struct outcome o = grant_end(s, g);
        if (o.failed) {
            say_fault(r, o.failed, o.error);
            return;
        }
        say(r, "ok");
        say_number(r, mount);
        return;
    }
    say_fault(r, "it was not granted", ENOENT);
}

static void do_grants(struct supervisor *s, const struct request *q, struct reply *r)
{
    struct timespec t;
    (void)q;
    clock_gettime(CLOCK_BOOTTIME, &t);
    say(r, "ok");
    for (int i = 0; i < s->n_grants; i++) {
        const struct grant *g = &s->grants[i];
        if (!*g->path)
            continue;
        say(r, g->rw ? "rw" : "ro");
        say_number(r, g->ends > t.tv_sec ? (uint64_t)(g->ends - t.tv_sec) : 0);
        say(r, g->path);
    }
}

static void do_allow(struct supervisor *s, const struct request *q, struct reply *r)
{
    long seconds;
    if (number(q->words[3], 10L * 365 * 86400, &seconds))
        say_outcome(r, name_add(s, q->words[1], q->words[2], q->words[4], seconds));
    else
        say_fault(r, "no such grant", EINVAL);
}

static void do_forbid(struct supervisor *s, const struct request *q, struct reply *r)
{
    say_outcome(r, name_end(s, q->words[1], q->words[2], q->words[3]));
}

static void do_names(struct supervisor *s, const struct request *q, struct reply *r)
{
    struct timespec t;
    (void)q;
    clock_gettime(CLOCK_BOOTTIME, &t);
    say(r, "ok");
    for (int i = 0; i < s->n_names; i++) {
        const struct named *d = &s->names[i];
        say(r, d->bus);
        say(r, d->level);
        say_number(r, d->ends > t.tv_sec ? (uint64_t)(d->ends - t.tv_sec) : 0);
        say(r, d->name);
    }
}

/* A folder of another kind is none of ours to remove. */
static void do_group(struct supervisor *s, const struct request *q, struct reply *r)
{
    struct statfs fs;
    if (q->fd < 0 || fstatfs(q->fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC) {
        say_fault(r, "no control group", EINVAL);
        return;
    }
    int fd = fcntl(q->fd, F_DUPFD_CLOEXEC, 3);
    if (s->group >= 0)
        close(s->group);
    s->group = fd;
    say(r, "ok");
}

static void do_share(struct supervisor *s, const struct request *q, struct reply *r)
{
    (void)q;
    int user = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    int ipc = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
    bool there = services_shareable(s);
    if (!there || s->n_guests == MAX_GUESTS || user < 0 || ipc < 0) {
        say_fault(r, "it has no X server to share", there ? EMFILE : ENOENT);
        if (user >= 0)
            close(user);
        if (ipc >= 0)
            close(ipc);
        return;
    }
    say(r, "ok");
    r->fds[r->n_fds++] = s->plan;
    r->fds[r->n_fds++] = user;
    r->fds[r->n_fds++] = ipc;
    r->n_own = 2;
    r->stays = true;
}

/* What is said on it is between the service and who has asked. */
static void do_line(struct supervisor *s, const struct request *q, struct reply *r)
{
    for (int i = 0; i < s->n_services; i++) {
        const struct service *to = &s->services[i];
        if (q->fd < 0 || strcmp(to->name, q->words[1]) != 0 || to->control < 0)
            continue;
        ssize_t n = pass_send(to->control, "line", strlen("line"), &q->fd, 1, MSG_DONTWAIT);
        if (n < 0)
            say_fault(r, "the service does not listen", (int)-n);
        else
            say(r, "ok");
        return;
    }
    say_fault(r, "no such service runs", ENOENT);
}

static const struct {
    const char *word;
    int words;
    void (*run)(struct supervisor *, const struct request *, struct reply *);
} table[] = {
    {"kill", 2, do_kill},     {"join", 1, do_join},     {"grant", 4, do_grant},
    {"revoke", 2, do_revoke}, {"grants", 1, do_grants}, {"group", 1, do_group},
    {"allow", 5, do_allow},   {"forbid", 4, do_forbid}, {"names", 1, do_names},
    {"share", 1, do_share},   {"line", 2, do_line},
};

/* ---- messages ---- */

static void answer(struct supervisor *s, const struct request *q, struct reply *r)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (q->n_words == table[i].words && strcmp(q->words[0], table[i].word) == 0) {
            if (s->over && table[i].run != do_share)
                say_fault(r, "it has ended", ESRCH);
            else
                table[i].run(s, q, r);
            return;
        }
    say_fault(r, "unknown request", EINVAL);
}

static void split(struct request *q, size_t n)
{
    for (size_t i = 0; i < n && q->n_words < MAX_WORDS; i += strlen(q->text + i) + 1)
        q->words[q->n_words++] = q->text + i;
}

static bool receive(int fd, struct request *q)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec v = {q->text, sizeof q->text - 1};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    /* One at most is of use; whoever sends more is not understood. */
    bool few = n >= 0 && pass_take_one(&m, &q->fd) <= 1;
    if (n > 0 && few)
        split(q, (size_t)n);
    return n > 0 && !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
}

static bool send_reply(int fd, struct reply *r)
{
    bool sent = pass_send(fd, r->text, r->n, r->fds, (size_t)r->n_fds, MSG_DONTWAIT) >= 0;
    for (int i = 0; i < r->n_own; i++)
        close(r->fds[--r->n_fds]);
    return sent;
}

/* The folder keeps others out; this also holds if somebody opens it. */
static bool is_ours(int fd)
{
    struct ucred who;
    socklen_t n = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && who.uid == geteuid();
}

void request_answer(struct supervisor *s)
{
    static struct reply r;
    static struct request q;
    const struct timeval patience = {1, 0};
    int fd = accept4(s->control, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    q = (struct request){.fd = -1};
    r.n = 0;
    r.n_fds = r.n_own = 0;
    r.stays = false;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (is_ours(fd) && receive(fd, &q)) {
        answer(s, &q, &r);
        if (send_reply(fd, &r) && r.stays) {
            s->guests[s->n_guests++] = fd;
            fd = -1;
        }
    }
    if (q.fd >= 0)
        close(q.fd);
    if (fd >= 0)
        close(fd);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The relay with a toy protocol, in a process of its own, between a client and a server that this
 * test plays. A message is OP FDS SIZE(4, little endian) and SIZE bytes.
 *   p passes, d is dropped, r is dropped and answered, x is replaced, h waits for the control
 *   descriptor, c cuts; w passes, but only when all of it is there.
 */
#include "filter/confine.h"
#include "filter/relay.h"
#include "t.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 6, MOST = 100000, WAIT_MS = 30000 };

/* ---- the toy protocol ---- */

struct toy {
    struct relay_conn *conn;
    bool go;
};

static void *toy_opened(void *program, struct relay_conn *c)
{
    (void)program;
    struct toy *t = calloc(1, sizeof *t);
    if (t)
        t->conn = c;
    return t;
}

static struct relay_verdict toy_judge(void *state, enum relay_side from, uint8_t *b, size_t n,
                                      unsigned fds)
{
    struct toy *t = state;
    if (n < HEAD)
        return (struct relay_verdict){.what = RELAY_MORE, .size = HEAD};
    size_t size =
        HEAD + ((size_t)b[2] | (size_t)b[3] << 8 | (size_t)b[4] << 16 | (size_t)b[5] << 24);
    struct relay_verdict pass = {.what = RELAY_PASS, .size = size, .fds = b[1]};
    struct relay_verdict drop = {.what = RELAY_DROP, .size = size, .fds = b[1]};
    if (b[1] > fds)
        return (struct relay_verdict){.what = RELAY_CUT, .why = "missing descriptors"};
    switch (b[0]) {
    case 'p':
        return pass;
    case 'd':
        return drop;
    case 'r':
        relay_put(t->conn, from, "r\0\1\0\0\0!", 7);
        return drop;
    case 'x':
        relay_put(t->conn, !from, "x\0\1\0\0\0?", 7);
        return drop;
    case 'h':
        return t->go ? pass : (struct relay_verdict){.what = RELAY_HOLD};
    case 'w':
        return n < size ? (struct relay_verdict){.what = RELAY_MORE, .size = size} : pass;
    default:
        return (struct relay_verdict){.what = RELAY_CUT, .why = "as told"};
    }
}

static void toy_closed(void *state)
{
    free(state);
}

static void toy_go(void *state, void *arg)
{
    struct toy *t = state;
    (void)arg;
    t->go = true;
    relay_resume(t->conn, RELAY_CLIENT);
    relay_resume(t->conn, RELAY_SERVER);
}

static bool toy_control(void *program, struct relay *r, int fd)
{
    char what;
    struct relay_counts counts;
    (void)program;
    if (recv(fd, &what, 1, MSG_DONTWAIT) != 1)
        return false;
    if (what == 'g')
        relay_each(r, toy_go, NULL);
    relay_count(r, &counts);
    return send(fd, &counts, sizeof counts, 0) > 0;
}

static const struct relay_protocol toy = {.most = MOST,
                                          .strict_fds = true,
                                          .opened = toy_opened,
                                          .judge = toy_judge,
                                          .closed = toy_closed,
                                          .control = toy_control};

/* ---- the world around it ---- */

struct world {
    char folder[32], path[48], server_path[48];
    int listening, server_listening, control;
    int client, server; /* one connection */
    pid_t relay;
};

static int listen_at(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 64) < 0)
        abort();
    return fd;
}

static int connect_to(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        abort();
    return fd;
}

static void join(struct world *w)
{
    w->client = connect_to(w->path);
    w->server = accept4(w->server_listening, NULL, NULL, SOCK_CLOEXEC);
}

static void begin(struct world *w, struct relay_limits limits)
{
    int pair[2];
    *w = (struct world){.client = -1};
    snprintf(w->folder, sizeof w->folder, "/tmp/carrel-relay.XXXXXX");
    if (!mkdtemp(w->folder) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        abort();
    snprintf(w->path, sizeof w->path, "%s/l", w->folder);
    snprintf(w->server_path, sizeof w->server_path, "%s/s", w->folder);
    w->listening = listen_at(w->path);
    w->server_listening = listen_at(w->server_path);
    w->control = pair[0];
    w->relay = fork();
    if (w->relay == 0) {
        struct relay_setup s = {
            .listening = w->listening, .control = pair[1], .protocol = &toy, .limits = limits};
        const char *what;
        int landlock;
        close(w->server_listening);
        close(pair[0]);
        relay_server(&s, w->server_path);
        _exit(confine(&s, &landlock, &what) < 0 ? 99 : relay_run(&s) < 0 ? 98 : 0);
    }
    close(pair[1]);
    close(w->listening);
    join(w);
}

/* Returns the exit status. */
static int end(struct world *w)
{
    int status = -1;
    close(w->control);
    waitpid(w->relay, &status, 0);
    close(w->client);
    close(w->server);
    close(w->server_listening);
    unlink(w->path);
    unlink(w->server_path);
    rmdir(w->folder);
    return status;
}

static struct relay_counts ask(struct world *w, char what)
{
    struct relay_counts c = {0};
    if (send(w->control, &what, 1, 0) != 1 || recv(w->control, &c, sizeof c, 0) != sizeof c)
        printf("# the relay is gone\n");
    return c;
}

static bool readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

/* Whether exactly these bytes come next. */
static bool comes(int fd, const void *bytes, size_t n)
{
    char got[512];
    size_t have = 0;
    while (have < n && readable(fd, WAIT_MS)) {
        ssize_t r = recv(fd, got + have, n - have, 0);
        if (r <= 0)
            break;
        have += (size_t)r;
    }
    return have == n && memcmp(got, bytes, n) == 0;
}

static bool ends(int fd)
{
    char c;
    return readable(fd, WAIT_MS) && recv(fd, &c, 1, 0) <= 0;
}

static size_t message(char *to, char op, int fds, const char *body)
{
    size_t n = strlen(body);
    memcpy(to, (char[]){op, (char)fds, (char)n, 0, 0, 0}, HEAD);
    memcpy(to + HEAD, body, n);
    return HEAD + n;
}

static void say(int fd, char op, const char *body)
{
    char b[300];
    size_t n = message(b, op, 0, body);
    CHECK_INT(send(fd, b, n, 0), n);
}

static bool heard(int fd, char op, const char *body)
{
    char b[300];
    return comes(fd, b, message(b, op, 0, body));
}

/* n descriptors with one message. */
static bool send_fds(int fd, const char *bytes, size_t size, const int *fds, int n)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 253)];
    } control = {0};
    struct iovec iov = {(char *)(uintptr_t)bytes, size};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n)};
    struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
    cm->cmsg_level = SOL_SOCKET;
    cm->cmsg_type = SCM_RIGHTS;
    cm->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n);
    memcpy(CMSG_DATA(cm), fds, sizeof(int) * (size_t)n);
    return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)size;
}

/* Reads at most size bytes; returns how many, and how many descriptors came with them; the first
 * is kept in *one. */
static ssize_t take_fds(int fd, char *bytes, size_t size, int *n, int *one)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 253)];
    } control = {0};
    struct iovec iov = {bytes, size};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    *n = 0;
    if (!readable(fd, WAIT_MS))
        return -1;
    ssize_t got = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    for (struct cmsghdr *cm = CMSG_FIRSTHDR(&m); cm; cm = CMSG_NXTHDR(&m, cm)) {
        int fds[253];
        *n = (int)((cm->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(cm), sizeof(int) * (size_t)*n);
        for (int i = 1; i < *n; i++)
            close(fds[i]);
        *one = fds[0];
    }
    return got;
}

/* ---- tests ---- */

static void verdicts(void)
{
    struct world w;
    begin(&w, relay_usual_limits);
    say(w.client, 'p', "one");
    say(w.client, 'd', "gone");
    say(w.client, 'x', "swapped");
    say(w.client, 'r', "asked");
    say(w.client, 'p', "two");
    CHECK(heard(w.server, 'p', "one"));
    CHECK(heard(w.server, 'x', "?"));
    CHECK(heard(w.server, 'p', "two"));
    CHECK(heard(w.client, 'r', "!"));
    say(w.server, 'x', "back");
    CHECK(heard(w.client, 'x', "?"));
    say(w.client, 'h', "held");
    say(w.client, 'p', "behind");
    CHECK(!readable(w.server, 200));
    ask(&w, 'g');
    CHECK(heard(w.server, 'h', "held"));
    CHECK(heard(w.server, 'p', "behind"));
    say(w.client, 'p', "last");
    say(w.client, 'c', "");
    CHECK(heard(w.server, 'p', "last") || ends(w.server));
    CHECK(ends(w.client));
    CHECK_INT(end(&w), 0);
}

static void every_split_point(void)
{
    char all[300];
    size_t n = message(all, 'p', 0, "abc");
    n += message(all + n, 'd', 0, "dropped");
    n += message(all + n, 'w', 0, "whole");
    n += message(all + n, 'x', 0, "");
    n += message(all + n, 'p', 0, "");
    struct world w;
    begin(&w, relay_usual_limits);
    for (size_t i = 1; i < n; i++) {
        CHECK(send(w.client, all, i, 0) == (ssize_t)i);
        ask(&w, '?'); /* it has had its turn */
        CHECK(send(w.client, all + i, n - i, 0) == (ssize_t)(n - i));
        CHECK(heard(w.server, 'p', "abc") && heard(w.server, 'w', "whole") &&
              heard(w.server, 'x', "?") && heard(w.server, 'p', ""));
    }
    for (size_t i = 0; i < n; i++) {
        CHECK(send(w.client, all + i, 1, 0) == 1);
        ask(&w, '?');
    }
    CHECK(heard(w.server, 'p', "abc") && heard(w.server, 'w', "whole") &&
          heard(w.server, 'x', "?"));
    CHECK_INT(end(&w), 0);
}

/* Each descriptor goes with the first byte of its own message, even when several come at once. */
static void descriptors(void)
{
    struct world w;
    char b[300], got[300];
    int fds[3] = {0, 1, 2}, n = 0, one = -1;
    struct stat want, is;
    begin(&w, relay_usual_limits);
    fds[0] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    size_t size = message(b, 'p', 0, "none");
    size += message(b + size, 'd', 2, "dropped");
    size += message(b + size, 'p', 1, "one");
    size += message(b + size, 'p', 0, "none again");
    int order[3] = {1, 2, fds[0]};
    CHECK(send_fds(w.client, b, size, order, 3));
    CHECK(heard(w.server, 'p', "none"));
    ssize_t len = take_fds(w.server, got, sizeof got, &n, &one);
    CHECK(len >= HEAD + 3 && memcmp(got, "p\1\3\0\0\0one", HEAD + 3) == 0);
    CHECK_INT(n, 1);
    CHECK(fstat(fds[0], &want) == 0 && fstat(one, &is) == 0 && want.st_rdev == is.st_rdev);
    close(one);
    CHECK_INT(ask(&w, '?').fds, 0);
    /* one that no message claims ends the connection */
    size = message(b, 'p', 0, "none");
    CHECK(send_fds(w.client, b, size, fds, 1));
    CHECK(ends(w.client));
    CHECK_INT(ask(&w, '?').fds, 0);
    close(fds[0]);
    CHECK_INT(end(&w), 0);
}

/* Descriptors with bytes of a message that never becomes whole. */
static void descriptor_flood(void)
{
    struct world w;
    int fds[253], sent = 0;
    for (int i = 0; i < 253; i++)
        fds[i] = 0;
    begin(&w, relay_usual_limits);
    char head[HEAD] = {'w', 0, 0x00, 0x01, 0, 0};
    bool good = send_fds(w.client, head, HEAD, fds, 253);
    while (good && sent < 100) {
        good = send_fds(w.client, "x", 1, fds, 253);
        sent++;
        CHECK(ask(&w, '?').fds <= 506);
        if (ask(&w, '?').connections == 0)
            break;
    }
    /* cut, or no longer read: what it has never grows */
    CHECK(ask(&w, '?').fds <= 506);
    CHECK_INT(end(&w), 0);
}

static void *stuff(size_t n)
{
    char *v = malloc(n);
    for (size_t i = 0; v && i < n; i++)
        v[i] = (char)(i * 7 + i / 251);
    return v;
}

/* A server that does not read stops the client, at little memory; nothing is lost. */
static void clogged(void)
{
    struct world w;
    begin(&w, relay_usual_limits);
    size_t size = 8u << 20, sent = 0, got = 0;
    char head[HEAD] = {'p', 0, 0, 0, (char)(size >> 16), 0}, *body = stuff(size),
         *back = malloc(size);
    CHECK(send(w.client, head, HEAD, 0) == HEAD);
    fcntl(w.client, F_SETFL, O_NONBLOCK);
    int idle = 0;
    while (sent < size && idle < 5) {
        ssize_t n = send(w.client, body + sent, size - sent, 0);
        if (n > 0)
            sent += (size_t)n;
        else
            ask(&w, '?'), idle++;
    }
    CHECK(sent < size);
    CHECK(ask(&w, '?').memory <= 128 << 10);
    CHECK(comes(w.server, head, HEAD));
    while (got < size && back && body) {
        ssize_t n = sent < size ? send(w.client, body + sent, size - sent, 0) : 0;
        if (n > 0)
            sent += (size_t)n;
        if (readable(w.server, 10) &&
            (n = recv(w.server, back + got, size - got, MSG_DONTWAIT)) > 0)
            got += (size_t)n;
    }
    CHECK(memcmp(back, body, size) == 0);
    CHECK_INT(ask(&w, '?').memory, 0);
    free(body);
    free(back);
    CHECK_INT(end(&w), 0);
}

/* Our own bytes never come into the middle of a message that streams through. */
static void puts_between_messages(void)
{
    struct world w;
    begin(&w, relay_usual_limits);
    char head[HEAD] = {'p', 0, 4, 0, 0, 0};
    CHECK(send(w.server, head, HEAD, 0) == HEAD);
    CHECK(comes(w.client, head, HEAD));
    say(w.client, 'r', "");
    CHECK(!readable(w.client, 200));
    CHECK(send(w.server, "abcd", 4, 0) == 4);
    CHECK(comes(w.client, "abcd", 4));
    CHECK(heard(w.client, 'r', "!"));
    CHECK_INT(end(&w), 0);
}

/* A client that asks and never reads the answers is not read any more. */
static void answers_not_read(void)
{
    struct world w;
    begin(&w, relay_usual_limits);
    char b[HEAD] = {'r', 0, 0, 0, 0, 0};
    size_t sent = 0, most = 8u << 20;
    fcntl(w.client, F_SETFL, O_NONBLOCK);
    for (int idle = 0; idle < 5 && sent < most;) {
        ssize_t n = send(w.client, b, HEAD, 0);
        if (n == HEAD)
            sent += HEAD;
        else
            ask(&w, '?'), idle++;
    }
    CHECK(sent < most);
    CHECK(ask(&w, '?').memory <= 256 << 10);
    CHECK_INT(ask(&w, '?').connections, 1);
    size_t answers = 0;
    char got[7];
    while (readable(w.client, 500) && recv(w.client, got, 7, MSG_WAITALL) == 7)
        answers++;
    CHECK_INT(answers, sent / HEAD);
    CHECK_INT(end(&w), 0);
}

/* What was said before leaving arrives, and so do the last words of a server that leaves. */
static void last_words(void)
{
    struct world w;
    begin(&w, relay_usual_limits);
    for (int i = 0; i < 50; i++) {
        say(w.server, 'p', "unread");
        say(w.client, 'p', "bye");
        close(w.client);
        CHECK(heard(w.server, 'p', "bye"));
        CHECK(ends(w.server));
        close(w.server);
        join(&w);
        say(w.client, 'p', "unread");
        say(w.server, 'p', "bye");
        close(w.server);
        CHECK(heard(w.client, 'p', "bye"));
        CHECK(ends(w.client));
        close(w.client);
        join(&w);
    }
    CHECK_INT(ask(&w, '?').memory, 0);
    CHECK_INT(end(&w), 0);
}

static void too_fast(void)
{
    struct relay_limits l = relay_usual_limits;
    struct world w;
    l.rate = 100;
    l.burst = 10;
    begin(&w, l);
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < 60; i++)
        say(w.client, 'p', "x");
    for (int i = 0; i < 60; i++)
        CHECK(heard(w.server, 'p', "x"));
    clock_gettime(CLOCK_MONOTONIC, &b);
    double s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    CHECK(s > 0.45); /* 50 beyond the burst at 100 a second */
    CHECK_INT(end(&w), 0);
}

static void many_connections(void)
{
    struct relay_limits l = relay_usual_limits;
    struct world w;
    int client[8], server[8];
    l.connections = 4;
    begin(&w, l);
    for (int i = 0; i < 3; i++) {
        client[i] = connect_to(w.path);
        server[i] = accept4(w.server_listening, NULL, NULL, SOCK_CLOEXEC);
    }
    CHECK_INT(ask(&w, '?').connections, 4);
    client[3] = connect_to(w.path);
    CHECK(!readable(w.server_listening, 300));
    close(client[0]);
    CHECK(ends(server[0]));
    CHECK(readable(w.server_listening, WAIT_MS));
    CHECK_INT(ask(&w, '?').connections, 4);
    for (int i = 1; i < 4; i++)
        close(client[i]);
    for (int i = 0; i < 3; i++)
        close(server[i]);
    CHECK_INT(end(&w), 0);
}

static void server_gone(void)
{
    struct world w;
    begin(&w, relay_usual_limits);
    close(w.server_listening);
    w.server_listening = -1;
    int client = connect_to(w.path);
    CHECK(ends(client));
    close(client);
    say(w.client, 'p', "still there");
    CHECK(heard(w.server, 'p', "still there"));
    CHECK_INT(end(&w), 0);
}

/* ---- its own walls ---- */

static int in_confinement(void (*f)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        struct relay_setup s = {.limits = relay_usual_limits};
        const char *what;
        int landlock;
        relay_server(&s, "/nowhere");
        if (confine(&s, &landlock, &what) < 0)
            _exit(99);
        f();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return status;
}

static void do_nothing(void)
{
}
static void do_open(void)
{
    (void)!open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}
static void do_exec(void)
{
    char *argv[] = {NULL};
    execve("/bin/true", argv, argv);
}
static void do_inet(void)
{
    (void)!socket(AF_INET, SOCK_STREAM, 0);
}
static void do_fork(void)
{
    if (fork() == 0)
        _exit(0);
}
static void do_kill(void)
{
    kill(getppid(), 0);
}

#ifdef __SANITIZE_ADDRESS__
enum { FILTERS_CALLS = 0 }; /* the sanitizers' own calls would not pass */
#else
enum { FILTERS_CALLS = 1 };
#endif

/* Each works before, and ends the process behind the wall. */
static void confined(void)
{
    static void (*const tried[])(void) = {do_open, do_exec, do_inet, do_fork, do_kill};
    CHECK_INT(in_confinement(do_nothing), 0);
    for (size_t i = 0; FILTERS_CALLS && i < sizeof tried / sizeof *tried; i++) {
        int status = in_confinement(tried[i]);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    }
}

int main(void)
{
    struct rlimit files = {4096, 4096};
    signal(SIGPIPE, SIG_IGN);
    setrlimit(RLIMIT_NOFILE, &files);
    RUN(verdicts);
    RUN(every_split_point);
    RUN(descriptors);
    RUN(descriptor_flood);
    RUN(clogged);
    RUN(puts_between_messages);
    RUN(answers_not_read);
    RUN(last_words);
    RUN(too_fast);
    RUN(many_connections);
    RUN(server_gone);
    RUN(confined);
    return t_done();
}

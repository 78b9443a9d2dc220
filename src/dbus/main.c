/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-dbus LISTENING RULES CONTROL|- LOG|- SERVER
 *
 * Stands between one app and one bus. The first four are descriptors that it inherits:
 *   LISTENING  a unix stream socket that listens; the app connects to it
 *   RULES      a file with the rules (dbus/rules.h), read once
 *   CONTROL    a unix socket; the program ends when its other end is closed. See control() below
 *   LOG        where verdicts go (dbus/log.h); never waited for
 * SERVER is the bus' socket: a path, or with a '@' in front a name in the abstract namespace.
 *
 * It reads no other file and no environment, and raises its walls (filter/confine.h) before it
 * reads from the app or the bus.
 */
#include "dbus/client.h"

#include "filter/confine.h"
#include "util/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EXIT_OURS = 125, CONTROL_MOST = 64, ANSWER_MOST = 512 };

/* ---- the rules ---- */

/* Reads a whole file from its beginning. Returns NULL with errno set. */
static char *read_rules(int fd, size_t *size)
{
    size_t cap = RULES_MOST_BYTES + 2;
    char *text = malloc(cap);
    *size = 0;
    while (text && *size < cap - 1) {
        ssize_t n = pread(fd, text + *size, cap - 1 - *size, (off_t)*size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(text);
            return NULL;
        }
        if (n == 0)
            break;
        *size += (size_t)n;
    }
    char *less = text ? realloc(text, *size + 1) : NULL;
    return less ? less : text;
}

/* Returns false with a line in why. */
static bool load(struct rules *r, int fd, char *why, size_t n)
{
    size_t size;
    int line, column;
    const char *fault;
    char *text = read_rules(fd, &size);
    if (!text) {
        snprintf(why, n, "cannot read the rules: %s", strerror(errno));
        return false;
    }
    if (rules_read(r, text, size, &line, &column, &fault) == 0)
        return true;
    snprintf(why, n, "rules:%d:%d: %s", line, column, fault);
    return false;
}

/* ---- the protocol ---- */

static void *opened(void *program, struct relay_conn *conn)
{
    return client_new(program, conn);
}

static struct relay_verdict judge(void *state, enum relay_side from, uint8_t *bytes, size_t n,
                                  unsigned fds)
{
    return client_judge(state, from, bytes, n, fds);
}

static void closed(void *state)
{
    client_free(state);
}

static void fault(void *program, void *state, const char *why)
{
    struct bus *bus = program;
    const struct client *c = state;
    if (bus->rules.log >= LOG_REFUSED)
        log_cut(&bus->log, c ? c->number : 0, why);
}

/* ---- the control descriptor ---- */

/* One packet and at most one descriptor: of more none is taken. Returns its length; 0 at the end.
 */
static ssize_t receive(int fd, char *text, size_t n, int *passed)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {text, n - 1};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    ssize_t got = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    *passed = -1;
    if (got >= 0)
        pass_take_one(&m, passed);
    text[got > 0 ? got : 0] = '\0';
    return got;
}

static void tell_client(void *state, void *old)
{
    names_new_rules(state, old);
}

static void change_rules(struct bus *bus, struct relay *r, int fd, char *answer, size_t n)
{
    struct rules old = bus->rules, now;
    if (fd < 0) {
        snprintf(answer, n, "error no rules came along");
        return;
    }
    snprintf(answer, n, "error ");
    if (!load(&now, fd, answer + strlen(answer), n - strlen(answer)))
        return;
    bus->rules = now;
    relay_limit(r, &now.limits);
    relay_each(r, tell_client, &old);
    rules_free(&old);
    snprintf(answer, n, "ok");
}

/*
 * Each packet is answered by one:
 *   rules  with a descriptor of new rules: "ok" when they hold, for all connections, or
 *          "error TEXT" when the old ones stay
 *   count  "connections N bytes N descriptors N passed N refused N cut N"
 *   end    no answer; the program ends
 */
static bool control(void *program, struct relay *r, int fd)
{
    struct bus *bus = program;
    char text[CONTROL_MOST], answer[ANSWER_MOST] = "error unknown request";
    struct relay_counts counts;
    int passed;
    ssize_t n = receive(fd, text, sizeof text, &passed);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0 || strcmp(text, "end") == 0)
        return false;
    if (strcmp(text, "rules") == 0) {
        change_rules(bus, r, passed, answer, sizeof answer);
    } else if (strcmp(text, "count") == 0) {
        relay_count(r, &counts);
        snprintf(answer, sizeof answer,
                 "connections %u bytes %zu descriptors %u passed %llu refused %llu cut %llu",
                 counts.connections, counts.memory, counts.fds, bus->passed, bus->refused,
                 counts.cut);
    }
    if (passed >= 0)
        close(passed);
    (void)!send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
    return true;
}

/* ---- start ---- */

static const struct relay_protocol protocol = {.most = CLIENT_MOST,
                                               .strict_fds = true,
                                               .opened = opened,
                                               .judge = judge,
                                               .closed = closed,
                                               .control = control,
                                               .fault = fault};

static int fail(const char *what, const char *why)
{
    dprintf(2, "carrel-dbus: %s: %s\n", what, why);
    return EXIT_OURS;
}

/* A descriptor's number, or -1 for "-"; -2 when it is none that is open. */
static int descriptor(const char *s)
{
    char *end;
    if (strcmp(s, "-") == 0)
        return -1;
    long n = *s >= '0' && *s <= '9' ? strtol(s, &end, 10) : -1;
    return n >= 0 && n < 1 << 20 && !*end && fcntl((int)n, F_GETFD) >= 0 ? (int)n : -2;
}

static void not_blocking(int fd)
{
    int flags = fd >= 0 ? fcntl(fd, F_GETFL) : -1;
    if (flags >= 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int main(int argc, char **argv)
{
    static struct bus bus;
    char why[ANSWER_MOST];
    const char *what;
    int fd[4], landlock;
    if (argc != 6)
        return fail("usage", "carrel-dbus LISTENING RULES CONTROL|- LOG|- SERVER");
    for (int i = 0; i < 4; i++) {
        fd[i] = descriptor(argv[1 + i]);
        if (fd[i] == -2 || (fd[i] == -1 && i < 2))
            return fail(argv[1 + i], "no open descriptor");
    }
    bus.uid = geteuid();
    bus.log.fd = fd[3];
    if (!load(&bus.rules, fd[1], why, sizeof why))
        return fail("cannot start", why);
    close(fd[1]);
    struct relay_setup setup = {.listening = fd[0],
                                .control = fd[2],
                                .protocol = &protocol,
                                .program = &bus,
                                .limits = bus.rules.limits};
    int r = relay_server(&setup, argv[5]);
    if (r < 0)
        return fail(argv[5], strerror(-r));
    signal(SIGPIPE, SIG_IGN);
    not_blocking(fd[3]);
    r = confine(&setup, &landlock, &what);
    if (r < 0)
        return fail(what, strerror(-r));
    r = relay_run(&setup);
    return r < 0 ? fail("cannot begin", strerror(-r)) : 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/bus.h"

#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { SETUP_MILLISECONDS = 10000 };

/* ---- connecting ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The value of "key=" among the words of one address, %xx undone; its length, 0 when it is not
 * there or does not fit. D-Bus Specification, "Server Addresses". */
static size_t value_of(const char *words, size_t n, const char *key, char *to, size_t room)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < n;) {
        size_t end = i + strcspn(words + i, ",;"), k = 0;
        bool found = end - i > len && strncmp(words + i, key, len) == 0 && words[i + len] == '=';
        for (size_t at = i + len + 1; found && at < end && k + 1 < room; at++) {
            bool escaped = words[at] == '%' && at + 2 < end && hex(words[at + 1]) >= 0 &&
                           hex(words[at + 2]) >= 0;
            to[k++] = escaped ? (char)(hex(words[at + 1]) << 4 | hex(words[at + 2])) : words[at];
            at += escaped ? 2 : 0;
        }
        if (found && k + 1 < room) {
            to[k] = '\0';
            return k;
        }
        i = end + 1;
    }
    return 0;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* unix(7): a full queue at the other end lets connect() wait, and it ends with EAGAIN. */
static int connect_one(const char *words, size_t n, int milliseconds)
{
    const struct timeval patience = {milliseconds / 1000, milliseconds % 1000 * 1000};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + 1;
    size_t len = value_of(words, n, "path", address.sun_path, sizeof address.sun_path);
    if (!len)
        len = value_of(words, n, "abstract", address.sun_path + 1, sizeof address.sun_path - 1);
    if (!len)
        return -EAFNOSUPPORT;
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
        connect(fd, (struct sockaddr *)&address, size + (socklen_t)len) < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    return steal_fd(&fd);
}

static int send_all(int fd, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        ssize_t r = send(fd, p + i, n - i, MSG_NOSIGNAL);
        if (r < 0 && errno != EINTR)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        i += r > 0 ? (size_t)r : 0;
    }
    return 0;
}

/* Reads more bytes behind those that are there. */
static int fill(struct bus *b, int64_t until)
{
    struct pollfd p = {.fd = b->fd, .events = POLLIN};
    int64_t left = until < 0 ? -1 : until - now();
    if (b->n == sizeof b->in)
        return -EMSGSIZE;
    int r = poll(&p, 1, until < 0 ? -1 : left > 0 ? (int)left : 0);
    if (r <= 0)
        return r == 0 ? -ETIMEDOUT : errno == EINTR ? 0 : -errno;
    ssize_t n = read(b->fd, b->in + b->n, sizeof b->in - b->n);
    if (n <= 0)
        return n < 0 ? -errno : -EPIPE;
    b->n += (size_t)n;
    return 0;
}

/* The bus asks who the caller is by the socket's credentials: one line there, one back. */
static int authenticate(struct bus *b, int64_t until)
{
    char id[16], line[64];
    int n = snprintf(id, sizeof id, "%u", (unsigned)geteuid()), k = 1;
    line[0] = '\0'; /* the byte that goes before all */
    k += snprintf(line + k, sizeof line - (size_t)k, "AUTH EXTERNAL ");
    for (int i = 0; i < n; i++)
        k += snprintf(line + k, sizeof line - (size_t)k, "%02x", (unsigned char)id[i]);
    k += snprintf(line + k, sizeof line - (size_t)k, "\r\n");
    int r = send_all(b->fd, (const uint8_t *)line, (size_t)k);
    while (r == 0 && (b->n < 2 || memcmp(b->in + b->n - 2, "\r\n", 2) != 0))
        r = b->n > 1024 ? -EPROTO : fill(b, until);
    if (r == 0 && (b->n < 3 || memcmp(b->in, "OK ", 3) != 0))
        r = -EACCES;
    b->n = 0;
    return r < 0 ? r : send_all(b->fd, (const uint8_t *)"BEGIN\r\n", 7);
}

int bus_open(struct bus *b, const char *address)
{
    return bus_open_within(b, address, SETUP_MILLISECONDS);
}

int bus_open_within(struct bus *b, const char *address, int milliseconds)
{
    struct message m;
    int64_t until = now() + milliseconds;
    b->n = b->done = b->serial = 0;
    b->fd = -EAFNOSUPPORT;
    for (size_t i = 0, n; b->fd < 0 && address[i]; i += n + (address[i + n] == ';')) {
        n = strcspn(address + i, ";");
        const char *words = str_after(address + i, "unix:");
        if (words)
            b->fd = connect_one(words, n - strlen("unix:"), milliseconds);
    }
    if (b->fd < 0)
        return b->fd;
    int r = authenticate(b, until);
    if (r == 0) {
        bus_begin(b, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                  "Hello", "");
        r = bus_call(b, &m, NULL, NULL, (int)(until - now()));
    }
    if (r < 0)
        bus_close(b);
    return r;
}

void bus_close(struct bus *b)
{
    close(b->fd);
    b->fd = -1;
}

/* ---- messages ---- */

void bus_begin(struct bus *b, const char *to, const char *path, const char *interface,
               const char *member, const char *signature)
{
    const struct message m = {.type = WIRE_CALL,
                              .serial = ++b->serial,
                              .destination = to,
                              .path = path,
                              .interface = interface,
                              .member = member,
                              .signature = signature};
    b->out = (struct out){.v = b->call, .cap = sizeof b->call};
    wire_begin(&b->out, &m);
}

static int next(struct bus *b, struct message *m, int64_t until)
{
    memmove(b->in, b->in + b->done, b->n - b->done);
    b->n -= b->done;
    b->done = 0;
    for (;;) {
        size_t need = WIRE_FIXED;
        const char *why;
        enum wire_result w = wire_read(b->in, b->n, true, m, &need, &why);
        if (w == WIRE_BAD)
            return -EBADMSG;
        if (w == WIRE_OK && m->head + m->body > sizeof b->in)
            return -EMSGSIZE;
        if (w == WIRE_OK && m->head + m->body <= b->n) {
            b->done = m->head + m->body;
            return 0;
        }
        int r = fill(b, until);
        if (r < 0)
            return r;
    }
}

int bus_next(struct bus *b, struct message *m, int milliseconds)
{
    return next(b, m, milliseconds < 0 ? -1 : now() + milliseconds);
}

int bus_call(struct bus *b, struct message *m,
             void (*seen)(const struct message *m, const uint8_t *bytes, void *data), void *data,
             int milliseconds)
{
    int64_t until = now() + milliseconds;
    int r = wire_end(&b->out) ? send_all(b->fd, b->call, b->out.n) : -EMSGSIZE;
    while (r == 0) {
        r = next(b, m, until);
        if (r == 0 && m->has_reply_serial && m->reply_serial == b->serial &&
            (m->type == WIRE_RETURN || m->type == WIRE_ERROR))
            return m->type == WIRE_ERROR ? -EREMOTEIO : 0;
        if (r == 0 && seen && m->type == WIRE_SIGNAL)
            seen(m, b->in, data);
    }
    return r;
}

/* ---- writing ---- */

void bus_put_byte(struct out *o, uint8_t byte)
{
    if (o->n < o->cap)
        o->v[o->n] = byte;
    o->n++;
}

void bus_put_struct(struct out *o)
{
    while (o->n % 8)
        bus_put_byte(o, 0);
}

void bus_put_u64(struct out *o, uint64_t value)
{
    bus_put_struct(o);
    for (int i = 0; i < 8; i++)
        bus_put_byte(o, (uint8_t)(value >> 8 * i));
}

void bus_put_bool(struct out *o, bool value)
{
    wire_put_u32(o, value);
}

size_t bus_put_structs(struct out *o)
{
    size_t at = wire_put_array(o);
    bus_put_struct(o);
    return at;
}

/* What lies between the length and the first does not count. */
void bus_end_structs(struct out *o, size_t at)
{
    size_t n = o->n - (at + 7) / 8 * 8;
    for (size_t i = 0; i < 4 && at <= o->cap; i++)
        o->v[at - 4 + i] = (uint8_t)(n >> 8 * i);
}

void bus_put_signature(struct out *o, const char *s)
{
    bus_put_byte(o, (uint8_t)strlen(s));
    for (size_t i = 0; i <= strlen(s); i++)
        bus_put_byte(o, (uint8_t)s[i]);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wayland/context.h"

#include "util/pass.h"
#include "wayland/session.h"
#include "wayland/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* staging/security-context/security-context-v1.xml of wayland-protocols 1.32; older ones do not
 * have it, so the numbers stand here. */
static const char interface[] = "wp_security_context_manager_v1";
enum { MANAGER_CREATE_LISTENER = 1 };
enum { CONTEXT_SET_ENGINE = 1, CONTEXT_SET_APP = 2, CONTEXT_SET_INSTANCE = 3, CONTEXT_COMMIT = 4 };

enum { DISPLAY = 1, REGISTRY, FIRST_SYNC, MANAGER, CONTEXT, SECOND_SYNC };
enum { PATIENCE_SECONDS = 10 };

struct talk {
    int fd;
    uint8_t in[WAY_MAX_MESSAGE];
    size_t n_in;
    uint8_t out[4096];
    size_t n_out;
    uint32_t name; /* of the manager, 0: not seen */
    uint32_t done; /* the sync that was answered last */
    bool failed;   /* the compositor said that something is wrong */
};

/* ---- writing ---- */

static bool put(struct talk *t, const void *bytes, size_t n)
{
    size_t whole = (n + 3) & ~(size_t)3;
    if (whole > sizeof t->out - t->n_out)
        return false;
    memset(t->out + t->n_out, 0, whole);
    memcpy(t->out + t->n_out, bytes, n);
    t->n_out += whole;
    return true;
}

static bool put_message(struct talk *t, uint32_t object, uint32_t opcode, const void *body,
                        size_t size)
{
    uint32_t head[2] = {object, (uint32_t)(WAY_HEADER + ((size + 3) & ~(size_t)3)) << 16 | opcode};
    return put(t, head, sizeof head) && put(t, body, size);
}

static bool put_string(struct talk *t, uint32_t object, uint32_t opcode, const char *text)
{
    uint8_t body[1024];
    uint32_t n = (uint32_t)strlen(text) + 1;
    if (n > sizeof body - 4)
        return false;
    way_put_word(body, n);
    memcpy(body + 4, text, n);
    return put_message(t, object, opcode, body, 4 + n);
}

static bool put_bind(struct talk *t)
{
    uint8_t body[8 + 32 + 8] = {0};
    uint32_t n = sizeof interface, whole = (n + 3) & ~3u;
    way_put_word(body, t->name);
    way_put_word(body + 4, n);
    memcpy(body + 8, interface, n);
    way_put_word(body + 8 + whole, 1);
    way_put_word(body + 12 + whole, MANAGER);
    return put_message(t, REGISTRY, WAY_WL_REGISTRY_REQUEST_BIND, body, 16 + whole);
}

static bool send_all(struct talk *t, const int fds[2])
{
    /* Little enough to go in one piece into a fresh socket. */
    bool good = pass_send(t->fd, t->out, t->n_out, fds, fds ? 2 : 0, 0) == (ssize_t)t->n_out;
    t->n_out = 0;
    return good;
}

/* ---- reading ---- */

/* One event. False: it is none that can come to our objects. */
static bool take_event(struct talk *t, uint8_t *message, size_t size)
{
    static const struct {
        uint32_t object;
        uint8_t interface;
    } ours[] = {
        {DISPLAY, WAY_WL_DISPLAY},
        {REGISTRY, WAY_WL_REGISTRY},
        {FIRST_SYNC, WAY_WL_CALLBACK},
        {SECOND_SYNC, WAY_WL_CALLBACK},
    };
    struct way_args a;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        const struct way_interface *in = &way_interfaces[ours[i].interface];
        uint32_t opcode = way_opcode_of(message);
        if (way_object_of(message) != ours[i].object)
            continue;
        if (opcode >= in->n_events ||
            way_read(&in->events[opcode], message + WAY_HEADER, size - WAY_HEADER, &a) < 0)
            return false;
        if (ours[i].interface == WAY_WL_CALLBACK)
            t->done = ours[i].object;
        else if (ours[i].object == DISPLAY && opcode == WAY_WL_DISPLAY_EVENT_ERROR)
            t->failed = true;
        else if (ours[i].object == REGISTRY && opcode == WAY_WL_REGISTRY_EVENT_GLOBAL &&
                 a.v[1].value == sizeof interface &&
                 memcmp(a.v[1].at, interface, sizeof interface) == 0)
            t->name = a.v[0].value;
        return true;
    }
    return false;
}

/* Takes events until a sync is answered. */
static bool wait_for(struct talk *t, uint32_t sync)
{
    while (t->done != sync) {
        int size = way_message_size(t->in, t->n_in);
        if (size < 0)
            return false;
        if (size > 0 && (size_t)size <= t->n_in) {
            if (!take_event(t, t->in, (size_t)size) || t->failed)
                return false;
            t->n_in -= (size_t)size;
            memmove(t->in, t->in + size, t->n_in);
            continue;
        }
        ssize_t n = recv(t->fd, t->in + t->n_in, sizeof t->in - t->n_in, 0);
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        t->n_in += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* ---- the two turns ---- */

static bool look(struct talk *t)
{
    const uint32_t registry = REGISTRY, sync = FIRST_SYNC;
    return put_message(t, DISPLAY, WAY_WL_DISPLAY_REQUEST_GET_REGISTRY, &registry, 4) &&
           put_message(t, DISPLAY, WAY_WL_DISPLAY_REQUEST_SYNC, &sync, 4) && send_all(t, NULL) &&
           wait_for(t, FIRST_SYNC);
}

static bool ask(struct talk *t, const struct way_settings *s, const int fds[2])
{
    const uint32_t context = CONTEXT, sync = SECOND_SYNC;
    char app[512];
    int n = snprintf(app, sizeof app, "carrel/%s", s->app);
    return n < (int)sizeof app && put_bind(t) &&
           put_message(t, MANAGER, MANAGER_CREATE_LISTENER, &context, 4) &&
           put_string(t, CONTEXT, CONTEXT_SET_ENGINE, "carrel") &&
           put_string(t, CONTEXT, CONTEXT_SET_APP, app) &&
           (!*s->instance || put_string(t, CONTEXT, CONTEXT_SET_INSTANCE, s->instance)) &&
           put_message(t, CONTEXT, CONTEXT_COMMIT, "", 0) &&
           put_message(t, DISPLAY, WAY_WL_DISPLAY_REQUEST_SYNC, &sync, 4) && send_all(t, fds) &&
           wait_for(t, SECOND_SYNC);
}

static int unix_socket(const char *path, bool listening)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    if (strlen(path) >= sizeof a.sun_path)
        return -1;
    strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int r = listening ? bind(fd, (const struct sockaddr *)&a, sizeof a) == 0 ? listen(fd, 128) : -1
                      : connect(fd, (const struct sockaddr *)&a, sizeof a);
    if (!listening && r == 0)
        r = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (r == 0)
        return fd;
    close(fd);
    return -1;
}

static int make_context(struct talk *t, const struct way_settings *s, int *keep, const char **why)
{
    int ends[2] = {-1, -1}, listening = unix_socket(s->context, true), r = -1;
    *why = "cannot make a socket for the compositor's security context";
    if (listening >= 0 && pipe2(ends, O_CLOEXEC) == 0) {
        *why = "the compositor gave no security context";
        r = ask(t, s, (const int[2]){listening, ends[0]}) ? 1 : -1;
    }
    if (listening >= 0)
        close(listening);
    if (ends[0] >= 0)
        close(ends[0]);
    if (r == 1)
        *keep = ends[1];
    else if (ends[1] >= 0)
        close(ends[1]);
    return r;
}

int way_context(const struct way_settings *s, int *keep, const char **why)
{
    static struct talk t; /* too large for a small stack; used once */
    *keep = -1;
    t = (struct talk){.fd = unix_socket(s->socket, false)};
    *why = "the compositor can not be reached";
    if (t.fd < 0)
        return -1;
    *why = "the compositor did not tell what it offers";
    int r = !look(&t) ? -1 : t.name ? make_context(&t, s, keep, why) : 0;
    close(t.fd);
    return r;
}

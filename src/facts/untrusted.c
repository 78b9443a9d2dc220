/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A cookie of the host's X server for somebody whom it is not to trust. */
#include "facts/facts.h"

#include "facts/store.h"
#include "util/file.h"
#include "util/str.h"
#include "x11/security.h"

#include <errno.h>

/* So long the cookie outlasts the last connection made with it; one is held for as long as the app
 * runs. */
enum { SECONDS_AFTER = 60, PATIENCE_MS = 5000 };

static int hello(struct x11 *x, unsigned display, const struct xauth_fact *cookie)
{
    x->fd = x11_dial(display);
    return x->fd < 0 ? x->fd : x11_hello(x, cookie->name, cookie->data, cookie->size);
}

/* The connection that is held is made with the new cookie itself, so whoever gets hold of it gets
 * nothing that the app has not. */
static int make(struct facts *f, struct x11 *x, unsigned display)
{
    struct x_cookie made;
    struct x11 held = {.room = x->room, .size = x->size, .deadline = x->deadline, .fd = -1};
    int r = x11_untrusted(x, SECONDS_AFTER, &made);
    if (r < 0)
        return r;
    const struct xauth_fact cookie = {
        .name = "MIT-MAGIC-COOKIE-1",
        .data = arena_strndup(f->arena, (const char *)made.data, made.size),
        .size = made.size,
    };
    x->have = x->given = 0; /* the room is now the other connection's */
    r = hello(&held, display, &cookie);
    if (r < 0) {
        if (held.fd >= 0)
            close(held.fd);
        x->have = x->given = 0;
        x11_revoke(x, made.id);
        return r;
    }
    f->untrusted.cookie = cookie;
    f->untrusted.held = held.fd;
    return 0;
}

/* Where nothing will be started no cookie is made: zeros stand for it. */
static int look_only(struct facts *f, struct x11 *x)
{
    static const char zeros[16];
    bool has;
    int r = x11_has_security(x, &has);
    if (r == 0 && !has)
        r = -ENOSYS;
    if (r == 0)
        f->untrusted.cookie = (struct xauth_fact){"MIT-MAGIC-COOKIE-1", zeros, sizeof zeros};
    return r;
}

static const char *obstacle(struct facts *f, const struct x11 *x, int error)
{
    if (error == -ENOSYS)
        return "the X server has no SECURITY extension (Xwayland never has)";
    if (error == -EACCES && x->refusal[0])
        return arena_printf(f->arena, "the X server lets nobody in: %s", x->refusal);
    if (error == -EACCES)
        return "the X server does not trust this session itself";
    return arena_printf(f->arena, "the X server cannot be asked: %s", strerror(-error));
}

void look_untrusted(struct facts *f, __attribute__((unused)) const char *path)
{
    const char *name = facts_env(f, "DISPLAY");
    struct x_display display;
    struct x11 x = {.fd = -1, .size = X_ROOM, .deadline = x11_now() + PATIENCE_MS};
    f->untrusted = (struct untrusted_fact){.known = true, .held = -1};
    if (!name || !display_parse(name, &display) || !display.local) {
        f->untrusted.obstacle = "DISPLAY names no X server of this machine";
        return;
    }
    x.room = arena_alloc(f->arena, X_ROOM);
    int r = hello(&x, display.number, &f->xauth);
    if (r == 0)
        r = f->cookies_are_made ? make(f, &x, display.number) : look_only(f, &x);
    if (r < 0)
        f->untrusted.obstacle = obstacle(f, &x, r);
    if (x.fd >= 0)
        close(x.fd);
}

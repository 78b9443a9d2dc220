/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/own_x11.h"

#include "facts/facts.h"
#include "util/str.h"

#include <string.h>

static const char *variable(const struct plan *p, const char *name)
{
    for (size_t i = p->n; i-- > 0;) {
        const char *rest = p->v[i].verb == PLAN_ENV ? str_after(step_arg(&p->v[i], 0), name) : NULL;
        if (rest && *rest == '=')
            return rest + 1;
    }
    return NULL;
}

/* What the plan puts at a path: the source of a bind, or the bytes of a file. */
static const struct plan_step *step_at(const struct plan *p, enum plan_verb verb, int word,
                                       const char *path)
{
    for (size_t i = p->n; i-- > 0;)
        if (p->v[i].verb == verb && str_eq(step_arg(&p->v[i], word), path))
            return &p->v[i];
    return NULL;
}

enum x11_of own_x11_of(struct arena *a, const struct plan *p, struct own_x11 *out)
{
    const char *name = variable(p, "DISPLAY"), *auth = variable(p, "XAUTHORITY");
    struct x_display display;
    if (!name || !display_parse(name, &display))
        return X11_OF_NOBODY;
    const char *inside = arena_printf(a, "/tmp/.X11-unix/X%u", display.number);
    const struct plan_step *bind = step_at(p, PLAN_BIND, 1, inside);
    const struct plan_step *file = auth ? step_at(p, PLAN_FILE, 0, auth) : NULL;
    const char *socket = bind ? step_arg(bind, 0) : "", *slash = strrchr(socket, '/');
    if (!slash || !str_eq(slash, "/xserver"))
        return X11_OF_PERSON;
    *out = (struct own_x11){.folder = arena_strndup(a, socket, (size_t)(slash - socket)),
                            .name = slash + 1};
    if (file)
        xauth_find(file->argv[2].s, file->argv[2].n, "", display.number, &out->cookie);
    return X11_OF_APP;
}

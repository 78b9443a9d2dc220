/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input methods. IBus and Fcitx 5 each have a name on the session bus that is made for confined
 * programs: behind it are a text field's own keys and texts and nothing else. IBus' own socket is
 * not given: who is on it may become the panel that sees what is typed into every window, or choose
 * the engine for all.
 *
 * Any input method can be reached through the X display, by XIM, which GTK 2 and 3 and Xlib's
 * programs speak; Qt and GTK 4 have given that up. On Wayland the compositor hands texts on.
 */
#include "resolve/ctx.h"

#include "util/str.h"

#include <string.h>

static const char why_by_display[] = "base: the input method is reached by the X display";

/* What im-config(8) and desktops set: how toolkits are told of the input method. */
static const char *const modules[] = {"GTK_IM_MODULE",     "QT_IM_MODULE",  "QT_IM_MODULES",
                                      "CLUTTER_IM_MODULE", "SDL_IM_MODULE", "GLFW_IM_MODULE"};

static const struct method {
    const char *beginning; /* of what the variables say */
    const char *rules;
} methods[] = {
    {"ibus", "call org.freedesktop.portal.IBus * /org/freedesktop/IBus/*\n"},
    {"fcitx", "call org.freedesktop.portal.Fcitx * /org/freedesktop/portal/*\n"},
};

static const struct method *method_called(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_SIZE(methods); i++)
        if (str_after(name, methods[i].beginning))
            return &methods[i];
    return NULL;
}

/* What XMODIFIERS names, or NULL. */
static const char *x_method(const struct ctx *c)
{
    const char *modifiers = facts_env(c->f, "XMODIFIERS");
    const char *name = modifiers ? str_after(modifiers, "@im=") : NULL;
    return name && *name && !str_eq(name, "none") ? name : NULL;
}

/* The one of the session. A module may differ from the rest, so the first that we know counts. */
static const struct method *find_method(const struct ctx *c)
{
    const struct method *m = method_called(x_method(c));
    for (size_t i = 0; !m && i < ARRAY_SIZE(modules); i++)
        m = method_called(facts_env(c->f, modules[i]));
    return m;
}

bool input_is_forbidden(const struct ctx *c)
{
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Bus", "input-method");
    return v && str_eq(v->value, "false");
}

const char *input_rules(const struct ctx *c)
{
    const struct method *m = c->x11 || c->wayland ? find_method(c) : NULL;
    return m && !input_is_forbidden(c) ? m->rules : NULL;
}

void put_input_method(struct ctx *c)
{
    if (c->input_by_bus && input_rules(c)) {
        for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
            if (facts_env(c->f, modules[i]))
                put_env(c, modules[i], facts_env(c->f, modules[i]), WHY_INPUT);
        put_env(c, "IBUS_USE_PORTAL", "1", WHY_INPUT);
    } else if (c->common_ipc && x_method(c)) {
        put_missing(c, "the input method", why_by_display,
                    "an X server of the app's own has none; a bus with Carrel's rules for it does");
    } else if (c->x11 && x_method(c)) {
        put_env(c, "GTK_IM_MODULE", "xim", why_by_display);
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The environment is made from nothing. What passes from the caller is listed here with the reason
 * for each name; tokens, agents' sockets, addresses of buses and whatever else a session keeps in
 * its environment do not.
 */
#include "resolve/ctx.h"

#include "util/str.h"

#include <string.h>

enum needs { ALWAYS, NETWORK, WAYLAND, X11 };

static const struct {
    const char *name; /* '*' at the end: any rest */
    enum needs needs;
    const char *why;
} passed[] = {
    {"LANG", ALWAYS, "base: language"},
    {"LANGUAGE", ALWAYS, "base: language"},
    {"LC_*", ALWAYS, "base: language"},
    {"TZ", ALWAYS, "base: time zone"},
    {"TERM", ALWAYS, "base: what the terminal can do"},
    {"COLORTERM", ALWAYS, "base: what the terminal can do"},
    {"NO_COLOR", ALWAYS, "base: no colours on the terminal"},
    {"XDG_CURRENT_DESKTOP", ALWAYS, "base: looks: which desktop this is"},
    {"XDG_SESSION_DESKTOP", ALWAYS, "base: looks: which desktop this is"},
    {"XDG_SESSION_TYPE", ALWAYS, "base: which kind of display the session has"},
    {"DESKTOP_SESSION", ALWAYS, "base: looks: which desktop this is"},
    {"KDE_FULL_SESSION", ALWAYS, "base: looks: which desktop this is"},
    {"KDE_SESSION_VERSION", ALWAYS, "base: looks: which desktop this is"},
    {"DESKTOP_STARTUP_ID", ALWAYS, "base: lets the desktop know that this start is finished"},
    {"XDG_ACTIVATION_TOKEN", ALWAYS, "base: lets the new window come to the front"},
    {"GTK_THEME", ALWAYS, "base: looks"},
    {"GTK_CSD", ALWAYS, "base: looks"},
    {"GTK_OVERLAY_SCROLLING", ALWAYS, "base: looks"},
    {"GDK_SCALE", ALWAYS, "base: size on the screen"},
    {"GDK_DPI_SCALE", ALWAYS, "base: size on the screen"},
    {"GDK_BACKEND", WAYLAND, "base: which display to use"},
    {"QT_STYLE_OVERRIDE", ALWAYS, "base: looks"},
    {"QT_QPA_PLATFORMTHEME", ALWAYS, "base: looks"},
    {"QT_QPA_PLATFORM", WAYLAND, "base: which display to use"},
    {"QT_SCALE_FACTOR", ALWAYS, "base: size on the screen"},
    {"QT_SCREEN_SCALE_FACTORS", ALWAYS, "base: size on the screen"},
    {"QT_AUTO_SCREEN_SCALE_FACTOR", ALWAYS, "base: size on the screen"},
    {"QT_ENABLE_HIGHDPI_SCALING", ALWAYS, "base: size on the screen"},
    {"QT_FONT_DPI", ALWAYS, "base: size on the screen"},
    {"QT_WAYLAND_*", WAYLAND, "base: looks"},
    {"MOZ_ENABLE_WAYLAND", WAYLAND, "base: which display to use"},
    {"XMODIFIERS", X11, "base: how to type: an input method that is reached by the X display"},
    {"MOZ_USE_XINPUT2", X11, "base: smooth scrolling"},
    {"ELECTRON_OZONE_PLATFORM_HINT", WAYLAND, "base: which display to use"},
    {"SDL_VIDEODRIVER", WAYLAND, "base: which display to use"},
    {"CLUTTER_BACKEND", WAYLAND, "base: which display to use"},
    {"XCURSOR_THEME", ALWAYS, "base: looks"},
    {"XCURSOR_SIZE", ALWAYS, "base: size on the screen"},
    {"_JAVA_AWT_WM_NONREPARENTING", X11, "base: which kind of window manager this is"},
    {"GSK_RENDERER", ALWAYS, "base: how to draw"},
    {"QT_QUICK_BACKEND", ALWAYS, "base: how to draw"},
    {"QT_XCB_GL_INTEGRATION", X11, "base: how to draw"},
    {"SDL_RENDER_DRIVER", ALWAYS, "base: how to draw"},
    {"WEBKIT_DISABLE_COMPOSITING_MODE", ALWAYS, "base: how to draw"},
    {"WEBKIT_DISABLE_DMABUF_RENDERER", ALWAYS, "base: how to draw"},
    {"LIBGL_ALWAYS_SOFTWARE", ALWAYS, "base: how to draw"},
    {"LIBGL_DRI3_DISABLE", ALWAYS, "base: how to draw"},
    {"GALLIUM_DRIVER", ALWAYS, "base: how to draw"},
    {"MESA_LOADER_DRIVER_OVERRIDE", ALWAYS, "base: how to draw"},
    {"DRI_PRIME", ALWAYS, "base: which graphics card to use"},
    {"__NV_PRIME_RENDER_OFFLOAD", ALWAYS, "base: which graphics card to use"},
    {"__GLX_VENDOR_LIBRARY_NAME", ALWAYS, "base: which graphics card to use"},
    {"LIBVA_DRIVER_NAME", ALWAYS, "base: how to play video"},
    {"VDPAU_DRIVER", ALWAYS, "base: how to play video"},
    {"http_proxy", NETWORK, "base: the way to the network"},
    {"https_proxy", NETWORK, "base: the way to the network"},
    {"ftp_proxy", NETWORK, "base: the way to the network"},
    {"all_proxy", NETWORK, "base: the way to the network"},
    {"no_proxy", NETWORK, "base: the way to the network"},
    {"HTTP_PROXY", NETWORK, "base: the way to the network"},
    {"HTTPS_PROXY", NETWORK, "base: the way to the network"},
    {"ALL_PROXY", NETWORK, "base: the way to the network"},
    {"NO_PROXY", NETWORK, "base: the way to the network"},
};

static bool needed(const struct ctx *c, enum needs needs)
{
    return needs == ALWAYS || (needs == NETWORK && c->network) ||
           (needs == WAYLAND && c->wayland && c->wayland_socket) || (needs == X11 && c->x11);
}

static void pass(struct ctx *c, const char *name, const char *why)
{
    const char *value = facts_env(c->f, name);
    if (value)
        put_env(c, name, value, why);
}

static void pass_prefix(struct ctx *c, const char *prefix, size_t n, const char *why)
{
    for (size_t i = 0; i < c->f->n_env; i++)
        if (strncmp(c->f->env[i].name, prefix, n) == 0)
            pass(c, c->f->env[i].name, why);
}

static const char *shell(const struct ctx *c)
{
    const char *s = facts_env(c->f, "SHELL");
    return s && (str_after(s, "/bin/") || str_after(s, "/usr/bin/")) ? s : "/bin/sh";
}

void rule_environment(struct ctx *c)
{
    const char *why = "base: every program expects it";
    put_env(c, "PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games", why);
    put_env(c, "USER", c->f->user, why);
    put_env(c, "LOGNAME", c->f->user, why);
    put_env(c, "SHELL", shell(c), why);
    put_env(c, "XDG_RUNTIME_DIR", c->runtime, "base: own runtime folder");
    put_env(c, "XDG_DATA_DIRS", "/usr/local/share:/usr/share", why);
    put_env(c, "XDG_CONFIG_DIRS", "/etc/xdg", why);
    for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
        size_t n = strlen(passed[i].name) - 1;
        if (!needed(c, passed[i].needs))
            continue;
        if (passed[i].name[n] == '*')
            pass_prefix(c, passed[i].name, n, passed[i].why);
        else
            pass(c, passed[i].name, passed[i].why);
    }
}

/* [Carrel Environment] pass=, then [Environment] and unset-environment=, which have the last word.
 */
void rule_policy_env(struct ctx *c)
{
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Environment", "pass");
    size_t n = 0;
    const char *const *names = v ? policy_list(c->a, v->value, &n) : NULL;
    for (size_t i = 0; i < n; i++)
        pass(c, names[i], why_at(c, v->at, "pass", names[i]));
    for (size_t i = 0; i < c->p->n_env; i++) {
        const struct env_item *e = &c->p->env[i];
        put_env(c, e->name, e->value, why_at(c, e->at, "environment", e->name));
    }
}

void emit_environment(struct ctx *c)
{
    for (size_t i = 0; i < c->n_env; i++)
        if (c->env[i].value)
            plan_add(c->out, PLAN_ENV, c->env[i].why,
                     concat(c, c->env[i].name, "=", c->env[i].value, NULL), (char *)NULL);
}

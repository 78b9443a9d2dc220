/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The accessibility bus (AT-SPI), on which screen readers ask programs what their windows show, and
 * on which any program could as well read the windows of all others, listen to the keyboard and
 * type for the person. Where that bus runs, an app with a display gets it by way of a filter: it
 * may register with org.a11y.atspi.Registry and is asked by others, but asks nobody. The rules are
 * Flatpak's (flatpak-run.c, add_a11y_dbus_args), and two more:
 *
 *   - It hears which events screen readers listen for; else one that comes later is never told of
 *     anything, as toolkits send only what somebody listens for.
 *   - It is never asked for an address of its own (GetApplicationBusAddress). The screen reader
 *     would connect to what it answers, and libdbus starts a program for an address unixexec:.
 */
#include "resolve/ctx.h"

#include "util/str.h"

#include <string.h>

#define REGISTRY   "org.a11y.atspi.Registry"
#define CONTROLLER "org.a11y.atspi.DeviceEventController."

const char accessibility_why[] = "base: the accessibility bus, filtered";

/* On the session bus: whether anybody needs it. The address that is told there leads nowhere
 * inside. */
const char accessibility_status_rules[] =
    "call org.a11y.Bus org.freedesktop.DBus.Properties.Get /org/a11y/bus arg0=org.a11y.Status\n"
    "call org.a11y.Bus org.freedesktop.DBus.Properties.GetAll /org/a11y/bus arg0=org.a11y.Status\n"
    "broadcast org.a11y.Bus org.freedesktop.DBus.Properties.PropertiesChanged /org/a11y/bus "
    "arg0=org.a11y.Status\n";

void accessibility_rules(struct ctx *c, struct buf *out)
{
    static const struct {
        const char *verb, *member, *path;
    } rules[] = {
        {"call", "org.a11y.atspi.Socket.Embed", "accessible/root"},
        {"call", "org.a11y.atspi.Socket.Unembed", "accessible/root"},
        {"call", REGISTRY ".GetRegisteredEvents", "registry"},
        {"broadcast", REGISTRY ".EventListenerRegistered", "registry"},
        {"broadcast", REGISTRY ".EventListenerDeregistered", "registry"},
        {"call", CONTROLLER "GetKeystrokeListeners", "registry/deviceeventcontroller"},
        {"call", CONTROLLER "GetDeviceEventListeners", "registry/deviceeventcontroller"},
        {"call", CONTROLLER "NotifyListenersSync", "registry/deviceeventcontroller"},
        {"call", CONTROLLER "NotifyListenersAsync", "registry/deviceeventcontroller"},
    };
    (void)c;
    buf_str(out, "sloppy-names\nwithhold org.a11y.atspi.Application.GetApplicationBusAddress\n");
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        buf_printf(out, "%s " REGISTRY " %s /org/a11y/atspi/%s\n", rules[i].verb, rules[i].member,
                   rules[i].path);
}

/*
 * Where the bus is, as at-spi-bus-launcher has it: in a folder of its own, by the X display's name
 * where it knows of one. A bus that is not there yet is not started: nobody needs it then.
 */
static const char *host_path(struct ctx *c)
{
    const char *address = facts_env(c->f, "AT_SPI_BUS_ADDRESS");
    if (address && *address)
        return dbus_value(c, address, "path");
    const char *folder = c->f->runtime_dir ? join_path(c, c->f->runtime_dir, "at-spi") : NULL;
    if (!folder || facts_path(c->f, folder)->type != FILE_DIR)
        return NULL;
    const char *display = facts_env(c->f, "DISPLAY"),
               *colon = display ? strchr(display, ':') : NULL;
    const char *plain = join_path(c, folder, "bus");
    const char *named = colon ? concat(c, plain, "_", colon + 1, NULL) : plain;
    return facts_path(c->f, named)->type == FILE_SOCKET ? named : plain;
}

static bool has_display(struct ctx *c)
{
    return perm_granted(c, PERM_SOCKETS, "wayland") || perm_granted(c, PERM_SOCKETS, "x11") ||
           perm_granted(c, PERM_SOCKETS, "fallback-x11");
}

void put_accessibility(struct ctx *c)
{
    if (!has_display(c) || !wants_filtered_bus(c, BUS_A11Y))
        return;
    const char *path = host_path(c), *inside = join_path(c, c->runtime, "at-spi/bus");
    if (!path || facts_path(c->f, path_clean(c->a, path))->type != FILE_SOCKET)
        return;
    c->accessibility = put_filtered_bus(c, BUS_A11Y, path, inside);
    if (c->accessibility)
        put_env(c, "AT_SPI_BUS_ADDRESS", concat(c, "unix:path=", inside, NULL), accessibility_why);
}

void put_no_accessibility(struct ctx *c, const char *why)
{
    if (c->accessibility)
        return;
    put_env(c, "NO_AT_BRIDGE", "1", why);
    put_env(c, "GTK_A11Y", "none", why);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/options.h"

#include "policy/keyfile.h"
#include "policy/merge.h"
#include "policy/read.h"
#include "util/str.h"
#include "util/utf8.h"

#include <string.h>

/* How a permission option changes its permission. */
enum { GRANT, DENY, GRANT_IF };

static void set_perm(struct source *s, const struct policy_option *o, const char *value,
                     struct place at)
{
    struct layer_perms l = {0};
    if (*value == '!' || (o->b != GRANT_IF && strchr(value, ':'))) {
        source_diag(s, DIAG_ERROR, at, o->meaning, "\"%s\" is no value of --%s", value, o->name);
        return;
    }
    if (o->b == DENY)
        value = arena_printf(s->p->arena, "!%s", value);
    else if (o->b == GRANT_IF)
        value = arena_printf(s->p->arena, "if:%s", value);
    perm_read_word(s, (enum perm_kind)o->a, &l, value, at);
    perms_merge(s, (enum perm_kind)o->a, &l);
}

static void set_filesystem(struct source *s, const struct policy_option *o, const char *value,
                           struct place at)
{
    struct layer_fs word;
    if (fs_read_word(s, value, o->b == DENY, at, &word))
        fs_merge(s, &word, 1);
}

static void set_persistent(struct source *s, const struct policy_option *o, const char *value,
                           struct place at)
{
    struct fs_grant g;
    (void)o;
    if (fs_read_persistent(s, value, at, &g))
        persistent_set(s, g);
}

/* A value that a key file can hold too. */
static bool text_ok(struct source *s, const char *text, struct place at)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t len = utf8_decode(text + i, n - i, &cp);
        if (len == 0 || cp == 0x7f || (cp < 0x20 && !strchr("\t\n\r", (int)cp))) {
            source_diag(s, DIAG_ERROR, at, NULL,
                        "\"%s\" holds a control character or a byte that is not UTF-8", text);
            return false;
        }
        i += len;
    }
    return true;
}

static void set_env(struct source *s, const struct policy_option *o, const char *value,
                    struct place at)
{
    const char *equals = strchr(value, '=');
    if (!equals || equals == value) {
        source_diag(s, DIAG_ERROR, at, "write --env=NAME=VALUE", "\"%s\" is no value of --%s",
                    value, o->name);
        return;
    }
    const char *name = arena_strndup(s->p->arena, value, (size_t)(equals - value));
    if (env_name_ok(s, name, at) && text_ok(s, equals + 1, at))
        env_set(s->p, name, arena_strdup(s->p->arena, equals + 1), at);
}

static void unset_env(struct source *s, const struct policy_option *o, const char *value,
                      struct place at)
{
    (void)o;
    if (env_name_ok(s, value, at))
        env_set(s->p, arena_strdup(s->p->arena, value), NULL, at);
}

static void refuse_env_fd(struct source *s, const struct policy_option *o, const char *value,
                          struct place at)
{
    (void)value;
    source_diag(s, DIAG_ERROR, at, "give each variable as --env=NAME=VALUE",
                "--%s is not supported", o->name);
}

static void set_bus(struct source *s, const struct policy_option *o, const char *value,
                    struct place at)
{
    bus_set(s, (enum bus_kind)o->a, arena_strdup(s->p->arena, value), (enum bus_access)o->b, at);
}

static void set_command(struct source *s, const struct policy_option *o, const char *value,
                        struct place at)
{
    (void)o;
    policy_set_command(s, arena_strdup(s->p->arena, value), at);
}

/* "GROUP=KEY[=VALUE]" is read as the line of a file. */
static void set_metadata(struct source *s, const struct policy_option *o, const char *value,
                         struct place at)
{
    struct arena *a = s->p->arena;
    const char *key = strchr(value, '='), *rest = key ? strchr(key + 1, '=') : NULL;
    size_t n_key = !key ? 0 : rest ? (size_t)(rest - key - 1) : strlen(key + 1);
    if (!key || key == value || n_key == 0) {
        source_diag(s, DIAG_ERROR, at, "write --metadata=GROUP=KEY=VALUE",
                    "\"%s\" is no value of --%s", value, o->name);
        return;
    }
    struct buf plain = {.arena = a};
    kf_escape(&plain, rest ? rest + 1 : "true", false);
    struct kf_entry e = {.key = arena_strndup(a, key + 1, n_key),
                         .value = plain.data ? plain.data : "",
                         .key_at = at,
                         .at = at};
    struct kf_group g = {
        .name = arena_strndup(a, value, (size_t)(key - value)), .at = at, .v = &e, .n = 1};
    struct keyfile k = {.v = &g, .n = 1};
    if (text_ok(s, value, at))
        policy_read_keyfile(s, &k);
}

static void set_x11(struct source *s, const struct policy_option *o, const char *value,
                    struct place at)
{
    set_metadata(s, o, arena_printf(s->p->arena, "Carrel Display=x11=%s", value), at);
}

static void no_a11y_bus(struct source *s, const struct policy_option *o, const char *value,
                        struct place at)
{
    (void)value;
    set_metadata(s, o, "Carrel Bus=accessibility=none", at);
}

/* Rules that other programs read: only their form is checked. */
static void check_generic(struct source *s, const struct policy_option *o, const char *value,
                          struct place at)
{
    const char *equals = strchr(value, '='), *dot = strchr(value, '.');
    if (!equals || !dot || dot > equals || equals[1] == '!')
        source_diag(s, DIAG_ERROR, at,
                    arena_printf(s->p->arena, "write --%s=SUBSYSTEM.KEY=VALUE", o->name),
                    "\"%s\" is no value of --%s", value, o->name);
}

static bool hex4(const char *s, size_t n)
{
    return n == 4 && strspn(s, "0123456789abcdefABCDEF") >= 4;
}

static bool usb_class(const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    return strspn(s, hex) == 2 && s[2] == ':' &&
           ((n == 4 && s[3] == '*') || (n == 5 && strspn(s + 3, hex) >= 2));
}

static bool usb_rule_ok(const char *rule, size_t n)
{
    const char *rest;
    if (n == 3 && strncmp(rule, "all", 3) == 0)
        return true;
    if (n < 5)
        return false;
    if ((rest = str_after(rule, "vnd:")) || (rest = str_after(rule, "dev:")))
        return hex4(rest, n - 4);
    return (rest = str_after(rule, "cls:")) && usb_class(rest, n - 4);
}

/* The form of a USB query: rules joined by '+'. Nothing here enforces it yet: the USB portal does.
 */
static void check_usb(struct source *s, const struct policy_option *o, const char *value,
                      struct place at)
{
    for (const char *p = value;;) {
        size_t n = strcspn(p, "+");
        if (!usb_rule_ok(p, n)) {
            source_diag(s, DIAG_ERROR, at, "write all, vnd:1234, vnd:1234+dev:5678 or cls:03:*",
                        "\"%s\" is no value of --%s", value, o->name);
            return;
        }
        if (p[n] == '\0')
            return;
        p += n + 1;
    }
}

static void allow_devel(struct source *s, const struct policy_option *o, const char *value,
                        struct place at)
{
    (void)value;
    set_perm(s, o, "devel", at);
}

static void wipe_bus(struct source *s, enum bus_kind kind)
{
    struct policy *p = s->p;
    size_t kept = 0;
    for (size_t i = 0; i < p->bus[kind].n; i++)
        if (p->bus[kind].v[i].rank == s->rank)
            p->bus[kind].v[kept++] = p->bus[kind].v[i];
    p->bus[kind].n = kept;
}

/* What files grant is taken away, but for multiarch, without which the program would not run. */
static void wipe(struct source *s, const struct policy_option *o, const char *value,
                 struct place at)
{
    struct policy *p = s->p;
    (void)o;
    (void)value;
    for (int kind = 0; kind < PERM_KIND_COUNT; kind++) {
        for (size_t i = 0; i < p->perms[kind].n; i++) {
            struct perm *perm = &p->perms[kind].v[i];
            if (perm->rank == s->rank || str_eq(perm->name, "multiarch"))
                continue;
            *perm = (struct perm){.name = perm->name, .at = at, .rank = s->rank};
        }
    }
    struct layer_fs reset = {.grant = {.base = FS_HOST, .sub = "", .text = "host", .at = at},
                             .reset = true};
    reset.grant.rank = s->rank;
    fs_merge(s, &reset, 1);
    for (int kind = 0; kind < BUS_KIND_COUNT; kind++)
        wipe_bus(s, (enum bus_kind)kind);
}

/* Options that have a meaning elsewhere and none here. */
static void pass(struct source *s, const struct policy_option *o, const char *value,
                 struct place at)
{
    (void)s;
    (void)o;
    (void)value;
    (void)at;
}

/* One row is one line. */
/* clang-format off */
const struct policy_option policy_options[] = {
    {"share", "NAME", "share the network or ipc with the host", set_perm, PERM_SHARED, GRANT},
    {"unshare", "NAME", "do not share it", set_perm, PERM_SHARED, DENY},
    {"share-if", "NAME:CONDITION", "share it if a condition is met", set_perm, PERM_SHARED, GRANT_IF},
    {"socket", "NAME", "allow a service: wayland, x11, fallback-x11, pulseaudio, …", set_perm, PERM_SOCKETS, GRANT},
    {"nosocket", "NAME", "deny it", set_perm, PERM_SOCKETS, DENY},
    {"socket-if", "NAME:CONDITION", "allow it if a condition is met", set_perm, PERM_SOCKETS, GRANT_IF},
    {"x11", "WAY", "what an X display is: nested, untrusted, shared, headless, none (ours)", set_x11, 0, 0},
    {"device", "NAME", "allow devices: dri, input, usb, kvm, shm, all", set_perm, PERM_DEVICES, GRANT},
    {"nodevice", "NAME", "deny them", set_perm, PERM_DEVICES, DENY},
    {"device-if", "NAME:CONDITION", "allow them if a condition is met", set_perm, PERM_DEVICES, GRANT_IF},
    {"allow", "NAME", "allow a feature: devel, multiarch, bluetooth, canbus, per-app-dev-shm", set_perm, PERM_FEATURES, GRANT},
    {"disallow", "NAME", "deny it", set_perm, PERM_FEATURES, DENY},
    {"allow-if", "NAME:CONDITION", "allow it if a condition is met", set_perm, PERM_FEATURES, GRANT_IF},
    {"filesystem", "LOCATION[:ro|:rw|:create]", "grant a file or folder", set_filesystem, 0, GRANT},
    {"nofilesystem", "LOCATION", "hide a file or folder; host:reset forgets what policies grant", set_filesystem, 0, DENY},
    {"persist", "DIR", "keep a folder of the home (all of the private home is kept)", set_persistent, 0, 0},
    {"env", "NAME=VALUE", "set an environment variable", set_env, 0, 0},
    {"unset-env", "NAME", "take an environment variable away", unset_env, 0, 0},
    {"env-fd", "FD", "not supported", refuse_env_fd, 0, 0},
    {"own-name", "NAME", "let the app own a name on the session bus", set_bus, BUS_SESSION, BUS_OWN},
    {"talk-name", "NAME", "let it talk to a name on the session bus", set_bus, BUS_SESSION, BUS_TALK},
    {"see-name", "NAME", "let it see a name on the session bus", set_bus, BUS_SESSION, BUS_SEE},
    {"no-talk-name", "NAME", "keep a name of the session bus from it", set_bus, BUS_SESSION, BUS_NONE},
    {"system-own-name", "NAME", "let the app own a name on the system bus", set_bus, BUS_SYSTEM, BUS_OWN},
    {"system-talk-name", "NAME", "let it talk to a name on the system bus", set_bus, BUS_SYSTEM, BUS_TALK},
    {"system-see-name", "NAME", "let it see a name on the system bus", set_bus, BUS_SYSTEM, BUS_SEE},
    {"system-no-talk-name", "NAME", "keep a name of the system bus from it", set_bus, BUS_SYSTEM, BUS_NONE},
    {"a11y-own-name", "NAME", "let the app own a name on the accessibility bus", set_bus, BUS_A11Y, BUS_OWN},
    {"command", "PROGRAM", "the program that is started", set_command, 0, 0},
    {"metadata", "GROUP=KEY=VALUE", "any line of a policy", set_metadata, 0, 0},
    {"sandbox", NULL, "take away what policies grant; options before and behind it hold", wipe, 0, 0},
    {"devel", NULL, "the same as --allow=devel", allow_devel, PERM_FEATURES, GRANT},
    {"add-policy", "SUBSYSTEM.KEY=VALUE", "accepted, without effect", check_generic, 0, 0},
    {"remove-policy", "SUBSYSTEM.KEY=VALUE", "accepted, without effect", check_generic, 0, 0},
    {"usb", "QUERY", "accepted, without effect yet", check_usb, 0, 0},
    {"nousb", "QUERY", "accepted, without effect yet", check_usb, 0, 0},
    {"usb-list", "LIST", "accepted, without effect yet", pass, 0, 0},
    {"usb-list-file", "FILE", "accepted, without effect yet", pass, 0, 0},
    {"require-version", "VERSION", "accepted, without effect", pass, 0, 0},
    {"runtime", "RUNTIME", "accepted, without effect", pass, 0, 0},
    {"sdk", "SDK", "accepted, without effect", pass, 0, 0},
    {"extension", "NAME=KEY=VALUE", "accepted, without effect", pass, 0, 0},
    {"remove-extension", "NAME", "accepted, without effect", pass, 0, 0},
    {"extension-priority", "NUMBER", "accepted, without effect", pass, 0, 0},
    {"extra-data", "NAME:SHA256:SIZE:SIZE:URL", "accepted, without effect", pass, 0, 0},
    {"no-exports", NULL, "accepted, without effect", pass, 0, 0},
    {"no-inherit-permissions", NULL, "accepted, without effect", pass, 0, 0},
    {"no-desktop", NULL, "accepted, without effect", pass, 0, 0},
    {"no-session-bus", NULL, "accepted, without effect yet", pass, 0, 0},
    {"no-a11y-bus", NULL, "do not show it to screen readers", no_a11y_bus, 0, 0},
    {"no-documents-portal", NULL, "accepted, without effect yet", pass, 0, 0},
    {"log-session-bus", NULL, "accepted, without effect yet", pass, 0, 0},
    {"log-system-bus", NULL, "accepted, without effect yet", pass, 0, 0},
    {"log-a11y-bus", NULL, "accepted, without effect yet", pass, 0, 0},
    {"die-with-parent", NULL, "accepted: it always does", pass, 0, 0},
    {"clear-env", NULL, "accepted: only listed variables are passed on anyway", pass, 0, 0},
};
/* clang-format on */

const size_t n_policy_options = ARRAY_SIZE(policy_options);

const char *policy_option_words(const struct policy_option *o)
{
    return o->apply == set_perm         ? perm_places[o->a]
           : o->apply == set_x11        ? "Carrel Display/x11"
           : o->apply == set_filesystem ? "Context/filesystems"
                                        : NULL;
}

const char *policy_option_nearest(const char *arg)
{
    const char *names[ARRAY_SIZE(policy_options)];
    char name[64];
    const char *start = str_after(arg, "--");
    size_t n = start ? strcspn(start, "=") : 0;
    if (n == 0 || n >= sizeof name)
        return NULL;
    memcpy(name, start, n);
    name[n] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(policy_options); i++)
        names[i] = policy_options[i].name;
    return str_nearest(name, names, ARRAY_SIZE(names));
}

/* The option that arg names, and in *value what stands behind its '=' (NULL without one). */
static const struct policy_option *find_option(const char *arg, const char **value)
{
    const char *name = str_after(arg, "--");
    if (!name)
        return NULL;
    size_t n = strcspn(name, "=");
    *value = name[n] ? name + n + 1 : NULL;
    for (size_t i = 0; i < ARRAY_SIZE(policy_options); i++)
        if (strlen(policy_options[i].name) == n && strncmp(policy_options[i].name, name, n) == 0)
            return &policy_options[i];
    return NULL;
}

int policy_read_option(struct source *s, const char *arg, struct place at)
{
    const char *value;
    const struct policy_option *o = find_option(arg, &value);
    if (!o)
        return 0;
    if (o->argument && !value)
        source_diag(s, DIAG_ERROR, at,
                    arena_printf(s->p->arena, "write --%s=%s", o->name, o->argument),
                    "--%s needs a value", o->name);
    else if (!o->argument && value)
        source_diag(s, DIAG_ERROR, at, arena_printf(s->p->arena, "write --%s", o->name),
                    "--%s takes no value", o->name);
    else
        o->apply(s, o, value, at);
    return 1;
}

int policy_merge_option(struct policy *p, const char *arg, struct place at, struct diags *d)
{
    struct source s = {.p = p, .d = d, .rank = POLICY_RANK_OPTIONS, .strict = true};
    return policy_read_option(&s, arg, at);
}
